"""GIoU and CIoU: worked examples, gradients, boxes without area."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.box_losses import OVERLAP_LOSSES, ciou_loss, giou_loss

WHOLE = (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "box, gt_box, giou, ciou",
    [
        (WHOLE, WHOLE, 0.0, 0.0),
        # IoU 1/7; hull 9/16, of which 1/8 is empty. The centres are as far
        # apart as a side of 1/4 each, the hull's diagonal^2 is 9/8.
        (
            (0, 0, 0.5, 0.5),
            (0.25, 0.25, 0.75, 0.75),
            1 - 1 / 7 + 2 / 9,
            1 - 1 / 7 + 1 / 9,
        ),
        # Apart: of the hull half is empty; centres 1/2, diagonal^2 1/16 + 9/16.
        (
            (0, 0, 0.25, 0.25),
            (0, 0.5, 0.25, 0.75),
            1 + 1 / 3,
            1 + 0.25 / 0.625,
        ),
        # One within the other, of one centre and one aspect.
        (WHOLE, (0.25, 0.25, 0.75, 0.75), 0.75, 0.75),
        # IoU 1/3; of the hull 1 - 3/4 is empty. Aspects 2 and 1/2: v is
        # 4 / pi^2 * .643501^2 = .167826, its weight v / (2/3 + v) = .201112.
        (
            (0, 0, 0.5, 1),
            (0, 0, 1, 0.5),
            2 / 3 + 1 / 4,
            2 / 3 + 1 / 16 + 0.201112 * 0.167826,
        ),
    ],
)
def test_worked_examples(box, gt_box, giou, ciou):
    for loss, expected in ((giou_loss, giou), (ciou_loss, ciou)):
        for pair in ((box, gt_box), (gt_box, box)):
            found = loss(*map(np.float32, pair))
            assert float(found) == pytest.approx(expected, abs=1e-6)


def gradient(loss, boxes, gt_boxes):
    boxes = tf.constant(boxes, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(boxes)
        total = tf.reduce_sum(loss(boxes, tf.constant(gt_boxes, tf.float32)))
    return total.numpy(), tape.gradient(total, boxes).numpy()


def test_gradients_of_giou_by_hand():
    """Apart, the box is drawn near: smooth IoU has no gradient there."""
    # Hull H = 1/4 (3/4 - x), union 1/8: loss 2 - U / H, and with box
    # (0, xmin, 1/4, xmax): d(U / H) / d xmin = (-1/4 H + 1/4 U) / H^2 at H =
    # 3/16, U = 1/8: -4/9. xmax changes U alone: 1/4 / H = 4/3.
    _, found = gradient(giou_loss, (0, 0, 0.25, 0.25), (0, 0.5, 0.25, 0.75))
    assert found[1] == pytest.approx(4 / 9, abs=1e-5)
    assert found[3] == pytest.approx(-4 / 3, abs=1e-5)


@pytest.mark.parametrize("name", OVERLAP_LOSSES)
def test_gradients_are_those_of_differences(name):
    """But for the weight of the aspect, which has none: its place is taken."""
    rng = np.random.default_rng(0)
    low, side = rng.uniform(0, 0.5, (2, 40, 2))
    boxes = np.concatenate([low, low + side + 0.05], axis=1)
    gt_boxes = np.roll(boxes, 1, axis=0)
    _, found = gradient(OVERLAP_LOSSES[name], boxes, gt_boxes)

    def in_numpy(boxes):
        return reference(name, boxes, gt_boxes, weigh_at=original)

    original = boxes.copy()
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-6
        expected = (in_numpy(boxes + step) - in_numpy(boxes - step)) / 2e-6
        np.testing.assert_allclose(found[:, k], expected, atol=2e-4)


def reference(name, a, b, *, weigh_at):
    """The definitions in float64, of boxes [N, 4] with sides above zero."""

    def parts(a):
        low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(
            a[:, 2:], b[:, 2:]
        )
        inter = np.prod(np.maximum(high - low, 0), axis=1)
        areas = [np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b)]
        union = sum(areas) - inter
        hull = np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])
        aspect = [
            np.arctan((x[:, 3] - x[:, 1]) / (x[:, 2] - x[:, 0])) for x in (a, b)
        ]
        v = 4 / np.pi**2 * (aspect[1] - aspect[0]) ** 2
        return inter / union, union, hull, v

    iou, union, hull, v = parts(a)
    if name == "giou":
        area = np.prod(hull, axis=1)
        return 1 - iou + (area - union) / area
    centre = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    distance = (centre**2).sum(1) / (hull**2).sum(1)
    iou_then, _, _, v_then = parts(weigh_at)
    return 1 - iou + distance + v_then / (1 - iou_then + v_then) * v


COORDINATE = st.one_of(
    st.sampled_from([0.0, 0.5, 0.5 + 1e-7, 1.0, -2.0, 1e-30, 3e38]),
    st.floats(-70, 70, width=32),
)
BOX = st.tuples(*[COORDINATE] * 4)


@pytest.mark.parametrize("name", OVERLAP_LOSSES)
@given(box=BOX, gt_box=BOX)
@settings(max_examples=150, deadline=None)
def test_every_box_gives_a_finite_loss(name, box, gt_box):
    """Points, lines, inverted boxes and far ones among them."""
    value, found = gradient(OVERLAP_LOSSES[name], box, gt_box)
    assert np.isfinite(value) and -1e-5 <= value
    assert np.isfinite(found).all()
    if name == "giou":
        assert value <= 2 + 1e-5


@pytest.mark.parametrize("name", OVERLAP_LOSSES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(name, dtype):
    boxes = keras.ops.cast([WHOLE, (0.5, 0.5, 0.5078125, 0.5078125)], dtype)
    loss = OVERLAP_LOSSES[name](boxes, boxes)
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, [0, 0], atol=1e-6)


@pytest.mark.parametrize("name", OVERLAP_LOSSES)
def test_compiled_by_xla(name):
    boxes = np.float32([[WHOLE, (0, 0, 0, 0)], [(0, 0, 0.5, 1), WHOLE]])
    loss = OVERLAP_LOSSES[name]
    compiled = tf.function(loss, jit_compile=True)
    np.testing.assert_allclose(
        compiled(boxes, boxes[::-1]), loss(boxes, boxes[::-1]), atol=1e-6
    )
