import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import Decoder

BACKGROUND = (0.98, 0.01, 0.01)  # not above the default threshold of .01
# Anchors 0, 2, 4, 6 of the toy are its four cells; 1, 3, 5, 7 are boxes of
# side 1 around the cells' centres. IoU of 0 and 1 is exactly 1/4.


def make_outputs(anchors_to_probabilities, offsets=None, num_anchors=8):
    """Outputs of one image; offsets as {anchor: [cx, cy, w, h]}."""
    probabilities = np.tile(np.float32(BACKGROUND), (num_anchors, 1))
    localisations = np.zeros([num_anchors, 4], np.float32)
    for anchor, values in anchors_to_probabilities.items():
        probabilities[anchor] = values
    for anchor, values in (offsets or {}).items():
        localisations[anchor] = values
    return {
        "logits": np.log(probabilities)[None],
        "localisations": localisations[None],
    }


def found(detections, image=0):
    """(class, score, box) of the real detections, to 4 digits."""
    count = int(detections.num_detections[image])
    return [
        (int(c), round(float(s), 4), [round(float(v), 4) for v in box])
        for c, s, box in zip(
            detections.classes[image].numpy()[:count],
            detections.scores[image].numpy()[:count],
            detections.boxes[image].numpy()[:count],
        )
    ]


def summary(detections):
    return [(c, s) for c, s, _ in found(detections)]


def test_one_detection_and_padding(toy_config):
    decode = Decoder(toy_config)
    detections = decode(make_outputs({2: (0.2, 0.7, 0.1)}))
    assert found(detections) == [
        (1, 0.7, [0.0, 0.5, 0.5, 1.0]),
        (2, 0.1, [0.0, 0.5, 0.5, 1.0]),
    ]
    boxes, scores, classes, count = detections
    assert boxes.shape == (1, 200, 4) and boxes.dtype == tf.float32
    assert scores.shape == (1, 200) and scores.dtype == tf.float32
    assert classes.shape == (1, 200) and classes.dtype == tf.int32
    assert count.shape == (1,) and count.dtype == tf.int32
    for padded in (boxes, scores, classes):
        assert not np.any(padded[:, 2:])


def test_offsets_are_applied_and_boxes_are_not_clipped(toy_config):
    # Centre (.25 - .2, .25 + .1), width .5 * 2, height .5 / 2.
    offsets = [-0.2 / 0.05, 0.1 / 0.05, np.log(2) / 0.2, -np.log(2) / 0.2]
    outputs = make_outputs({0: (0.1, 0.895, 0.005)}, {0: offsets})
    assert found(Decoder(toy_config)(outputs)) == [
        (1, 0.895, [0.225, -0.45, 0.475, 0.55])
    ]


def test_variances_in_the_targets(toy_config):
    config = dataclasses.replace(toy_config, encode_variance_in_target=True)
    offsets = [-0.2 / 0.5, 0.1 / 0.5, np.log(2), -np.log(2)]
    outputs = make_outputs({0: (0.1, 0.895, 0.005)}, {0: offsets})
    assert found(Decoder(config)(outputs)) == [
        (1, 0.895, [0.225, -0.45, 0.475, 0.55])
    ]


def test_nothing_above_the_threshold(toy_config):
    detections = Decoder(toy_config, score_threshold=0.02)(make_outputs({}))
    assert detections.num_detections.numpy().tolist() == [0]
    for padded in detections:
        assert not np.any(padded)


def test_threshold_is_exclusive(toy_config):
    # Four equal logits have probability 1/4 exactly.
    config = dataclasses.replace(toy_config, num_classes=3)
    outputs = {
        "logits": np.zeros([1, 8, 4], np.float32),
        "localisations": np.zeros([1, 8, 4], np.float32),
    }
    at = Decoder(config, score_threshold=0.25)(outputs)
    assert at.num_detections.numpy().tolist() == [0]
    below = Decoder(config, score_threshold=0.2499)(outputs)
    assert below.num_detections.numpy()[0] > 0


@pytest.mark.parametrize("threshold, kept", [(0.25, 2), (0.2499, 1)])
def test_nms_keeps_an_overlap_equal_to_the_threshold(
    toy_config, threshold, kept
):
    outputs = make_outputs({0: (0.05, 0.9, 0.05), 1: (0.15, 0.8, 0.05)})
    decode = Decoder(
        toy_config, nms_iou_threshold=threshold, score_threshold=0.1
    )
    assert summary(decode(outputs)) == [(1, 0.9), (1, 0.8)][:kept]


@pytest.mark.parametrize("shift, kept", [(0.19, 2), (0.185, 1)])
def test_default_nms_threshold(toy_config, shift, kept):
    # Two cells' boxes of side .5, `shift` apart: IoU = (.5 - s) / (.5 + s),
    # which is .449 and .460.
    outputs = make_outputs(
        {0: (0.1, 0.8, 0.1), 2: (0.2, 0.7, 0.1)},
        {2: [(shift - 0.5) / 0.05, 0, 0, 0]},
    )
    decode = Decoder(toy_config, score_threshold=0.2)
    assert summary(decode(outputs)) == [(1, 0.8), (1, 0.7)][:kept]


def test_nms_is_per_class(toy_config):
    # The same place, as different classes.
    offsets = {1: [0, 0, np.log(0.5) / 0.2, np.log(0.5) / 0.2]}
    decode = Decoder(toy_config, score_threshold=0.3)
    outputs = make_outputs({0: (0.2, 0.7, 0.1), 1: (0.2, 0.1, 0.7)}, offsets)
    assert sorted(summary(decode(outputs))) == [(1, 0.7), (2, 0.7)]
    outputs = make_outputs({0: (0.2, 0.7, 0.1), 1: (0.1, 0.8, 0.1)}, offsets)
    assert summary(decode(outputs)) == [(1, 0.8)]


def test_one_box_as_two_classes(toy_config):
    outputs = make_outputs({0: (0.25, 0.4, 0.35)})
    box = [0.0, 0.0, 0.5, 0.5]
    assert found(Decoder(toy_config)(outputs)) == [
        (1, 0.4, box),
        (2, 0.35, box),
    ]


def test_single_label_takes_the_best_class_and_drops_background(toy_config):
    decode = Decoder(toy_config, multi_label=False)
    outputs = make_outputs(
        {
            0: (0.25, 0.4, 0.35),  # class 1 only
            2: (0.4, 0.3, 0.3),  # background is likelier
            6: (0.1, 0.2, 0.7),
        }
    )
    assert found(decode(outputs)) == [
        (2, 0.7, [0.5, 0.5, 1.0, 1.0]),
        (1, 0.4, [0.0, 0.0, 0.5, 0.5]),
    ]
    strict = Decoder(toy_config, multi_label=False, score_threshold=0.5)
    assert summary(strict(outputs)) == [(2, 0.7)]


def test_agnostic_nms_is_one_class_per_object(toy_config):
    """Boxes of other classes suppress, too, and keep their best class."""
    # Anchor 1 shrunk to anchor 0's box, and anchor 3 moved there.
    shrink = np.log(0.5) / 0.2
    offsets = {1: [0, 0, shrink, shrink], 3: [-5.0, 0, shrink, shrink]}
    outputs = make_outputs(
        {
            0: (0.25, 0.4, 0.35),
            1: (0.3, 0.1, 0.6),  # the same box, surer of another class
            3: (0.5, 0.45, 0.05),
            6: (0.6, 0.3, 0.1),  # background is likelier
        },
        offsets,
    )
    here, there = [0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]
    decode = Decoder(toy_config, agnostic_nms=True, score_threshold=0.05)
    assert found(decode(outputs)) == [(2, 0.6, here), (1, 0.3, there)]
    # Of 8 boxes each has one class: class-wise NMS finds both here.
    classwise = Decoder(toy_config, score_threshold=0.05)
    assert summary(classwise(outputs))[:2] == [(2, 0.6), (1, 0.45)]
    # Boxes that are most likely background go with --nomulti_label, as there.
    strict = Decoder(toy_config, agnostic_nms=True, multi_label=False)
    assert summary(strict(outputs)) == [(2, 0.6)]
    loose = Decoder(toy_config, agnostic_nms=True, nms_iou_threshold=1.0)
    assert summary(loose(outputs))[:4] == [
        (2, 0.6),
        (1, 0.45),
        (1, 0.4),
        (1, 0.3),
    ]


def test_agnostic_nms_pads_with_zeros(toy_config):
    decode = tf.function(Decoder(toy_config, agnostic_nms=True))
    one, none = make_outputs({2: (0.2, 0.7, 0.1)}), make_outputs({})
    both = {k: np.concatenate([none[k], one[k]]) for k in one}
    boxes, scores, classes, count = decode(both)
    assert count.numpy().tolist() == [0, 1] and count.dtype == tf.int32
    assert boxes.shape == (2, 200, 4) and boxes.dtype == tf.float32
    assert scores.shape == (2, 200) and scores.dtype == tf.float32
    assert classes.shape == (2, 200) and classes.dtype == tf.int32
    np.testing.assert_allclose(boxes[1, 0], [0.0, 0.5, 0.5, 1.0])
    assert (round(float(scores[1, 0]), 4), int(classes[1, 0])) == (0.7, 1)
    for padded in (boxes, scores, classes):
        assert not np.any(padded[0]) and not np.any(padded[1, 1:])


FOUR = {
    0: (0.05, 0.9, 0.05),
    2: (0.15, 0.8, 0.05),
    4: (0.25, 0.05, 0.7),
    6: (0.35, 0.6, 0.05),
}


def test_top_k_is_per_class(toy_config):
    decode = Decoder(toy_config, pre_nms_top_k=2, score_threshold=0.1)
    # Class 1 has three candidates, the third is cut; class 2 has one.
    expected = [(1, 0.9), (1, 0.8), (2, 0.7)]
    assert summary(decode(make_outputs(FOUR))) == expected


def test_single_label_top_k_is_over_all_classes(toy_config):
    decode = Decoder(
        toy_config, pre_nms_top_k=3, score_threshold=0.1, multi_label=False
    )
    expected = [(1, 0.9), (1, 0.8), (2, 0.7)]
    assert summary(decode(make_outputs(FOUR))) == expected


def test_top_k_comes_before_nms(toy_config):
    # Anchor 1 shrunk to anchor 0's box takes the second place of two and is
    # suppressed there; the third candidate does not move up.
    offsets = {1: [0, 0, np.log(0.5) / 0.2, np.log(0.5) / 0.2]}
    outputs = make_outputs({**FOUR, 1: (0.13, 0.85, 0.02)}, offsets)
    decode = Decoder(toy_config, pre_nms_top_k=2, score_threshold=0.1)
    assert summary(decode(outputs)) == [(1, 0.9), (2, 0.7)]


def test_max_detections_are_the_best_of_all_classes(toy_config):
    detections = Decoder(toy_config, max_detections=3)(make_outputs(FOUR))
    assert detections.boxes.shape == (1, 3, 4)
    assert summary(detections) == [(1, 0.9), (1, 0.8), (2, 0.7)]


def test_thresholds_default_to_the_config(toy_config):
    config = dataclasses.replace(
        toy_config, score_threshold=0.65, max_detections=7
    )
    detections = Decoder(config)(make_outputs(FOUR))
    assert detections.boxes.shape == (1, 7, 4)
    assert summary(detections) == [(1, 0.9), (1, 0.8), (2, 0.7)]
    # A threshold of zero is a value, not a default.
    assert Decoder(config, score_threshold=0.0).score_threshold == 0
