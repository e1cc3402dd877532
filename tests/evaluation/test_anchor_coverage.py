"""Coverage of objects by anchors, and the proposals."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import PRESETS, InputError, build_anchors
from ssd_tf.data.sources import cached_objects
from ssd_tf.evaluation import anchor_coverage, anchor_proposal
from ssd_tf.evaluation.plots import plot_anchor_coverage

CONFIG = PRESETS["ssd300_vgg16"]


def measure(config, source):
    objects = cached_objects(source, "train")
    return anchor_coverage.measure_coverage(config, objects)


class BoxSource:
    """Source of given boxes [M, 4], one array for each image.

    The last `num_crowds` boxes of each image are crowds.
    """

    name = "boxes"
    num_crowds = 0

    def __init__(self, *images):
        self._images = [np.reshape(v, (-1, 4)).astype("f") for v in images]

    def dataset(self, split):
        assert split == "train"
        return tf.data.Dataset.from_generator(
            lambda: (
                {
                    "gt_boxes": v,
                    "gt_labels": np.ones(len(v), np.int32),
                    "gt_is_crowd": np.arange(len(v), 0, -1) <= self.num_crowds,
                }
                for v in self._images
            ),
            output_signature={
                "gt_boxes": tf.TensorSpec([None, 4], tf.float32),
                "gt_labels": tf.TensorSpec([None], tf.int32),
                "gt_is_crowd": tf.TensorSpec([None], tf.bool),
            },
        )


def test_objects_that_are_anchors_have_an_iou_of_one():
    anchors = build_anchors(CONFIG).boxes
    inside = np.flatnonzero(((anchors > 0) & (anchors < 1)).all(axis=1))[
        [0, 500, -1]
    ]
    source = BoxSource(anchors[inside[:2]], [], anchors[inside[2:]])
    coverage = measure(CONFIG, source)
    np.testing.assert_allclose(coverage.best_iou, 1.0, atol=1e-5)
    sizes = anchors[inside][:, 2:] - anchors[inside][:, :2]
    np.testing.assert_allclose(coverage.shapes, sizes[:, ::-1], atol=1e-6)
    assert (coverage.num_anchors >= 1).all()
    assert coverage.recall == 1.0


def test_the_number_of_anchors_follows_the_matcher():
    box = [0.3, 0.3, 0.6, 0.7]
    counts = {
        name: measure(
            dataclasses.replace(CONFIG, matcher=name), BoxSource(box)
        ).num_anchors.tolist()
        for name in ("ssd", "yolov3", "topk")
    }
    assert counts["yolov3"] == [1]
    assert counts["topk"] == [9]
    assert counts["ssd"][0] > 1


def test_crowds_are_left_out():
    source = BoxSource([[0.3, 0.3, 0.6, 0.7], [0.1, 0.1, 0.9, 0.9]])
    source.num_crowds = 1
    coverage = measure(CONFIG, source)
    np.testing.assert_allclose(coverage.shapes, [[0.4, 0.3]], atol=1e-6)


def test_a_hopeless_object_is_counted():
    # A sliver of a pixel that overlaps no anchor by half; RetinaNet does not
    # force a match.
    config = dataclasses.replace(CONFIG, matcher="retinanet")
    source = BoxSource([[0.5, 0.1, 0.503, 0.9], [0.3, 0.3, 0.6, 0.7]])
    coverage = measure(config, source)
    summary = anchor_coverage.summarize(coverage, 300)
    assert (summary["objects"], summary["without_anchor"]) == (2, 1)
    assert summary["recall"] == 0.5


def test_rows_by_size():
    coverage = anchor_coverage.Coverage(
        shapes=np.array([[0.02, 0.02], [0.1, 0.1], [0.1, 0.1], [1.0, 1.0]]),
        best_iou=np.array([0.2, 0.6, 0.4, 0.9]),
        num_anchors=np.array([0, 4, 2, 1]),
    )
    summary = anchor_coverage.summarize(coverage, 300)
    rows = {tuple(row.pop("size_px")): row for row in summary["sizes"]}
    assert list(rows) == [(0, 8), (16, 32), (256, 300)]  # 6, 30, 30, 300 px
    assert rows[0, 8]["without_anchor"] == 1
    assert rows[16, 32] == {
        "objects": 2,
        "without_anchor": 0,
        "anchors_mean": 3.0,
        "best_iou_p10": pytest.approx(0.42),
        "best_iou_median": pytest.approx(0.5),
        "recall": 0.5,
    }
    assert summary["recall"] == 0.5
    assert json.loads(json.dumps(summary))["objects"] == 4


def test_small_objects_make_the_proposal_smaller():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.9, (60, 2))
    boxes = np.hstack([corner, corner + rng.uniform(0.04, 0.06, (60, 2))])
    source = BoxSource(boxes)
    before = measure(CONFIG, source)
    proposals = anchor_proposal.propose_configs(CONFIG, before.shapes)
    # 15 px on a grid of 8 px: some lie between the anchors in any case.
    assert before.recall < 0.3
    assert any(measure(c, source).recall > 0.8 for c in proposals)
    for config in proposals:
        assert len(build_anchors(config)) == 8732
        assert list(config.min_sizes_px) == sorted(config.min_sizes_px)


def test_ratios_are_those_of_the_objects():
    rng = np.random.default_rng(1)
    ratio = np.where(rng.uniform(size=400) < 0.5, 3.0, 7.0)
    width = rng.uniform(0.2, 0.3, 400)
    shapes = np.stack([width, width / ratio], axis=1)
    proposal = anchor_proposal.propose_configs(CONFIG, shapes)[1]
    assert proposal.aspect_ratios[1] == (3.0, 7.0)
    # sqrt(21), the middle of both on a logarithmic scale
    assert proposal.aspect_ratios[0][0] == pytest.approx(4.58, abs=0.35)


def test_square_objects_leave_the_ratios():
    proposals = anchor_proposal.propose_configs(CONFIG, np.full((50, 2), 0.2))
    assert {c.aspect_ratios for c in proposals} == {CONFIG.aspect_ratios}


def test_kmeans_finds_clusters():
    values = np.array([9.0, 0.0, 5.2, 0.1, 5.0, 0.2, 9.2])
    centres = anchor_proposal.kmeans_1d(values, 3)
    np.testing.assert_allclose(centres, [0.1, 5.1, 9.1])


def test_no_objects_cannot_be_fitted():
    with pytest.raises(ValueError, match="no objects"):
        anchor_proposal.propose_configs(CONFIG, np.zeros((0, 2)))


def test_the_plot_shows_every_object():
    coverage = anchor_coverage.Coverage(
        np.full((7, 2), 0.1), np.full(7, 0.6), np.full(7, 3)
    )
    figure = plot_anchor_coverage(coverage, 300, title="t")
    for axes in figure.axes:
        assert len(axes.collections[0].get_offsets()) == 7


def test_unknown_matchers_are_refused():
    config = dataclasses.replace(CONFIG, matcher="magic")
    with pytest.raises(InputError, match="unknown matcher 'magic'"):
        measure(config, BoxSource([]))
