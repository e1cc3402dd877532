"""Operations one after the other, each with random numbers of its own."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import (
    POLICIES,
    Sample,
    augment,
    build_policy,
    geometry,
)
from ssd_tf.data.augmentation.policy import Resample
from tests.data.augmentation.runs import BOX, IMAGE, run, seeds_of

TURNED = build_policy(Recipe(augmentation="ssd", rotate_90=True))
ROTATED = build_policy(Recipe(rotate_90=True, flip_left_right=False))
ALL = {**POLICIES, "turned": TURNED, "rotated": ROTATED}
OPERATIONS = list(dict.fromkeys(itertools.chain(*ALL.values())))


def sample_for(operation):
    """Before or after the resampling, as where the operation stands."""
    labels = tf.constant([1, 2])
    boxes = tf.constant([[0.1, 0.2, 0.7, 0.6], [0.3, 0.5, 0.9, 1.0]])
    for policy in ALL.values():
        if operation in policy:
            kinds = [type(step) for step in policy]
            is_before = policy.index(operation) <= kinds.index(Resample)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    image = tf.constant(pixels, tf.uint8 if is_before else tf.float32)
    view = tf.constant([-0.5, -0.25, 1.5, 1.75])
    return Sample(image, view, labels, boxes)


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_contract_of_operations(operation):
    """In a data set as eagerly, the same for a seed, shapes kept."""
    sample = sample_for(operation)
    step = functools.partial(operation, size=20)
    data = tf.data.Dataset.from_tensor_slices(seeds_of(8)).map(
        lambda seed: step(sample, seed=tf.cast(seed, tf.int32))
    )
    for seed, found in zip(seeds_of(8), data):
        again = step(sample, seed=tf.constant(seed))
        assert isinstance(found, Sample)
        for one, other in zip(found, again):
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, atol=1e-3)
        assert found.image.shape == (20, 20, 3)
        assert found.view.shape == (4,)
        assert found.gt_boxes.shape == (len(found.gt_labels), 4)
        assert found.gt_labels.dtype == tf.int32


@pytest.mark.parametrize("name", ALL)
def test_seed_decides_and_graph_equals_eager(name):
    policy, seeds = ALL[name], seeds_of(12)
    results = run(policy, seeds)
    eager = functools.partial(augment, policy=policy, size=40)
    labels = np.int32([1])
    for seed, one, again in zip(seeds, results, run(policy, seeds)):
        by_eager = eager(IMAGE, labels, BOX, seed=seed)
        for part, repeated, expected in zip(one, again, by_eager):
            np.testing.assert_array_equal(part, repeated)
            np.testing.assert_allclose(part, expected, atol=1e-3)
    distinct = {image.tobytes() for image, _, _ in results}
    assert len(distinct) >= (1 if name == "none" else 11)


# Recorded when a policy was one function: seed, mean of the pixels, mean of
# the pixels times RAMP, labels, first box. The accuracy that is published
# was trained with these random numbers.
RAMP = np.linspace(-1, 1, 40 * 40 * 3).reshape(40, 40, 3)
RECORDED = {
    ("ssd", ""): [
        (0, 142.52255, -0.33318, [1, 2, 3], [0.05416, 0.4, 0.501323, 0.8]),
        (1, 123.27242, -3.88602, [1, 2, 3], [0, 0.555685, 0.150268, 0.769455]),
        (
            3,
            115.61894,
            0.64947,
            [1, 2, 3],
            [0.73437, 0.634317, 0.83694, 0.734862],
        ),
        (
            4,
            119.53939,
            1.46931,
            [1, 2, 3],
            [0.530558, 0.515556, 0.644886, 0.629883],
        ),
    ],
    ("ssd_light", ""): [
        (0, 131.32272, -0.15962, [1, 2, 3], [0.05416, 0.4, 0.501323, 0.8]),
        (1, 134.65300, 0.18073, [1, 2, 3], [0, 0.46231, 0.308143, 0.867759]),
        (3, 126.19910, -0.96764, [2], [0.036779, 0.234125, 1, 1]),
        (4, 148.90322, 0.46203, [2], [0.31685, 0.146606, 0.932673, 1]),
    ],
    ("ssd", "rotate_90"): [
        (0, 142.52255, -0.33318, [1, 2, 3], [0.05416, 0.4, 0.501323, 0.8]),
        (1, 123.27242, 3.97974, [1, 2, 3], [0.849732, 0.555685, 1, 0.769455]),
        (
            3,
            115.61894,
            0.64947,
            [1, 2, 3],
            [0.73437, 0.634317, 0.83694, 0.734862],
        ),
        (
            4,
            119.53939,
            0.40550,
            [1, 2, 3],
            [0.515556, 0.530558, 0.629883, 0.644886],
        ),
    ],
    ("ssd_light", "flip_up_down"): [
        (1, 134.65300, -0.13080, [1, 2, 3], [0.691857, 0.46231, 1, 0.867759]),
        (4, 148.90322, 0.46203, [2], [0.31685, 0.146606, 0.932673, 1]),
    ],
    ("none", "rotate_90"): [
        (0, 127.33712, -0.21204, [1, 2, 3], [0.1, 0.4, 0.5, 0.8]),
        (1, 127.33712, 0.20759, [1, 2, 3], [0.5, 0.4, 0.9, 0.8]),
        (4, 127.33712, -0.09747, [1, 2, 3], [0.4, 0.1, 0.8, 0.5]),
    ],
}


@pytest.mark.parametrize("name, switch", RECORDED)
def test_random_numbers_are_those_of_the_published_runs(name, switch):
    image = np.random.default_rng(9).integers(0, 256, (45, 60, 3), np.uint8)
    boxes = [[0.1, 0.2, 0.5, 0.6], [0.4, 0.3, 0.9, 0.95], [0.6, 0.05, 0.8, 0.3]]
    switches = {switch: True} if switch else {}
    policy = build_policy(Recipe(augmentation=name, **switches))
    for i, mean, ramp, labels, box in RECORDED[name, switch]:
        ((pixels, gt_labels, gt_boxes),) = run(
            policy, [[3, i]], image=image, boxes=boxes
        )
        assert gt_labels.tolist() == labels
        np.testing.assert_allclose(gt_boxes[0], box, atol=2e-6)
        pixels = pixels.astype(np.float64)
        np.testing.assert_allclose(pixels.mean(), mean, atol=2e-5)
        np.testing.assert_allclose((pixels * RAMP).mean(), ramp, atol=2e-5)


@dataclasses.dataclass(frozen=True)
class Noise:
    """An operation from outside of the package."""

    amplitude: float

    def __call__(self, sample, *, seed, size):
        noise = tf.random.stateless_uniform([size, size, 1], seed)
        image = sample.image + self.amplitude * (noise - 0.5)
        return sample._replace(image=tf.clip_by_value(image, 0.0, 255.0))


@dataclasses.dataclass(frozen=True)
class LeftHalf:
    """One that changes the view."""

    def __call__(self, sample, *, seed, size):
        left_half = tf.constant([0.0, 0.0, 1.0, 0.5])
        return sample._replace(view=geometry.compose(sample.view, left_half))


def test_operations_from_outside():
    plain = run(POLICIES["ssd"], seeds_of(4))
    policy = (*POLICIES["ssd"], Noise(8.0))
    for (image, *objects), (noisy, *same) in zip(
        plain, run(policy, seeds_of(4))
    ):
        # What the other operations draw stays as it was.
        for one, other in zip(objects, same):
            np.testing.assert_array_equal(one, other)
        assert 1 < np.abs(noisy - image).max() <= 4.01
    halves = run((LeftHalf(), *POLICIES["none"]), [[0, 0]])
    # Columns from 1/8 to 5/8 of the whole, of which the half clips the end.
    np.testing.assert_allclose(halves[0][2][0, 1::2], [0.25, 1.0])


def noise_of(*operations, seed=(3, 0)):
    gray = np.full((4, 4, 3), 100, np.uint8)
    policy = (Resample(), *operations)
    ((image, _, _),) = run(policy, [list(seed)], image=gray, boxes=[], size=4)
    return image - 100


def test_an_operation_from_outside_draws_by_its_name_and_repetition():
    class Other(Noise):
        pass

    one = noise_of(Noise(8.0))
    np.testing.assert_array_equal(one, noise_of(LeftHalf(), Noise(8.0)))
    np.testing.assert_allclose(noise_of(Noise(4.0)), one / 2, atol=1e-4)
    twice = noise_of(Noise(8.0), Noise(8.0))
    assert np.abs(twice - 2 * one).max() > 1
    assert np.abs(noise_of(Other(8.0)) - one).max() > 1
    assert np.abs(noise_of(Noise(8.0), seed=(3, 1)) - one).max() > 1


def test_a_policy_that_makes_no_pixels():
    with pytest.raises(ValueError, match="policy without Resample"):
        run((LeftHalf(),), [[0, 0]])
