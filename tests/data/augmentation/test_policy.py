"""Policies: boxes follow pixels, and nothing depends on anything but seeds."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import geometry
from ssd_tf.data.augmentation import policy as augment
from ssd_tf.data.images import resampling
from ssd_tf.errors import InputError

SSD = augment.POLICIES["ssd"]
FLIPS = augment.Policy(flip_left_right=True, flip_up_down=True, transpose=True)
POLICIES = {
    **augment.POLICIES,
    "flips": FLIPS,
    "ssd and flips": dataclasses.replace(
        SSD, flip_up_down=True, transpose=True
    ),
}
FILL = np.float32([123, 117, 104])
SIZE = 200
# Nothing in common with the mean: black, and one white object.
IMAGE = np.zeros((270, 360, 3), np.uint8)
IMAGE[90:180, 45:225] = 255
BOX = np.float32([[90 / 270, 45 / 360, 180 / 270, 225 / 360]])


def run(policy, seeds, *, image=IMAGE, boxes=BOX, size=SIZE):
    """Augments one image with many seeds in a `tf.data` pipeline."""
    boxes = np.float32(boxes).reshape(-1, 4)
    labels = np.arange(1, len(boxes) + 1, dtype=np.int32)
    dataset = tf.data.Dataset.from_tensor_slices(tf.constant(seeds)).map(
        lambda seed: augment.augment(
            tf.constant(image),
            labels,
            boxes,
            policy=policy,
            size=size,
            seed=seed,
        )
    )
    return list(dataset.as_numpy_iterator())


def seeds_of(count):
    return [[3, i] for i in range(count)]


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


@pytest.mark.parametrize("name", POLICIES)
def test_boxes_follow_pixels(name):
    num_kept = 0
    for image, labels, boxes in run(POLICIES[name], seeds_of(120)):
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
    policy = dataclasses.replace(SSD, photometric=0, expand_ratio=1.0)
    # A second object makes the samplers look away from the first.
    boxes = np.concatenate([BOX, [[0.0, 0.7, 0.3, 1.0]]])
    num_without = num_dropped = 0
    for image, labels, kept in run(policy, seeds_of(150), boxes=boxes):
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
    policy = dataclasses.replace(SSD, photometric=0.0)
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
    policy = dataclasses.replace(SSD, crop=False)
    num_expanded = 0
    for image, _, boxes in run(policy, seeds_of(60)):
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
    policy = augment.Policy(interpolations=SSD.interpolations)
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


@pytest.mark.parametrize("name", POLICIES)
def test_seed_decides_and_graph_equals_eager(name):
    policy = POLICIES[name]
    results = run(policy, seeds_of(12), size=40)
    again = run(policy, seeds_of(12), size=40)
    eager = functools.partial(
        augment.augment, IMAGE, np.int32([1]), BOX, policy=policy, size=40
    )
    for i, parts in enumerate(zip(results, again)):
        for part, repeated, by_eager in zip(*parts, eager(seed=[3, i])):
            np.testing.assert_array_equal(part, repeated)
            np.testing.assert_allclose(part, by_eager, atol=1e-3)
    distinct = {image.tobytes() for image, _, _ in results}
    assert len(distinct) >= {"none": 1, "flips": 4}.get(name, 11)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2000, 3)])
@pytest.mark.parametrize("name", POLICIES)
def test_odd_images(name, shape):
    image = np.full((*shape, 3), 200, np.uint8)
    for boxes in ([[0.0, 0.0, 1.0, 1.0]], []):
        for pixels, labels, kept in run(
            POLICIES[name], seeds_of(6), image=image, boxes=boxes, size=16
        ):
            assert np.isfinite(pixels).all()
            assert pixels.min() >= 0 and pixels.max() <= 255
            assert kept.shape == (len(labels), 4)


def test_none_is_the_resized_image():
    ((image, labels, boxes),) = run(augment.POLICIES["none"], [[0, 0]])
    resized = tf.image.resize(IMAGE, [SIZE, SIZE])
    np.testing.assert_allclose(image, resized, atol=1e-2)
    np.testing.assert_array_equal(boxes, BOX)


def test_only_the_policy_of_the_paper_draws_interpolations():
    assert set(SSD.interpolations) == set(resampling.INTERPOLATIONS)
    for name in ("ssd_light", "none"):
        assert augment.POLICIES[name].interpolations == ("bilinear",)


def test_build_policy():
    recipe = functools.partial(dataclasses.replace, Recipe())
    light = augment.POLICIES["ssd_light"]
    build = augment.build_policy
    assert build(recipe(augmentation="ssd_light")) == light
    flipped = build(recipe(augmentation="ssd_light", flip_up_down=True))
    assert flipped == dataclasses.replace(light, flip_up_down=True)
    turned = build(recipe(augmentation="ssd_light", rotate_90=True))
    assert turned == dataclasses.replace(flipped, transpose=True)
    plain = build(recipe(augmentation="none", rotate_90=True))
    assert plain.flip_left_right and plain.flip_up_down and plain.transpose
    with pytest.raises(InputError, match="'strong'; known: ssd, ssd_light"):
        build(recipe(augmentation="strong"))


@pytest.mark.parametrize("name", ["none", "ssd_light"])
def test_rotations_reach_all_eight_positions(name):
    policy = augment.build_policy(Recipe(augmentation=name, rotate_90=True))
    policy = dataclasses.replace(
        policy, photometric=0.0, expand_ratio=1.0, crop=False
    )
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20
    quarter_turns = [np.rot90(image, k) for k in range(4)]
    positions = quarter_turns + [turned[:, ::-1] for turned in quarter_turns]
    found = {
        tuple(
            augment.augment(
                tf.constant(image),
                tf.zeros([0], tf.int32),
                tf.zeros([0, 4]),
                policy=policy,
                size=2,
                seed=tf.constant([i, 0]),
            )[0]
            .numpy()
            .round()
            .ravel()
        )
        for i in range(100)
    }
    assert found == {tuple(p.ravel().astype(float)) for p in positions}
