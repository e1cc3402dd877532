"""Hand-computed examples, in pixels of the image named in each."""

import numpy as np
import pytest

from ssd_tf import matchers
from ssd_tf.anchors import AnchorLevel, Anchors

X0_Y0_X1_Y1 = [1, 0, 3, 2]


def run(name, anchors, gt_px, *, side, **params):
    """Object of each anchor; `gt_px` are x1, y1, x2, y2."""
    matcher = matchers.build_matcher(name, tuple(params.items()))
    boxes = np.float32(gt_px)[:, X0_Y0_X1_Y1] / np.float32(side)
    labels = np.ones(len(boxes), np.int32)
    return matcher(boxes, labels, anchors)


def grid(feature_size, step_px, shapes_px, *, side, start=0, min_size_px=None):
    shapes = np.float32(shapes_px) / np.float32(side)
    return AnchorLevel(
        feature_size=feature_size,
        step=step_px / side,
        shapes=shapes,
        min_size=(min_size_px or shapes_px[0][0]) / side,
        start=start,
    )


IOU_BOXES = [
    (0, 0, 40, 40),
    (10, 10, 50, 50),
    (60, 60, 100, 100),
    (40, 40, 60, 60),
    (0, 0, 50, 22),
    (80, 0, 100, 20),
]
IOU_OBJECTS = [(0, 0, 50, 50), (60, 60, 90, 100), (42, 42, 52, 52)]


@pytest.mark.parametrize(
    "name, params, expected",
    [
        ("ssd", {}, [0, 0, 1, 2, -1, -1]),
        ("ssd", {"forced_match": "last_wins"}, [0, 0, 1, 2, -1, -1]),
        ("ssd", {"forced_match": "none"}, [0, 0, 1, -1, -1, -1]),
        (
            "ssd",
            {"iou_threshold": 0.0, "forced_match": "none"},
            [0, 0, 1, 2, 0, -1],
        ),
        ("rpn", {}, [0, 0, 1, 2, -2, -1]),
        ("retinanet", {}, [0, 0, 1, -1, -2, -1]),
        (
            "retinanet",
            {"allow_low_quality_matches": True},
            [0, 0, 1, 2, -2, -1],
        ),
        ("topk", {"k": 2}, [0, 0, 1, 2, -1, -1]),
        ("topk", {"k": 2, "center_rule": True}, [0, 0, 1, 2, -1, -1]),
        ("topk", {"k": 3}, [0, 0, 1, 2, 0, -1]),
    ],
)
def test_iou_family(name, params, expected):
    anchors = Anchors.from_boxes(np.float32(IOU_BOXES)[:, X0_Y0_X1_Y1] / 100)
    match = run(name, anchors, IOU_OBJECTS, side=100, **params)
    assert match.gt_index.numpy().tolist() == expected
    np.testing.assert_allclose(
        match.quality, [0.64, 0.64, 0.75, 0.25, 0.44, 0], atol=1e-6
    )


def test_a_loser_keeps_an_anchor_unless_the_last_object_wins():
    # Both objects overlap anchor 0 most; IoUs (.8, .7) and (.3, .2).
    anchors = Anchors.from_boxes([[0, 0, 1, 1], [0, 0, 0.24, 1]])
    boxes = np.float32([[0, 0, 0.8, 1], [0, 0, 0.7, 1]])
    labels = np.int32([1, 1])
    index, quality = matchers.build_matcher("ssd")(boxes, labels, anchors)
    assert index.numpy().tolist() == [0, 1]
    np.testing.assert_allclose(quality, [0.8, 0.24 / 0.7], atol=1e-6)
    last_wins = matchers.build_matcher("ssd", (("forced_match", "last_wins"),))
    index, quality = last_wins(boxes, labels, anchors)
    assert index.numpy().tolist() == [1, -1]
    np.testing.assert_allclose(quality, [0.7, 0.24 / 0.7], atol=1e-6)


@pytest.mark.parametrize("with_grids", [True, False])
@pytest.mark.parametrize(
    "gt_px, use_variance, expected",
    [
        ((2, 2, 30, 30), False, [-1, -1, -1, -1, -1]),
        ((2, 2, 30, 30), True, [0, -1, -1, -1, 0]),
        ((2, 2, 22, 22), False, [0, -1, -1, -1, -1]),
        ((2, 2, 22, 22), True, [0, -1, -1, -1, -1]),
    ],
)
def test_atss(with_grids, gt_px, use_variance, expected):
    anchors = Anchors.from_levels(
        [
            grid(2, 20, [(20, 20)], side=40),
            grid(1, 40, [(40, 40)], side=40, start=4),
        ]
    )
    if not with_grids:
        anchors = Anchors.from_boxes(anchors.boxes, anchors.level)
    match = run(
        "atss", anchors, [gt_px], side=40, k=2, use_variance=use_variance
    )
    assert match.gt_index.numpy().tolist() == expected


def test_atss_with_a_single_candidate():
    anchors = Anchors.from_boxes([[0, 0, 1, 1]])
    match = run("atss", anchors, [(10, 10, 90, 90)], side=100)
    assert match.gt_index.numpy().tolist() == [0]


def test_fcos():
    anchors = Anchors.from_levels(
        [
            grid(8, 8, [(30, 30), (40, 40)], side=64),
            grid(4, 16, [(60, 60)], side=64, start=128),
        ]
    )
    match = run("fcos", anchors, [(0, 0, 40, 40), (16, 16, 32, 32)], side=64)
    index = match.gt_index.numpy()
    fine = index[:128].reshape(8, 8, 2)
    coarse = index[128:].reshape(4, 4)
    assert fine[2, 2].tolist() == [1, 1]  # point (20, 20)
    assert fine[0, 0].tolist() == [-1, -1]  # (4, 4)
    assert fine[1, 1].tolist() == [0, 0]  # (12, 12)
    assert coarse[0, 0] == 0  # (8, 8)
    assert coarse[1, 1] == -1  # (24, 24)
    assigned = np.tile(np.float32([0, 0, 40, 40]) / 64, (len(anchors), 1))
    weights = matchers.centerness(assigned, anchors).numpy()
    assert weights[128] == pytest.approx(0.25)
    assert weights[2 * 9] == pytest.approx(12 / 28)
    assert weights[127] == 0  # (60, 60) lies outside
    assigned[36:38] = np.float32([16, 16, 32, 32]) / 64
    weights = matchers.centerness(assigned, anchors).numpy()
    assert weights[36:38] == pytest.approx([1 / 3, 1 / 3])


def test_fcos_range_ends_are_inclusive():
    # The point (12, 12) is 16 pixels from the far edges: the end of the
    # first level and the beginning of the second.
    anchors = Anchors.from_levels(
        [
            grid(1, 24, [(16, 16)], side=64),
            grid(1, 24, [(32, 32)], side=64, start=1),
        ]
    )
    match = run("fcos", anchors, [(8, 8, 28, 28)], side=64)
    assert match.gt_index.numpy().tolist() == [0, 0]
    match = run("fcos", anchors, [(8, 8, 27, 27)], side=64)
    assert match.gt_index.numpy().tolist() == [0, -1]
    # The object's centre (18, 18) is 6 pixels away, a quarter of a step.
    for radius, expected in [(0.25, [-1, -1]), (0.3, [0, 0])]:
        match = run(
            "fcos", anchors, [(8, 8, 28, 28)], side=64, center_radius=radius
        )
        assert match.gt_index.numpy().tolist() == expected


def test_yolov2():
    anchors = Anchors.from_levels([grid(2, 50, [(20, 20), (40, 20)], side=100)])
    match = run("yolov2", anchors, [(12, 50, 48, 70)], side=100, level=0)
    # Row 1, column 0; shape IoU .556 and .9.
    assert match.gt_index.numpy().tolist() == [-1, -1, -1, -1, -1, 0, -1, -1]
    # The first shape's prediction there overlaps by .65.
    decoded = np.zeros([1, 8, 4], np.float32)
    decoded[0, 4] = [0.5, 0.12, 0.7, 0.12 + 0.36 * 0.65]
    decoded[0, 5] = [0.5, 0.12, 0.7, 0.48]
    ignored = matchers.ignore_by_prediction(
        decoded,
        np.float32([[[0.5, 0.12, 0.7, 0.48]]]),
        np.int32([[1]]),
        np.maximum(match.gt_index.numpy() + 1, 0)[None],
        0.6,
    )
    assert ignored.numpy().tolist() == [[False] * 4 + [True] + [False] * 3]


@pytest.mark.parametrize("ignore_iou, expected", [(0.5, -1), (0.4, -2)])
def test_yolov3(ignore_iou, expected):
    shapes = [
        [(10, 13), (16, 30), (33, 23)],
        [(30, 61), (62, 45), (59, 119)],
        [(116, 90), (156, 198), (373, 326)],
    ]
    sizes, starts = (52, 26, 13), (0, 8112, 10140)
    anchors = Anchors.from_levels(
        [
            grid(size, 416 / size, shape, side=416, start=start)
            for size, shape, start in zip(sizes, shapes, starts)
        ]
    )
    match = run(
        "yolov3",
        anchors,
        [(100, 145, 200, 235)],
        side=416,
        ignore_iou=ignore_iou,
    )
    index = match.gt_index.numpy()
    assert np.flatnonzero(index == 0) == [10140 + (5 * 13 + 4) * 3]
    # (59, 119) in cell (9, 11) of the 26x26 level.
    second = 8112 + (11 * 26 + 9) * 3 + 2
    assert index[second] == expected
    assert float(match.quality[second]) == pytest.approx(0.4957, abs=1e-4)
