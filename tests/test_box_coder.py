import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf import PRESETS, BoxCoder, build_anchors

# x1y1x2y2 (.2, .3, .6, .7) and (.25, .25, .55, .65), as yxyx.
GT = np.array([[0.3, 0.2, 0.7, 0.6]], np.float32)
ANCHOR = np.array([[0.25, 0.25, 0.65, 0.55]], np.float32)
CODERS = [BoxCoder(), BoxCoder(encode_variance_in_target=True)]


def test_encode_by_hand():
    # cx: 0; cy: .05 / (.4 * .1); w: ln(.4 / .3) / .2; h: ln(1)
    np.testing.assert_allclose(
        BoxCoder().encode(GT, ANCHOR), [[0, 1.25, 1.43841, 0]], atol=3e-6
    )


def test_encode_by_hand_without_the_variances():
    np.testing.assert_allclose(
        BoxCoder(encode_variance_in_target=True).encode(GT, ANCHOR),
        [[0, 0.125, 0.287682, 0]],
        atol=1e-6,
    )


def test_pairs_are_encoded_alone():
    rng = np.random.default_rng(0)
    anchors = build_anchors(PRESETS["ssd300_tiny"]).boxes[:9]
    boxes = np.sort(rng.random((3, 4)).astype(np.float32), axis=1)
    # A box without area is encoded by nobody and does no harm.
    boxes = np.vstack([boxes, np.zeros([1, 4], np.float32)])
    pairs = [2, 0, 2], [8, 1, 4]
    np.testing.assert_allclose(
        BoxCoder().encode(boxes, anchors, pairs=pairs),
        BoxCoder().encode(boxes[pairs[0]], anchors[pairs[1]]),
        rtol=1e-6,
    )


def test_channels_are_cx_cy_w_h():
    # Anchor and box differ in one of the four only.
    anchor = np.array([[0.25, 0.25, 0.75, 0.75]], np.float32)
    encode = BoxCoder((0.1, 0.2, 0.4, 0.8)).encode
    for box, expected in [
        ([0.25, 0.35, 0.75, 0.85], [2, 0, 0, 0]),
        ([0.35, 0.25, 0.85, 0.75], [0, 1, 0, 0]),
        ([0.25, 0.0, 0.75, 1.0], [0, 0, np.log(2) / 0.4, 0]),
        ([0.0, 0.25, 1.0, 0.75], [0, 0, 0, np.log(2) / 0.8]),
    ]:
        offsets = encode(tf.constant([box], tf.float32), anchor)
        np.testing.assert_allclose(offsets, [expected], atol=2e-6)


def test_decode_by_hand():
    anchor = np.array([[0.25, 0.25, 0.75, 0.75]], np.float32)
    offsets = tf.constant([[1.0, -2.0, np.log(2) / 0.2, np.log(0.5) / 0.2]])
    # Centre .5 + .05, .5 - .1; sides 1 and .25.
    np.testing.assert_allclose(
        BoxCoder().decode(offsets, anchor),
        [[0.4 - 0.125, 0.55 - 0.5, 0.4 + 0.125, 0.55 + 0.5]],
        atol=1e-6,
    )


def test_zero_offsets_decode_to_the_anchors():
    anchors = build_anchors(PRESETS["ssd300_tiny"]).boxes
    decoded = BoxCoder().decode(tf.zeros([len(anchors), 4]), anchors)
    np.testing.assert_allclose(decoded, anchors, rtol=0, atol=1e-6)


@pytest.mark.parametrize("coder", CODERS, ids=["variances", "in_target"])
def test_an_anchor_encodes_to_zero(coder):
    anchors = build_anchors(PRESETS["ssd300_tiny"]).boxes
    offsets = coder.encode(anchors, anchors)
    np.testing.assert_allclose(offsets, np.zeros_like(offsets), atol=2e-5)


COORDINATE = st.floats(-0.5, 1.5, width=32)
SIDE = st.floats(0.015625, 1.5, width=32)
BOX = st.tuples(COORDINATE, COORDINATE, SIDE, SIDE).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]
)


@pytest.mark.parametrize("coder", CODERS, ids=["variances", "in_target"])
@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(BOX, BOX), min_size=1, max_size=4))
def test_round_trip(coder, pairs):
    anchors = np.array([anchor for anchor, _ in pairs], np.float32)
    boxes = np.array([box for _, box in pairs], np.float32)
    # The factor between the sides stays below the decoder's limit of 62.5
    # unless a side is 96 times another; leave those out.
    offsets = coder.encode(boxes, anchors)
    ratio = (boxes[:, 2:] - boxes[:, :2]) / (anchors[:, 2:] - anchors[:, :2])
    decoded = coder.decode(offsets, anchors).numpy()
    within = (ratio < 62).all(axis=1)
    np.testing.assert_allclose(decoded[within], boxes[within], atol=2e-5)
    assert np.isfinite(offsets).all() and np.isfinite(decoded).all()


@pytest.mark.parametrize("coder", CODERS, ids=["variances", "in_target"])
@pytest.mark.parametrize("value", [1e4, -1e4, 1e30, -1e30])
def test_extreme_offsets_decode_to_finite_boxes(coder, value):
    anchors = build_anchors(PRESETS["ssd300_tiny"]).boxes
    offsets = tf.fill([len(anchors), 4], value)
    decoded = coder.decode(offsets, anchors).numpy()
    assert np.isfinite(decoded).all()
    assert (decoded[:, 2:] >= decoded[:, :2]).all()


def test_the_largest_size_is_a_thousand_sixteenths():
    anchor = np.array([[0.25, 0.25, 0.75, 0.75]], np.float32)
    ymin, xmin, ymax, xmax = (
        BoxCoder().decode(tf.constant([[0.0, 0.0, 99.0, 99.0]]), anchor)
    ).numpy()[0]
    assert xmax - xmin == pytest.approx(0.5 * 62.5, rel=1e-5)
    assert ymax - ymin == pytest.approx(0.5 * 62.5, rel=1e-5)


def test_decode_takes_leading_dimensions():
    anchors = build_anchors(PRESETS["ssd300_tiny"]).boxes
    rng = np.random.default_rng(0)
    offsets = rng.normal(size=(2, 3, len(anchors), 4)).astype(np.float32)
    decoded = BoxCoder().decode(offsets, anchors)
    assert decoded.shape == offsets.shape
    # exp() in vector and in scalar instructions may differ in the last bit.
    np.testing.assert_allclose(
        decoded[1, 2],
        BoxCoder().decode(offsets[1, 2], anchors),
        rtol=0,
        atol=1e-6,
    )


def test_eager_equals_dataset_map():
    anchors = build_anchors(PRESETS["ssd300_tiny"]).boxes
    rng = np.random.default_rng(0)
    offsets = rng.normal(size=(len(anchors), 4)).astype(np.float32)
    boxes = BoxCoder().decode(offsets, anchors)

    def compute(boxes, offsets):
        coder = BoxCoder()
        return coder.encode(boxes, anchors), coder.decode(offsets, anchors)

    dataset = tf.data.Dataset.from_tensors((boxes, offsets)).map(compute)
    for in_graph, eager in zip(next(iter(dataset)), compute(boxes, offsets)):
        np.testing.assert_array_equal(in_graph, eager)


def test_coder_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BoxCoder().variances = (1, 1, 1, 1)
