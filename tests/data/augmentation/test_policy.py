"""Policies: boxes follow pixels, whatever is drawn."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import POLICIES, build_policy, geometry
from ssd_tf.data.augmentation.policy import (
    Crop,
    DistortColours,
    Flip,
    Resample,
    Rotate,
    ZoomOut,
)
from ssd_tf.data.images import resampling
from ssd_tf.errors import InputError
from tests.data.augmentation.runs import BOX, IMAGE, run, seeds_of

SSD = POLICIES["ssd"]
FLIPS = build_policy(Recipe(augmentation="none", rotate_90=True))
ALL = {
    **POLICIES,
    "flips": FLIPS,
    "ssd and flips": build_policy(Recipe(augmentation="ssd", rotate_90=True)),
}
FILL = np.float32([123, 117, 104])
SIZE = 200


def without(policy, *kinds):
    return tuple(step for step in policy if not isinstance(step, kinds))


def bright_box(image):
    """The yxyx box in pixels of what was white; None if nothing is."""
    is_gray = np.ptp(image, axis=-1) < 2
    lightness = np.where(is_gray, image.mean(axis=-1), 0)
    # White at its darkest is (255 - 32) / 2 = 111, black at its lightest 48.
    if lightness.max() < 80:
        return None
    black = lightness[is_gray].min() if lightness[is_gray].min() < 80 else 0
    half = (lightness.max() + black) / 2
    rows, columns = np.nonzero(lightness > half)
    return np.array(
        [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    )


@pytest.mark.parametrize("name", ALL)
def test_boxes_follow_pixels(name):
    num_kept = 0
    for image, labels, boxes in run(ALL[name], seeds_of(120), size=SIZE):
        assert len(labels) == len(boxes) <= 1
        assert image.shape == (SIZE, SIZE, 3) and np.isfinite(image).all()
        if len(boxes):
            found = bright_box(image)
            np.testing.assert_allclose(boxes[0] * SIZE, found, atol=1.01)
            assert labels.tolist() == [1]
            num_kept += 1
    assert num_kept == 120 if name in ("none", "flips") else num_kept > 80


def test_box_is_dropped_where_its_centre_is_outside():
    """An image with all objects out of the crop is still used."""
    policy = without(SSD, DistortColours, ZoomOut)
    # A second object makes the samplers look away from the first.
    boxes = np.concatenate([BOX, [[0.0, 0.7, 0.3, 1.0]]])
    num_without = num_dropped = 0
    for image, labels, kept in run(
        policy, seeds_of(150), boxes=boxes, size=SIZE
    ):
        found = bright_box(image)
        num_without += len(labels) == 0
        if 1 not in labels and found is not None:
            num_dropped += 1
            # What is left of it touches a border.
            assert found[:2].min() == 0 or found[2:].max() == SIZE
        assert (kept >= 0).all() and (kept <= 1).all()
        assert (kept[:, 2:] > kept[:, :2]).all()
    assert num_dropped > 3
    assert num_without > 0


def test_labels_stay_with_their_boxes():
    boxes = [[0.1, 0.1, 0.3, 0.3], [0.4, 0.4, 0.6, 0.9], [0.7, 0.1, 0.9, 0.2]]
    shapes = [(b[2] - b[0]) / (b[3] - b[1]) for b in boxes]
    policy = without(SSD, DistortColours)
    full = 0
    for _, labels, kept in run(policy, seeds_of(60), boxes=boxes, size=8):
        for label, box in zip(labels, kept):
            if 0 < box.min() and box.max() < 1:  # not clipped
                full += 1
                aspect = (box[2] - box[0]) / (box[3] - box[1])
                # Height over width of all three, in units of the same view.
                ratio = aspect / shapes[label - 1]
                assert 0.45 < ratio < 2.2
    assert full > 30


def test_canvas_is_the_mean_whatever_the_colours_do():
    policy = without(SSD, Crop)
    num_expanded = 0
    for image, _, boxes in run(policy, seeds_of(60), size=SIZE):
        if boxes[0, 2] - boxes[0, 0] < 0.25:  # of 1/3
            num_expanded += 1
            is_fill = (image == FILL).all(axis=-1)
            height = (boxes[0, 2] - boxes[0, 0]) * 3  # of the image
            assert abs(is_fill.mean() - (1 - height**2)) < 0.03
    assert num_expanded > 10


def test_flips_give_all_eight_symmetries_as_often():
    image = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    boxes = [[0.0, 1 / 3, 1 / 3, 1.0]]
    results = run(FLIPS, seeds_of(800), image=image, boxes=boxes, size=3)
    counts = {}
    for turned, _, (box,) in results:
        counts[turned.tobytes()] = counts.get(turned.tobytes(), 0) + 1
        top, left, bottom, right = np.round(box * 3).astype(int)
        inside = turned[top:bottom, left:right].reshape(-1, 3)
        assert {tuple(p) for p in inside} == {(3, 4, 5), (6, 7, 8)}
    symmetries = {
        np.float32(turned).tobytes()
        for k in range(4)
        for turned in (np.rot90(image, k), np.rot90(image, k).swapaxes(0, 1))
    }
    assert set(counts) == symmetries
    assert min(counts.values()) > 60  # 100 - 4 sigma


def test_interpolation_is_drawn_uniformly():
    policy = (Resample(tuple(resampling.INTERPOLATIONS)),)
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    whole = tf.constant(geometry.WHOLE_IMAGE)
    options = [
        resampling.render(image, whole, 30, interpolation=name).numpy()
        for name in resampling.INTERPOLATIONS
    ]
    counts = np.zeros(5)
    for result, _, _ in run(policy, seeds_of(400), image=image, size=30):
        errors = [np.abs(result - option).max() for option in options]
        assert min(errors) < 1e-3
        counts[np.argmin(errors)] += 1
    assert (np.abs(counts - 80) < 4 * 8).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2000, 3)])
@pytest.mark.parametrize("name", ALL)
def test_odd_images(name, shape):
    image = np.full((*shape, 3), 200, np.uint8)
    for boxes in ([[0.0, 0.0, 1.0, 1.0]], []):
        for pixels, labels, kept in run(
            ALL[name], seeds_of(6), image=image, boxes=boxes, size=16
        ):
            assert np.isfinite(pixels).all()
            assert pixels.min() >= 0 and pixels.max() <= 255
            assert kept.shape == (len(labels), 4)


def test_none_is_the_resized_image():
    ((image, labels, boxes),) = run(POLICIES["none"], [[0, 0]], size=SIZE)
    resized = tf.image.resize(IMAGE, [SIZE, SIZE])
    np.testing.assert_allclose(image, resized, atol=1e-2)
    np.testing.assert_array_equal(boxes, BOX)
    assert labels.tolist() == [1]


def test_only_the_policy_of_the_paper_draws_interpolations():
    (paper,) = (step for step in SSD if isinstance(step, Resample))
    assert set(paper.interpolations) == set(resampling.INTERPOLATIONS)
    for name in ("ssd_light", "none"):
        assert Resample(("bilinear",)) in POLICIES[name]


LIGHT = POLICIES["ssd_light"]


@pytest.mark.parametrize(
    "switches, expected",
    [
        ({"augmentation": "ssd_light"}, LIGHT),
        (
            {"augmentation": "ssd_light", "flip_up_down": True},
            (*LIGHT, Flip("up_down")),
        ),
        (
            {"augmentation": "ssd_light", "rotate_90": True},
            (*LIGHT, Flip("up_down"), Flip("transpose")),
        ),
        (
            {"augmentation": "none", "rotate_90": True, "flip_up_down": True},
            (
                Resample(),
                Flip("left_right"),
                Flip("up_down"),
                Flip("transpose"),
            ),
        ),
        (
            {"augmentation": "ssd_light", "flip_left_right": False},
            LIGHT[:-1],
        ),
        (
            {
                "augmentation": "ssd",
                "flip_left_right": False,
                "rotate_90": True,
            },
            (*POLICIES["ssd"][:-1], Rotate()),
        ),
        (
            {"augmentation": "none", "flip_left_right": False}
            | {"flip_up_down": True},
            (Resample(), Flip("up_down")),
        ),
    ],
)
def test_build_policy(switches, expected):
    assert build_policy(Recipe(**switches)) == expected


def test_an_unknown_policy():
    with pytest.raises(InputError, match="'strong'; known: ssd, ssd_light"):
        build_policy(Recipe(augmentation="strong"))


@pytest.mark.parametrize("name", ["none", "ssd_light"])
def test_rotations_reach_all_eight_positions(name):
    policy = build_policy(Recipe(augmentation=name, rotate_90=True))
    policy = without(policy, DistortColours, ZoomOut, Crop)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20
    quarter_turns = [np.rot90(image, k) for k in range(4)]
    positions = quarter_turns + [turned[:, ::-1] for turned in quarter_turns]
    found = {
        tuple(turned.round().ravel())
        for turned, _, _ in run(
            policy, seeds_of(100), image=image, boxes=[], size=2
        )
    }
    assert found == {tuple(p.ravel().astype(float)) for p in positions}


def test_rotations_without_mirrors():
    """Four positions, about as often each, boxes with their pixels."""
    recipe = Recipe(augmentation="none", rotate_90=True, flip_left_right=False)
    image = np.zeros((4, 4, 3), np.uint8)
    image[0, 1] = 255  # the box is this pixel
    box = [0.0, 0.25, 0.25, 0.5]
    places = {(0, 1): 0, (2, 0): 0, (3, 2): 0, (1, 3): 0}
    for pixels, _, boxes in run(
        build_policy(recipe), seeds_of(80), image=image, boxes=[box], size=4
    ):
        (place,) = zip(*np.nonzero(pixels[..., 0]))
        places[place] += 1
        corner = np.array(place) / 4
        np.testing.assert_allclose(boxes, [[*corner, *(corner + 0.25)]])
    assert len(places) == 4 and min(places.values()) > 8


def test_switches_that_contradict_one_another():
    with pytest.raises(InputError, match="flip_up_down and rotate_90 together"):
        Recipe(flip_left_right=False, flip_up_down=True, rotate_90=True)
