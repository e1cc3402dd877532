import dataclasses

import numpy as np
import pytest

from ssd_tf import PRESETS, Anchors, build_anchors
from ssd_tf.anchor_sizes import published_sizes_px

SSD300 = PRESETS["ssd300_vgg16"]
SSD512 = PRESETS["ssd512_vgg16"]
PER_LEVEL_300 = [5776, 2166, 600, 150, 36, 4]
PER_LEVEL_512 = [16384, 6144, 1536, 384, 96, 16, 4]
PER_LEVEL_320 = [2400, 600, 150, 54, 24, 6]


def assert_pixels(boxes, expected_px, *, size=300):
    """Compares normalised boxes with pixels, to 1e-6 of the image."""
    expected = np.array(expected_px) / size
    np.testing.assert_allclose(boxes, expected, rtol=0, atol=1e-6)


def with_scales(config, scales):
    min_sizes_px, max_sizes_px = published_sizes_px(
        scales, config.image_size, len(config.feature_sizes)
    )
    return dataclasses.replace(
        config, min_sizes_px=min_sizes_px, max_sizes_px=max_sizes_px
    )


@pytest.mark.parametrize(
    "name, per_level, total",
    [
        ("ssd300_vgg16", PER_LEVEL_300, 8732),
        ("ssd300_resnet50", PER_LEVEL_300, 8732),
        ("ssd300_mobilenet_v2", PER_LEVEL_300, 8732),
        ("ssd300_tiny", PER_LEVEL_300, 8732),
        ("ssd300_efficientnet_lite0", PER_LEVEL_300, 8732),
        ("ssd512_vgg16", PER_LEVEL_512, 24564),
        ("ssdlite320_mobilenet_v3_large", PER_LEVEL_320, 3234),
        ("ssd320_mobilenet_v2", PER_LEVEL_320, 3234),
        ("ssd300_mobilenet_v1", [2166, *PER_LEVEL_320[1:]], 3000),
        ("ssdlite300_mobilenet_v2", [2166, *PER_LEVEL_320[1:]], 3000),
    ],
)
def test_number_of_anchors(name, per_level, total):
    anchors = build_anchors(PRESETS[name])
    assert len(anchors) == total
    assert anchors.boxes.shape == (total, 4)
    assert anchors.boxes.dtype == np.float32
    assert anchors.level.shape == (total,)
    assert anchors.level.dtype == np.int32
    assert np.bincount(anchors.level).tolist() == per_level
    assert (np.diff(anchors.level) >= 0).all()
    assert [level.num_anchors for level in anchors.levels] == per_level
    starts = [level.start for level in anchors.levels]
    assert starts == np.cumsum([0] + per_level[:-1]).tolist()


def test_first_cell_of_the_first_level():
    # Centre 4; sides 30, sqrt(30 * 60), 30 sqrt(2) x 30 / sqrt(2) and turned.
    assert_pixels(
        build_anchors(SSD300).boxes[:4],
        [
            [-11, -11, 19, 19],
            [-17.2132034, -17.2132034, 25.2132034, 25.2132034],
            [-6.6066017, -17.2132034, 14.6066017, 25.2132034],
            [-17.2132034, -6.6066017, 25.2132034, 14.6066017],
        ],
    )


def test_first_cell_of_a_level_with_six_boxes():
    # Centre 8; sides 60 and sqrt(60 * 111), then the ratios 2, 1/2, 3, 1/3.
    assert_pixels(
        build_anchors(SSD300).boxes[5776:5782],
        [
            [-22, -22, 38, 38],
            [-32.8044115, -32.8044115, 48.8044115, 48.8044115],
            [-13.2132034, -34.4264069, 29.2132034, 50.4264069],
            [-34.4264069, -13.2132034, 50.4264069, 29.2132034],
            [-9.3205081, -43.9615242, 25.3205081, 59.9615242],
            [-43.9615242, -9.3205081, 59.9615242, 25.3205081],
        ],
    )


def test_last_level():
    # Centre 150; sides 264, sqrt(264 * 315), 264 sqrt(2) x 264 / sqrt(2).
    assert_pixels(
        build_anchors(SSD300).boxes[-4:],
        [
            [18, 18, 282, 282],
            [5.8126219, 5.8126219, 294.1873781, 294.1873781],
            [56.6619049, -36.6761902, 243.3380951, 336.6761902],
            [-36.6761902, 56.6619049, 336.6761902, 243.3380951],
        ],
    )


def test_cells_run_row_by_row():
    boxes = build_anchors(SSD300).boxes
    # The second cell is to the right of the first, the 39th below it.
    assert_pixels(boxes[4], [-11, -3, 19, 27])
    assert_pixels(boxes[38 * 4], [-3, -11, 27, 19])


def test_last_centres_of_a_level_are_multiples_of_the_step():
    boxes = build_anchors(SSD300).boxes
    # 37.5 * 8 = 300, and 9.5 * 32 = 304, outside the image.
    assert_pixels(boxes[5772], [285, 285, 315, 315])
    assert_pixels(boxes[5776 + 2166 + 600 - 6], [248.5, 248.5, 359.5, 359.5])
    centre = build_anchors(SSD300).cxcywh[5776 + 2166 + 600 - 1, :2]
    np.testing.assert_allclose(centre, [304 / 300, 304 / 300], atol=1e-6)


def test_512_with_sizes_that_are_not_whole():
    config = dataclasses.replace(SSD512, truncate_sizes=False)
    boxes = build_anchors(config).boxes
    # sqrt(35.84 * 76.8) = 52.4643880
    assert_pixels(boxes[0], [-13.92, -13.92, 21.92, 21.92], size=512)
    half = 52.464388 / 2
    assert_pixels(boxes[1], [4 - half] * 2 + [4 + half] * 2, size=512)
    # sqrt(460.8 * 537.6) = 497.7207651
    half = 497.7207651 / 2
    assert_pixels(boxes[-3], [256 - half] * 2 + [256 + half] * 2, size=512)


def test_512_truncates_sizes_as_caffe_does():
    anchors = build_anchors(SSD512)
    assert len(anchors) == 24564
    # 35.84 -> 35 and 76.8 -> 76; sqrt(35 * 76) = 51.5751878
    sides = anchors.cxcywh[:2, 2:] * 512
    np.testing.assert_allclose(
        sides, [[35, 35], [51.5751878, 51.5751878]], atol=1e-4
    )
    first_of_level = [level.start for level in anchors.levels]
    np.testing.assert_allclose(
        anchors.cxcywh[first_of_level, 2] * 512,
        [35, 76, 153, 230, 307, 384, 460],
        atol=1e-3,
    )
    # sqrt(460 * 537), the last maximum size.
    assert anchors.cxcywh[-3, 2] * 512 == pytest.approx(497.0110663, abs=1e-3)


def test_truncation_changes_nothing_at_300():
    config = dataclasses.replace(SSD300, truncate_sizes=True)
    np.testing.assert_array_equal(
        build_anchors(config).boxes, build_anchors(SSD300).boxes
    )


@pytest.mark.parametrize(
    "config, first, second, last_second",
    [
        # sqrt(21 * 45) and sqrt(261 * 315)
        (SSD300, 21, 30.7408523, 286.7315818),
        # Of 20.48, 51.2, 460.8, 542.72: sqrt(20 * 51) and sqrt(460 * 542).
        (SSD512, 20, 31.9374388, 499.3195370),
    ],
    ids=["300", "512"],
)
def test_coco_scales(config, first, second, last_second):
    anchors = build_anchors(with_scales(config, "coco"))
    sides = anchors.cxcywh[[0, 1, -3], 2]
    expected = np.array([first, second, last_second]) / config.image_size
    np.testing.assert_allclose(sides, expected, rtol=0, atol=1e-6)


def test_anchors_are_not_clipped_unless_asked_for():
    boxes = build_anchors(SSD300).boxes
    assert boxes.min() < 0 and boxes.max() > 1
    clipped = build_anchors(dataclasses.replace(SSD300, clip_anchors=True))
    assert_pixels(clipped.boxes[0], [0, 0, 19, 19])
    assert_pixels(clipped.boxes[-2], [56.6619049, 0, 243.3380951, 300])
    np.testing.assert_array_equal(clipped.boxes, boxes.clip(0, 1))
    # The centre form is that of the clipped box.
    np.testing.assert_allclose(
        clipped.cxcywh[0] * 300, [9.5, 9.5, 19, 19], atol=1e-4
    )


def test_centres_and_sizes_can_be_clipped_apart():
    """As ssd.pytorch clips (cx, cy, w, h), and torchvision only w and h."""
    whole = build_anchors(SSD300).cxcywh
    sizes = dataclasses.replace(SSD300, clip_anchor_sizes=True)
    both = dataclasses.replace(sizes, clip_anchor_centers=True)
    expected = whole.copy()
    expected[:, 2:] = expected[:, 2:].clip(0, 1)
    np.testing.assert_allclose(
        build_anchors(sizes).cxcywh, expected, rtol=0, atol=2e-7
    )
    expected[:, :2] = expected[:, :2].clip(0, 1)
    anchors = build_anchors(both)
    np.testing.assert_allclose(anchors.cxcywh, expected, rtol=0, atol=2e-7)
    # 304 px of the level of 10 x 10 cells become 300, for matchers too.
    assert anchors.levels[2].cells().centers.max() == 1
    # 264 * sqrt(2) px of the last box.
    assert whole[-1, 3] == pytest.approx(1.2445079)
    assert anchors.cxcywh[-1, 3] == 1


def test_steps_that_are_not_whole():
    config = dataclasses.replace(SSD300, steps_px=(8, 16, 32, 64, 320 / 3, 300))
    centre = build_anchors(config).cxcywh[8732 - 5, :2]
    np.testing.assert_allclose(centre, 2.5 * 320 / 3 / 300, rtol=0, atol=1e-6)


def test_centre_form():
    cxcywh = build_anchors(SSD300).cxcywh
    assert cxcywh.dtype == np.float32
    expected = np.array([8, 8, 84.8528137, 42.4264069]) / 300
    np.testing.assert_allclose(cxcywh[5778], expected, rtol=0, atol=1e-6)


def test_level_grids():
    level = build_anchors(SSD300).levels[2]
    assert level.feature_size == 10
    assert level.boxes_per_cell == 6
    assert level.step == pytest.approx(32 / 300)
    assert level.min_size == pytest.approx(111 / 300)
    np.testing.assert_allclose(
        level.shapes[:3] * 300,
        [[111, 111], [134.0969798, 134.0969798], [156.9777054, 78.4888527]],
        atol=1e-4,
    )


def test_arrays_are_read_only():
    anchors = build_anchors(SSD300)
    arrays = [anchors.boxes, anchors.level, anchors.cxcywh]
    arrays += [level.shapes for level in anchors.levels]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_anchors_from_boxes():
    anchors = Anchors.from_boxes([[0, 0, 0.5, 1]], level=[3])
    np.testing.assert_array_equal(anchors.cxcywh, [[0.5, 0.25, 1, 0.5]])
    assert anchors.level.tolist() == [3]
    assert Anchors.from_boxes([[0, 0, 1, 1]]).level.tolist() == [0]
    with pytest.raises(ValueError, match=r"\[A, 4\], got \(4,\)"):
        Anchors.from_boxes([0, 0, 1, 1])


def test_anchors_from_boxes_leave_the_callers_array_alone():
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    anchors = Anchors.from_boxes(boxes)
    boxes[0, 0] = 0.5
    assert anchors.boxes[0, 0] == 0
