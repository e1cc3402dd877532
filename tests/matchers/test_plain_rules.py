"""Every strategy equals a plain statement of its rule."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import matchers
from ssd_tf.matchers import ssd

CASES = [
    ("ssd", {}),
    ("ssd", {"iou_threshold": 0.0, "forced_match": "none"}),
    ("ssd", {"forced_match": "last_wins"}),
    ("ssd", {"iou_threshold": 0.9}),
    ("rpn", {}),
    ("rpn", {"positive_iou": 0.6, "negative_iou": 0.2}),
    ("retinanet", {}),
    ("retinanet", {"allow_low_quality_matches": True}),
    ("yolov2", {}),
    ("yolov2", {"level": None, "ignore_iou": 0.3}),
    ("yolov2", {"level": 0, "static_ignore": False}),
    ("yolov3", {}),
    ("yolov3", {"ignore_iou": None}),
    ("fcos", {}),
    ("fcos", {"center_radius": 0.8}),
    ("topk", {}),
    ("topk", {"k": 1}),
    ("topk", {"k": 200}),
    ("topk", {"k": 30, "center_rule": True}),
    ("atss", {}),
    ("atss", {"k": 2}),
    ("atss", {"k": 1, "use_variance": True}),
]


@pytest.mark.parametrize("name, params", CASES, ids=lambda v: str(v))
def test_equals_the_plain_rule(
    name, params, plain_rules, small_anchors, random_objects
):
    matcher = matchers.build_matcher(name, tuple(params.items()))
    match = tf.function(
        lambda boxes, labels: matcher(boxes, labels, small_anchors),
        input_signature=[
            tf.TensorSpec([None, 4], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    for snap in (0, 8, 64):
        rng = np.random.default_rng(snap)
        for num_objects in (0, 1, 2, 3, 5, 8, 8, 20):
            labels, boxes = random_objects(rng, num_objects, snap=snap)
            index, quality = match(boxes, labels)
            expected, expected_quality = plain_rules.match(
                name, boxes, labels, small_anchors, **params
            )
            np.testing.assert_array_equal(index, expected)
            np.testing.assert_array_equal(quality, expected_quality)


@functools.cache
def traced_bipartite(num_anchors):
    spec = tf.TensorSpec([num_anchors, None], tf.float32)
    return tf.function(ssd.match_one_to_one, input_signature=[spec])


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("num_anchors", [7, 12, 60])
def test_bipartite_equals_the_greedy_loop(levels, num_anchors, plain_rules):
    match = traced_bipartite(num_anchors)
    rng = np.random.default_rng(levels)
    for num_objects in (1, 2, 4, 7, 11):
        # Few different values: ties and collisions everywhere.
        iou = rng.integers(0, levels, (num_anchors, num_objects)) / levels
        anchor, claimed_iou = match(tf.constant(iou, tf.float32))
        expected = np.full(num_objects, ssd.NO_ANCHOR)
        for a, m in plain_rules.greedy_pairs(iou.T.astype(np.float32)):
            expected[m] = a
        np.testing.assert_array_equal(anchor, expected)
        found = expected >= 0
        np.testing.assert_array_equal(
            claimed_iou[found],
            iou[expected[found], np.flatnonzero(found)].astype(np.float32),
        )


def test_all_objects_the_same(plain_rules, small_anchors):
    labels = np.ones(9, np.int32)
    boxes = np.tile(np.float32([0.2, 0.2, 0.6, 0.5]), (9, 1))
    index, _ = matchers.build_matcher("ssd")(boxes, labels, small_anchors)
    expected, _ = plain_rules.match("ssd", boxes, labels, small_anchors)
    np.testing.assert_array_equal(index, expected)
    assert len(set(expected[expected >= 0])) == 9
