"""The synthetic data set."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.sources import (
    registry,
    shapes,
    shapes_drawing,
)


def draw(*seed):
    return shapes_drawing.draw(np.random.default_rng(seed))


def test_same_seed_same_picture():
    one, again, other = draw(0, 3), draw(0, 3), draw(1, 3)
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.boxes, again.boxes)
    assert one.labels == again.labels
    assert (
        one.image.shape != other.image.shape or (one.image != other.image).any()
    )


def test_statistics():
    drawings = [draw(0, i) for i in range(150)]
    sizes = np.array([d.image.shape[:2] for d in drawings])
    assert sizes.min() >= 240 and sizes.max() <= 360
    counts = [len(d.labels) for d in drawings]
    assert min(counts) >= 1 and max(counts) == 6
    labels = np.concatenate([d.labels for d in drawings]).astype(int)
    share = np.bincount(labels, minlength=4) / len(labels)
    assert len(share) == 4 and share.min() > 0.15
    pixels = np.concatenate(
        [d.boxes * (d.image.shape[:2] * 2) for d in drawings]
    )  # [N, 4]
    sides = pixels[:, 2:] - pixels[:, :2]
    boxes = np.concatenate([d.boxes for d in drawings])
    assert boxes.dtype == np.float32
    assert boxes.min() >= 0 and boxes.max() <= 1
    # A shape 32 px long and stretched, of which .7 of each side is seen.
    assert sides.min() >= 16
    longest = sides.max(axis=1)
    assert longest.max() > 150
    assert np.mean(longest < 48) > 0.2 and np.mean(longest > 96) > 0.15


def test_boxes_are_tight_to_the_pixels_seen(monkeypatch):
    """Drawn on plain grey, everything that is not grey is in a box."""
    monkeypatch.setattr(
        shapes_drawing,
        "_background",
        lambda rng, height, width: np.full((height, width, 3), 128, np.float32),
    )
    for i in range(30):
        drawing = draw(2, i)
        height, width = drawing.image.shape[:2]
        # More than half covered: the difference of colours is 90 or more.
        seen = np.abs(drawing.image.astype(int) - 128).sum(axis=-1) > 3
        boxes = np.rint(drawing.boxes * ([height, width] * 2)).astype(int)
        left = seen.copy()
        for ymin, xmin, ymax, xmax in boxes:
            # One pixel for edges that are covered by less than a half.
            left[max(ymin - 1, 0) : ymax + 1, max(xmin - 1, 0) : xmax + 1] = 0
        assert not left.any()
        if len(boxes) == 1:
            ((ymin, xmin, ymax, xmax),) = boxes
            rows = np.flatnonzero(seen.any(axis=1))
            columns = np.flatnonzero(seen.any(axis=0))
            assert abs(rows[0] - ymin) <= 1 and abs(rows[-1] + 1 - ymax) <= 1
            assert abs(columns[0] - xmin) <= 1
            assert abs(columns[-1] + 1 - xmax) <= 1


def item(top, left, size, colour=(0, 0, 0)):
    return shapes_drawing._Placed(
        label=0,
        colour=np.array(colour, float),
        top=top,
        left=left,
        alpha=np.ones((size, size), np.float32),
    )


@pytest.mark.parametrize(
    "cover, expected",
    [
        (item(0, 0, 6, (255, 0, 0)), False),  # 36 of 100 pixels hidden
        (item(0, 0, 5, (255, 0, 0)), True),  # 25 hidden
        (item(0, 0, 5, (120, 0, 0)), False),  # too alike
        (item(20, 20, 8, (0, 0, 0)), True),  # elsewhere, any colour
    ],
)
def test_what_may_cover_an_object(cover, expected):
    owner = np.full((40, 40), -1, np.int8)
    below = item(0, 0, 10)
    owner[below.window] = 0
    assert shapes_drawing._is_clear(cover, owner, [below]) is expected


def test_covering_may_not_shorten_a_side_much():
    owner = np.full((40, 40), -1, np.int8)
    below = item(0, 0, 10)
    owner[below.window] = 0
    band = item(0, 0, 10, (255, 0, 0))
    half = band._replace(alpha=np.ones((5, 10), np.float32))
    assert not shapes_drawing._is_clear(half, owner, [below])
    third = band._replace(alpha=np.ones((3, 10), np.float32))
    assert shapes_drawing._is_clear(third, owner, [below])


class _NoLight:
    """Stands for a generator where an object is lit evenly."""

    def uniform(self, low, high):
        return 0.0


def test_painting():
    canvas = np.full((6, 8, 3), 100, np.float32)
    owner = np.full((6, 8), -1, np.int8)
    # An L, 4 rows by 3 columns, with one pixel that is covered by a quarter.
    alpha = np.array(
        [[1, 0, 0], [1, 0, 0], [1, 0.25, 0], [1, 1, 1]], np.float32
    )
    below = item(2, 4, 1, (200, 0, 100))._replace(alpha=alpha)
    shapes_drawing._paint(_NoLight(), below, canvas, owner, index=0)
    assert canvas[:, :, 0].tolist() == [
        [100, 100, 100, 100, 100, 100, 100, 100],
        [100, 100, 100, 100, 100, 100, 100, 100],
        [100, 100, 100, 100, 200, 100, 100, 100],
        [100, 100, 100, 100, 200, 100, 100, 100],
        [100, 100, 100, 100, 200, 125, 100, 100],
        [100, 100, 100, 100, 200, 200, 200, 100],
    ]
    assert np.argwhere(owner == 0).tolist() == [
        [2, 4],
        [3, 4],
        [4, 4],
        [5, 4],
        [5, 5],
        [5, 6],
    ]
    assert shapes_drawing._visible_box(owner, 0) == (2, 4, 6, 7)
    # What is covered is no longer in the box.
    above = item(5, 5, 1, (0, 0, 0))._replace(alpha=np.ones((1, 3)))
    shapes_drawing._paint(_NoLight(), above, canvas, owner, index=1)
    assert shapes_drawing._visible_box(owner, 0) == (2, 4, 6, 5)
    assert shapes_drawing._visible_box(owner, 1) == (5, 5, 6, 8)


@pytest.mark.parametrize("texture", shapes_drawing._TEXTURES)
def test_textures_stay_in_range(texture):
    for i in range(5):
        values = texture(np.random.default_rng(i), 40, 60)
        assert values.shape in ((40, 60, 3), (40, 60, 1))
        assert np.abs(values).max() <= 1.0 + 1e-6
        assert values.std() > 0.05


def test_through_tfds(tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "_NUM_EXAMPLES", {"train": 4, "test": 2})
    source = registry.build_source("shapes", data_dir=str(tmp_path))
    assert source.name == "shapes"
    assert source.default_splits == ("train", "test")
    assert source.class_names == (
        "circle",
        "square",
        "star",
        "triangle",
    )
    assert (tmp_path / "shapes/1.0.0").is_dir()
    examples = list(source.dataset("train+test").as_numpy_iterator())
    by_id = {example["image_id"].decode(): example for example in examples}
    assert sorted(by_id) == [
        "test_00000.jpg",
        "test_00001.jpg",
        *(f"train_{i:05d}.jpg" for i in range(4)),
    ]
    for split, seed in (("train", 0), ("test", 1)):
        drawing = draw(seed, 1)
        example = by_id[f"{split}_00001.jpg"]
        image = tf.io.decode_jpeg(example["image"]).numpy()
        assert image.shape == drawing.image.shape
        error = np.abs(image.astype(int) - drawing.image.astype(int))
        assert error.mean() < 10  # JPEG
        np.testing.assert_allclose(example["gt_boxes"], drawing.boxes)
        assert (example["gt_labels"] - 1).tolist() == drawing.labels
        assert not example["gt_is_difficult"].any()
