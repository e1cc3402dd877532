"""Tiles cover a picture, and each object is found once, wherever it is."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ssd_tf import serving
from ssd_tf.evaluation import ImageDetections, split_outputs
from ssd_tf.serving.merging import join_outputs
from ssd_tf.serving.tiling import tiled, tiles_px

SIDE = st.integers(1, 400)


def test_tiles_by_hand():
    # 640 px take four of 200 at strides of at most 160: (640 - 200) / 3.
    found = tiles_px(200, 640, tile_px=200, overlap=0.2)
    np.testing.assert_array_equal(
        found,
        [
            (0, 0, 200, 200),
            (0, 147, 200, 347),
            (0, 293, 200, 493),
            (0, 440, 200, 640),
        ],
    )
    found = tiles_px(201, 100, tile_px=200, overlap=0.2)
    np.testing.assert_array_equal(found, [(0, 0, 200, 100), (1, 0, 201, 100)])
    # The overlap of 15 px is no less than .3 of 48, 14.4.
    found = tiles_px(48, 81, tile_px=48, overlap=0.3)
    assert found[:, 1].tolist() == [0, 33]


@given(SIDE, SIDE, st.integers(1, 200), st.floats(0, 0.9))
@settings(max_examples=200, deadline=None)
def test_tiles_cover_a_picture(height, width, tile_px, overlap):
    tiles = tiles_px(height, width, tile_px=tile_px, overlap=overlap)
    sides = tiles[:, 2:] - tiles[:, :2]
    assert (sides == (min(height, tile_px), min(width, tile_px))).all()
    for axis, side in ((0, height), (1, width)):
        starts = np.unique(tiles[:, axis])
        assert starts[0] == 0 and tiles[:, axis + 2].max() == side
        overlaps = tile_px - np.diff(starts)
        if tile_px * (1 - overlap) >= 1:
            assert (overlaps >= tile_px * overlap - 1e-9).all()
    assert len(np.unique(tiles, axis=0)) == len(tiles)


def see(picture):
    """A detector for rectangles of one brightness each, [H, W] uint8.

    Where a rectangle ends at the border it is surest, as detectors of parts
    can be.
    """
    rows = []
    for brightness in set(np.unique(picture)) - {0}:
        y, x = np.nonzero(picture == brightness)
        box = np.array([y.min(), x.min(), y.max() + 1, x.max() + 1])
        ends = box[:2].min() == 0 or (box[2:] == picture.shape).any()
        rows.append((box / (picture.shape * 2), 0.99 if ends else 0.5))
    boxes, scores = zip(*rows) if rows else ((), ())
    return ImageDetections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.ones(len(scores), np.int32),
    )


class Spy:
    """A predictor of whole pictures that notes what it is shown."""

    def __init__(self):
        self.shown = []

    def detect(self, pixels):
        self.shown += [one.shape[:2] for one in pixels]
        return join_outputs([see(np.asarray(one)[..., 0]) for one in pixels])

    @property
    def predictor(self):
        return serving.Predictor(self.detect, ["thing"], nms_iou_threshold=0.45)


def detect(picture, *, predictor=None, **how):
    """Boxes [N, 4] in pixels that are found in a picture [H, W] uint8."""
    predictor = tiled(predictor or Spy().predictor, **how)
    assert predictor.image_size is None
    pixels = np.repeat(picture[None, :, :, None], 3, axis=3)
    (found,) = split_outputs(predictor.detect(pixels))
    boxes = found.boxes * np.tile(picture.shape, 2)
    # By whole pixels: edges that are level differ in their last digits.
    return boxes[np.lexsort(boxes.round().T[::-1])]


@pytest.mark.parametrize("size", [(30, 50), (64, 64), (64, 10)])
def test_a_picture_no_larger_than_a_tile_is_seen_once(size):
    spy = Spy()
    picture = np.zeros(size, np.uint8)
    picture[10:20, 2:9] = 7
    found = detect(picture, predictor=spy.predictor, tile_px=64)
    np.testing.assert_allclose(found, [[10, 2, 20, 9]], atol=1e-3)
    assert spy.shown == [size]


def test_what_is_shown_to_the_detector():
    spy = Spy()
    detect(np.zeros((64, 150), np.uint8), predictor=spy.predictor, tile_px=64)
    assert spy.shown == [(64, 64)] * 3 + [(64, 150)]


@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5])
@given(
    height=st.integers(40, 200),
    width=st.integers(40, 200),
    seed=st.integers(0, 99),
)
@example(height=161, width=113, seed=60)  # two begin at the same height
@settings(max_examples=40, deadline=None)
def test_every_object_is_found_once(overlap, height, width, seed):
    """Small ones and large ones, whole or cut by the tiles' borders."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.uint8)
    expected = []
    for brightness in range(1, 12):
        side = rng.integers(3, (70, 70))
        low = rng.integers(0, np.maximum(np.array(picture.shape) - side, 1))
        high = np.minimum(low + side, picture.shape)
        # A pixel apart, as one mask cannot show two of them.
        around = picture[
            max(low[0] - 1, 0) : high[0] + 1, max(low[1] - 1, 0) : high[1] + 1
        ]
        if not around.any():
            picture[low[0] : high[0], low[1] : high[1]] = brightness
            expected.append([*low, *high])
    found = detect(picture, tile_px=48, overlap=overlap)
    np.testing.assert_allclose(found, sorted(expected), atol=1e-2)


def test_small_objects_are_left_to_the_tiles():
    """In the whole they are seen, too, but badly."""

    def coarse(pixels):
        found = Spy().detect(pixels)
        if pixels.shape[2] > 64:
            found["detection_boxes"] += 0.01  # 2 of its 8 px
        return found

    picture = np.zeros((64, 200), np.uint8)
    picture[10:18, 60:68], picture[30:60, 20:150] = 5, 9
    predictor = serving.Predictor(coarse, ["thing"])
    found = detect(picture, predictor=predictor, tile_px=64)
    np.testing.assert_allclose(found[0], [10, 60, 18, 68], atol=1e-3)
    # One that is larger than a tile is seen in the whole alone.
    np.testing.assert_allclose(found[1], [30.64, 22, 60.64, 152], atol=1e-3)
    assert len(found) == 2


def test_objects_of_two_classes_at_one_place():
    def detect_both(pixels):
        found = Spy().detect(pixels)
        for name in ("detection_boxes", "detection_scores"):
            found[name] = np.repeat(found[name], 2, axis=1)
        found["detection_classes"] = np.array([[1, 2]] * len(pixels), np.int32)
        found["num_detections"] *= 2
        return found

    picture = np.zeros((64, 100), np.uint8)
    picture[10:20, 45:55] = 5
    predictor = serving.Predictor(detect_both, ["a", "b"])
    assert len(detect(picture, predictor=predictor, tile_px=64)) == 2
    one = detect(picture, predictor=predictor, tile_px=64, agnostic=True)
    np.testing.assert_allclose(one, [[10, 45, 20, 55]], atol=1e-3)
