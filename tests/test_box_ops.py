import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf import box_ops

SIXTEENTHS = st.integers(-8, 24).map(lambda n: n / 16)
BOXES = st.lists(
    st.tuples(SIXTEENTHS, SIXTEENTHS, SIXTEENTHS, SIXTEENTHS),
    min_size=1,
    max_size=5,
).map(
    lambda rows: np.array(
        [[min(y, v), min(x, u), max(y, v), max(x, u)] for y, x, v, u in rows],
        np.float32,
    )
)


def test_area():
    boxes = tf.constant(
        [[0.1, 0.2, 0.6, 0.4], [0, 0, 0, 1], [0.6, 0.6, 0.2, 0.2]]
    )
    np.testing.assert_allclose(box_ops.area(boxes), [0.1, 0, 0], atol=1e-7)


def test_iou_by_hand():
    a = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]]
    b = [
        [0.0, 0.0, 0.5, 0.5],  # the same
        [0.25, 0.25, 0.75, 0.75],  # 1/16 of 7/16
        [0.5, 0.0, 1.0, 0.5],  # an edge in common
        [0.75, 0.75, 1.0, 1.0],  # apart
        [0.25, 0.25, 0.25, 0.5],  # no area
    ]
    expected = [[1, 1 / 7, 0, 0, 0], [1 / 4, 1 / 4, 1 / 4, 1 / 16, 0]]
    np.testing.assert_allclose(
        box_ops.pairwise_iou(a, b), expected, rtol=0, atol=1e-6
    )


def test_iou_of_two_empty_boxes_is_zero():
    empty = [[0.5, 0.5, 0.5, 0.5]]
    assert box_ops.pairwise_iou(empty, empty).numpy() == [[0.0]]


def test_iou_of_no_boxes():
    assert box_ops.pairwise_iou(tf.zeros([0, 4]), [[0, 0, 1, 1]]).shape == (
        0,
        1,
    )


def test_iou_of_small_boxes_is_exact():
    # 3% of the side: an epsilon in the denominator would show.
    box = [[0.5, 0.5, 0.53, 0.53]]
    assert box_ops.pairwise_iou(box, box).numpy() == pytest.approx(1, abs=1e-6)


def test_iou_of_a_batch_equals_that_of_its_images():
    rng = np.random.default_rng(0)
    a = rng.random((2, 3, 4)).astype(np.float32)
    b = rng.random((2, 7, 4)).astype(np.float32)
    iou = box_ops.pairwise_iou(a, b)
    assert iou.shape == (2, 3, 7)
    for image in range(2):
        np.testing.assert_array_equal(
            iou[image], box_ops.pairwise_iou(a[image], b[image])
        )


@settings(max_examples=50, deadline=None)
@given(BOXES, BOXES)
def test_iou_properties(a, b):
    iou = box_ops.pairwise_iou(a, b).numpy()
    assert iou.shape == (len(a), len(b))
    assert ((0 <= iou) & (iou <= 1)).all()
    np.testing.assert_array_equal(iou, box_ops.pairwise_iou(b, a).numpy().T)
    own = np.diag(box_ops.pairwise_iou(a, a).numpy())
    np.testing.assert_array_equal(own, (box_ops.area(a) > 0).numpy())


def test_conversions_by_hand():
    yxyx = [[0.1, 0.2, 0.5, 0.8]]
    cxcywh = [[0.5, 0.3, 0.6, 0.4]]
    np.testing.assert_allclose(
        box_ops.yxyx_to_cxcywh(tf.constant(yxyx)), cxcywh, atol=1e-7
    )
    np.testing.assert_allclose(
        box_ops.cxcywh_to_yxyx(tf.constant(cxcywh)), yxyx, atol=1e-7
    )


@settings(max_examples=50, deadline=None)
@given(BOXES)
def test_conversions_are_inverse(boxes):
    # Sixteenths are exact in float32.
    there = box_ops.yxyx_to_cxcywh(boxes)
    np.testing.assert_array_equal(box_ops.cxcywh_to_yxyx(there), boxes)


def test_clip():
    boxes = tf.constant([[-0.5, 0.25, 1.5, 0.75]])
    np.testing.assert_array_equal(box_ops.clip(boxes), [[0.0, 0.25, 1.0, 0.75]])


def test_flip_left_right():
    boxes = tf.constant([[0.25, 0.125, 0.5, 0.375]])
    flipped = box_ops.flip_left_right(boxes)
    np.testing.assert_array_equal(flipped, [[0.25, 0.625, 0.5, 0.875]])
    np.testing.assert_array_equal(box_ops.flip_left_right(flipped), boxes)


def test_flip_up_down():
    boxes = tf.constant([[0.25, 0.125, 0.5, 0.375]])
    flipped = box_ops.flip_up_down(boxes)
    np.testing.assert_array_equal(flipped, [[0.5, 0.125, 0.75, 0.375]])
    np.testing.assert_array_equal(box_ops.flip_up_down(flipped), boxes)


def test_transpose():
    boxes = tf.constant([[0.25, 0.125, 0.5, 0.375]])
    np.testing.assert_array_equal(
        box_ops.transpose(boxes), [[0.125, 0.25, 0.375, 0.5]]
    )


@pytest.mark.parametrize(
    "box, expected",
    [
        ([0, 0, 1, 1], True),
        ([-1, -1, 2, 2], True),
        ([0.5, 0.5, 0.5, 0.7], False),
        ([0.5, 0.5, 0.7, 0.5], False),
        ([0.7, 0.1, 0.2, 0.5], False),
        ([0.1, 0.7, 0.5, 0.2], False),
        ([0.7, 0.7, 0.2, 0.2], False),
        ([np.nan, 0, 1, 1], False),
        ([0, 0, np.inf, 1], False),
        ([0, -np.inf, 1, 1], False),
    ],
)
def test_is_valid(box, expected):
    assert bool(box_ops.is_valid(tf.constant(box, tf.float32))) is expected


def test_operations_keep_leading_dimensions():
    boxes = tf.zeros([2, 3, 5, 4])
    assert box_ops.area(boxes).shape == (2, 3, 5)
    assert box_ops.is_valid(boxes).shape == (2, 3, 5)
    for function in (
        box_ops.yxyx_to_cxcywh,
        box_ops.cxcywh_to_yxyx,
        box_ops.clip,
        box_ops.flip_left_right,
        box_ops.flip_up_down,
        box_ops.transpose,
    ):
        assert function(boxes).shape == boxes.shape


def test_operations_in_dataset_map():
    rng = np.random.default_rng(1)
    boxes = np.sort(rng.random((6, 4)).astype(np.float32), axis=1)

    def compute(boxes):
        return (
            box_ops.pairwise_iou(boxes, boxes),
            box_ops.yxyx_to_cxcywh(boxes),
            box_ops.flip_left_right(boxes),
            box_ops.is_valid(boxes),
        )

    dataset = tf.data.Dataset.from_tensors(boxes).map(compute)
    for in_graph, eager in zip(next(iter(dataset)), compute(boxes)):
        np.testing.assert_array_equal(in_graph, eager)
