import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import PRESETS, InputError, TargetEncoder, matchers

CONFIG = PRESETS["ssd300_tiny"]
ENCODER = TargetEncoder(CONFIG)
A = 8732
LABELS = np.array([3, 1, 20, 7], np.int32)
BOXES = np.array(
    [
        [0.1, 0.1, 0.4, 0.5],
        [0.3, 0.3, 0.9, 0.95],
        [0.5, 0.5, 0.52, 0.53],
        [0.0, 0.0, 1.0, 1.0],
    ],
    np.float32,
)
BAD_BOXES = [
    [np.nan, 0.1, 0.5, 0.5],
    [0.1, 0.1, np.inf, 0.5],
    [-np.inf, 0.1, 0.5, 0.5],
    [0.5, 0.5, 0.1, 0.1],  # inverted
    [0.5, 0.1, 0.1, 0.5],
    [0.2, 0.2, 0.2, 0.6],  # no height
    [0.2, 0.2, 0.6, 0.2],  # no width
    [3.0, 3.0, 4.0, 4.0],  # outside every anchor
    [-1e30, -1e30, 1e30, 1e30],
]


def assert_same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_close(actual, expected):
    """Equal, but for the last bits of ln() in vector or scalar code."""
    np.testing.assert_array_equal(actual[0], expected[0])
    np.testing.assert_allclose(actual[1], expected[1], rtol=2e-6, atol=2e-6)
    np.testing.assert_array_equal(actual[2], expected[2])


def assert_all_background(targets):
    gclasses, glocalisations, _ = targets
    assert not np.any(gclasses)
    assert not np.any(glocalisations)


def test_toy_by_hand(toy_config):
    encode = TargetEncoder(toy_config)
    # Anchor 0 is [0, 0, .5, .5]; the box covers 1/2 of it and nothing else
    # but parts of the large boxes.
    targets = encode([2], [[0.0, 0.0, 0.5, 0.25]])
    assert targets.gclasses.numpy().tolist() == [2, 0, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(
        targets.glocalisations[0],
        [-0.125 / 0.5 / 0.1, 0, np.log(0.5) / 0.2, 0],
        atol=1e-5,
    )
    # Anchor 1 is [-.25, -.25, .75, .75], 3 is [-.25, .25, .75, 1.25], 5 is
    # [.25, -.25, 1.25, .75] and 7 is [.25, .25, 1.25, 1.25].
    np.testing.assert_allclose(
        targets.gscores,
        [0.5, 1 / 8, 0, 0, 0, 0.0625 / 1.0625, 0, 0],
        atol=1e-6,
    )


def test_without_the_variances():
    bare = TargetEncoder(
        dataclasses.replace(CONFIG, encode_variance_in_target=True)
    )
    targets, expected = bare(LABELS, BOXES), ENCODER(LABELS, BOXES)
    np.testing.assert_array_equal(targets.gclasses, expected.gclasses)
    np.testing.assert_allclose(
        targets.glocalisations,
        expected.glocalisations * np.float32([0.1, 0.1, 0.2, 0.2]),
        atol=1e-6,
    )


def test_eager_equals_dataset_map():
    dataset = tf.data.Dataset.from_tensors((LABELS, BOXES)).map(ENCODER)
    assert_same(next(iter(dataset)), ENCODER(LABELS, BOXES))
    spec = dataset.element_spec
    assert [s.shape.as_list() for s in spec] == [[A], [A, 4], [A]]


def test_dataset_map_with_an_unknown_number_of_objects():
    dataset = tf.data.Dataset.from_generator(
        lambda: [(LABELS[:n], BOXES[:n]) for n in (0, 4, 1)],
        output_signature=(
            tf.TensorSpec([None], tf.int64),
            tf.TensorSpec([None, 4], tf.float32),
        ),
    ).map(ENCODER)
    for n, targets in zip((0, 4, 1), dataset, strict=True):
        assert_same(targets, ENCODER(LABELS[:n], BOXES[:n]))


def test_padding_changes_nothing():
    # Zero boxes, and a box that would match were its label not zero.
    labels = np.concatenate([[0], LABELS, [0, 0]])
    padding = np.float32([[0, 0, 0, 0], [0.6, 0.0, 0.9, 0.3]])
    boxes = np.concatenate([padding[:1], BOXES, padding])
    assert_close(ENCODER(labels, boxes), ENCODER(LABELS, BOXES))


def test_a_batch_equals_its_images_one_by_one():
    dataset = tf.data.Dataset.from_generator(
        lambda: [(LABELS[:n], BOXES[:n]) for n in (2, 0, 4)],
        output_signature=(
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, 4], tf.float32),
        ),
    ).padded_batch(3)
    labels, boxes = next(iter(dataset))
    eager = ENCODER(labels, boxes)
    assert eager.glocalisations.shape == (3, A, 4)
    for image, n in enumerate((2, 0, 4)):
        assert_close([t[image] for t in eager], ENCODER(LABELS[:n], BOXES[:n]))
    assert_same(next(iter(dataset.map(ENCODER))), eager)


def test_no_objects():
    targets = ENCODER(np.zeros([0], np.int32), np.zeros([0, 4], np.float32))
    assert_all_background(targets)
    assert not np.any(targets.gscores)
    batch = ENCODER(np.zeros([2, 0], int), np.zeros([2, 0, 4], np.float32))
    assert batch.gclasses.shape == (2, A)
    assert_all_background(batch)


@pytest.mark.parametrize("box", BAD_BOXES, ids=str)
def test_a_bad_box_is_background(box):
    boxes = np.array([box], np.float32)
    targets = ENCODER([5], boxes)
    assert_all_background(targets)
    assert np.isfinite(targets.gscores).all()


def test_bad_boxes_leave_the_good_ones_alone():
    boxes = np.array(BAD_BOXES + BOXES.tolist(), np.float32)
    labels = np.concatenate([np.full(len(BAD_BOXES), 9), LABELS])
    targets, expected = ENCODER(labels, boxes), ENCODER(LABELS, BOXES)
    np.testing.assert_array_equal(targets.gclasses, expected.gclasses)
    np.testing.assert_allclose(
        targets.glocalisations, expected.glocalisations, atol=1e-5
    )


def test_ignored_anchors(toy_config):
    class Fixed(matchers.Matcher):
        def __call__(self, gt_boxes, gt_labels, anchors):
            return matchers.MatchResult(
                tf.constant([0, matchers.IGNORED] + [matchers.UNMATCHED] * 6),
                tf.constant([0.9, 0.45, 0.3, 0, 0, 0, 0, 0]),
            )

    encode = TargetEncoder(toy_config, matcher=Fixed())
    targets = encode([2], [[0.0, 0.0, 0.5, 0.5]])
    assert targets.gclasses.numpy().tolist() == [2, 0, 0, 0, 0, 0, 0, 0]
    assert not np.any(targets.glocalisations[1])
    np.testing.assert_allclose(
        targets.gscores, [0.9, -1, 0.3, 0, 0, 0, 0, 0], atol=1e-7
    )


@pytest.mark.parametrize(
    "labels_shape, boxes_shape, message",
    [
        ((3,), (3, 5), r"gt_boxes must be \[M, 4\].*, got \(3, 5\)"),
        ((3,), (4,), r"gt_boxes must be \[M, 4\].*, got \(4,\)"),
        ((), (), r"gt_boxes must be \[M, 4\].*, got \(\)"),
        ((1, 1, 3), (1, 1, 3, 4), r"got \(1, 1, 3, 4\)"),
        ((2,), (3, 4), r"gt_labels must be \(3,\).*\(3, 4\), got \(2,\)"),
        ((3, 1), (3, 4), r"gt_labels must be \(3,\).*, got \(3, 1\)"),
        ((3,), (2, 3, 4), r"gt_labels must be \(2, 3\).*, got \(3,\)"),
        ((1, 3), (2, 3, 4), r"gt_labels must be \(2, 3\).*, got \(1, 3\)"),
    ],
)
def test_wrong_shapes(labels_shape, boxes_shape, message):
    with pytest.raises(ValueError, match=message):
        ENCODER(np.ones(labels_shape, int), np.zeros(boxes_shape, np.float32))


def test_unknown_rank_in_a_graph_is_refused_with_its_name():
    dataset = tf.data.Dataset.from_generator(
        lambda: [(LABELS, BOXES)],
        output_signature=(
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec(None, tf.float32),
        ),
    )
    with pytest.raises(ValueError, match="gt_boxes must be"):
        dataset.map(ENCODER)


def test_matcher_is_chosen_by_the_config():
    strict = dataclasses.replace(
        CONFIG, matcher_params=(("iou_threshold", 0.9),)
    )
    few = np.count_nonzero(TargetEncoder(strict)(LABELS, BOXES).gclasses)
    assert 4 <= few < np.count_nonzero(ENCODER(LABELS, BOXES).gclasses)
    matcher = matchers.build_matcher("ssd", strict.matcher_params)
    handed_in = TargetEncoder(
        dataclasses.replace(CONFIG, matcher="atss"), matcher=matcher
    )
    assert_same(handed_in(LABELS, BOXES), TargetEncoder(strict)(LABELS, BOXES))
    with pytest.raises(InputError, match="unknown matcher 'sdd'.*ssd"):
        TargetEncoder(dataclasses.replace(CONFIG, matcher="sdd"))
    wrong = dataclasses.replace(CONFIG, matcher_params=(("iou", 0.5),))
    with pytest.raises(InputError, match="no parameter 'iou'.*iou_threshold"):
        TargetEncoder(wrong)
