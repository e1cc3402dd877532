"""The contract of every strategy, whatever the objects."""

import dataclasses
import functools
import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ssd_tf import PRESETS, Anchors, TargetEncoder, box_ops, matchers

CONFIG = dataclasses.replace(
    PRESETS["ssd300_tiny"],
    feature_sizes=(10, 5, 3),
    steps_px=(32, 64, 100),
    min_sizes_px=(60.0, 111.0, 162.0),
    max_sizes_px=(111.0, 162.0, 213.0),
    aspect_ratios=((2,), (2, 3), (2,)),
)
NEED_GRIDS = {"fcos", "yolov2", "yolov3"}
EVERY = pytest.mark.parametrize("name", sorted(matchers.MATCHERS))


@functools.cache
def encoder(name):
    return TargetEncoder(dataclasses.replace(CONFIG, matcher=name))


@functools.cache
def encode(name):
    return tf.function(
        encoder(name),
        input_signature=[
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, 4], tf.float32),
        ],
    )


coordinate = st.one_of(
    st.floats(-0.25, 1.25, width=32),
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-40]),
)
objects = st.lists(
    st.tuples(st.integers(0, 20), st.tuples(*[coordinate] * 4)), max_size=12
)
some = settings(max_examples=40, deadline=None, derandomize=True)


def arrays(drawn):
    labels = np.array([label for label, _ in drawn], np.int32)
    boxes = np.array([box for _, box in drawn], np.float32).reshape(-1, 4)
    return labels, boxes


def assert_same(one, other):
    """Equal, but for the last bits of ln() in vector or scalar code."""
    np.testing.assert_array_equal(one.gclasses, other.gclasses)
    np.testing.assert_allclose(
        one.glocalisations, other.glocalisations, rtol=2e-6, atol=2e-6
    )
    np.testing.assert_array_equal(one.gscores, other.gscores)


@EVERY
@some
@given(objects)
def test_legal_values(name, drawn):
    labels, boxes = arrays(drawn)
    gclasses, glocalisations, gscores = (
        t.numpy() for t in encode(name)(labels, boxes)
    )
    valid = matchers.valid_objects(boxes, labels).numpy()
    assert set(gclasses) <= {0, *labels[valid]}
    assert np.isfinite(glocalisations).all()
    assert not glocalisations[gclasses == 0].any()
    assert (gscores[gclasses > 0] > 0).all() and (gscores <= 1).all()
    assert ((gscores >= 0) | (gscores == -1)).all()
    if not valid.any():
        assert not gclasses.any() and not gscores.any()
    iou = box_ops.pairwise_iou(
        np.vstack([boxes[valid], np.zeros([1, 4], np.float32)]),
        encoder(name).anchors.boxes,
    )
    background = (gclasses == 0) & (gscores >= 0)
    np.testing.assert_allclose(
        gscores[background],
        np.max(iou, axis=0)[background],
        rtol=0,
        atol=1e-6,
    )


# Two objects of which one has an area beyond float32.
huge = [
    (0, (0.0,) * 4),
    (1, (0.0, 0.0, 1.0, 0.25)),
    (1, (0.0, 0.0, 1e30, 1e30)),
]


@EVERY
@some
@example(huge, random.Random(0))
@given(objects, st.randoms(use_true_random=False))
def test_padding_and_bad_boxes_do_not_matter(name, drawn, random):
    labels, boxes = arrays(drawn)
    valid = matchers.valid_objects(boxes, labels).numpy()
    expected = encode(name)(labels[valid], boxes[valid])
    assert_same(encode(name)(labels, boxes), expected)
    padded = list(zip(labels, boxes))
    for _ in range(3):
        row = (0, np.float32([0.1, 0.1, 0.7, 0.8]))
        padded.insert(random.randint(0, len(padded)), row)
    assert_same(encode(name)(*arrays(padded)), expected)


@EVERY
def test_order_does_not_matter_without_ties(name, random_objects):
    rng = np.random.default_rng(3)
    for num_objects in (2, 5, 15):
        labels, boxes = random_objects(rng, num_objects)
        labels[labels == 0] = 4
        order = rng.permutation(num_objects)
        assert_same(
            encode(name)(labels, boxes),
            encode(name)(labels[order], boxes[order]),
        )


@EVERY
def test_every_strategy_finds_a_plain_object(name):
    targets = encode(name)([7], [[0.2, 0.2, 0.65, 0.7]])
    positive = targets.gclasses.numpy() > 0
    assert 1 <= positive.sum() < len(positive) / 2
    decoded = encoder(name).coder.decode(
        targets.glocalisations, encoder(name).anchors.boxes
    )
    np.testing.assert_allclose(
        decoded[positive],
        np.tile([0.2, 0.2, 0.65, 0.7], (positive.sum(), 1)),
        atol=1e-5,
    )


@EVERY
def test_eager_equals_dataset_map(name, random_objects):
    config = dataclasses.replace(PRESETS["ssd300_tiny"], matcher=name)
    full = TargetEncoder(config)
    rng = np.random.default_rng(1)
    images = [random_objects(rng, count) for count in (0, 1, 6, 30)]
    dataset = tf.data.Dataset.from_generator(
        lambda: images,
        output_signature=(
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, 4], tf.float32),
        ),
    ).map(full)
    for image, targets in zip(images, dataset, strict=True):
        assert_same(targets, full(*image))


@EVERY
def test_a_thousand_objects(name, random_objects):
    config = dataclasses.replace(PRESETS["ssd300_tiny"], matcher=name)
    labels, boxes = random_objects(np.random.default_rng(2), 1000)
    targets = TargetEncoder(config)(labels, boxes)
    assert np.count_nonzero(targets.gclasses) > 10
    assert np.isfinite(targets.glocalisations).all()


@EVERY
def test_clipped_anchors(name, random_objects):
    config = dataclasses.replace(CONFIG, matcher=name, clip_anchors=True)
    labels, boxes = random_objects(np.random.default_rng(4), 12)
    assert np.any(TargetEncoder(config)(labels, boxes).gclasses)


@EVERY
def test_grids_are_asked_for_where_they_are_needed(name):
    anchors = Anchors.from_boxes([[0, 0, 1, 1]])
    arguments = np.float32([[0, 0, 1, 1]]), np.ones(1, np.int32), anchors
    matcher = matchers.build_matcher(name)
    if name in NEED_GRIDS:
        message = f"'{name}' needs anchors with grids"
        with pytest.raises(ValueError, match=message):
            matcher(*arguments)
    else:
        assert matcher(*arguments).gt_index.numpy().tolist() == [0]


@EVERY
def test_matchers_are_frozen(name):
    matcher = matchers.build_matcher(name)
    assert isinstance(matcher, matchers.Matcher)
    assert matcher == matchers.build_matcher(name) and hash(matcher)
    field = dataclasses.fields(matcher)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(matcher, field, 1)


@EVERY
def test_who_looks_at_predictions(name):
    matcher = matchers.build_matcher(name)
    expected = {"yolov2": 0.6, "yolov3": 0.5}.get(name)
    assert matcher.prediction_ignore_iou == expected
    changes = {} if expected is None else {"static_ignore": False}
    assert matcher.in_training() == dataclasses.replace(matcher, **changes)


@EVERY
def test_centerness_is_asked_for_by_fcos_and_by_option_only(name):
    assert matchers.build_matcher(name).centerness_weight is False
    if name == "fcos":
        params = matchers.parse_matcher_params(name, "centerness_weight=true")
        assert matchers.build_matcher(name, params).centerness_weight
