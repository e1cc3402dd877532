"""Views of an image: how they are drawn, and what boxes do."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.data.augmentation import geometry

WHOLE = np.array([0, 0, 1, 1], np.float32)


def draw(function, count, *, first=0):
    """`function` of many seeds -> array [count, ..]."""
    seeds = tf.stack(
        [tf.range(first, first + count), tf.ones([count], tf.int32)]
    )
    dataset = tf.data.Dataset.from_tensor_slices(tf.transpose(seeds))
    batch = dataset.map(function).batch(count)
    return next(batch.as_numpy_iterator())


def is_uniform(values, low, high):
    """Kolmogorov-Smirnov at a level of about 1e-4."""
    values = np.sort((np.asarray(values) - low) / (high - low))
    grid = np.arange(len(values)) / len(values)
    return np.abs(values - grid).max() < 2.2 / np.sqrt(len(values))


def test_expand_statistics():
    views = draw(lambda s: geometry.random_expand(s, max_ratio=4.0), 4000)
    expanded = ~(views == WHOLE).all(axis=1)
    assert abs(expanded.mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)
    views = views[expanded]
    sides = views[:, 2:] - views[:, :2]
    np.testing.assert_allclose(sides[:, 0], sides[:, 1], atol=1e-5)
    ratio = sides[:, 0]
    assert is_uniform(ratio, 1, 4)
    free = ratio > 1.01
    for axis in (0, 1):
        # The image lies at -top / ratio on the canvas.
        place = -views[free, axis] / (ratio[free] - 1)
        assert is_uniform(place, 0, 1)
    place = -views[free, :2] / (ratio[free, None] - 1)
    assert abs(np.corrcoef(place.T)[0, 1]) < 0.1
    assert abs(np.corrcoef(place[:, 0], ratio[free])[0, 1]) < 0.1


def test_expand_probability_and_ratio():
    def always(seed):
        return geometry.random_expand(seed, max_ratio=2.0, probability=1.0)

    views = draw(always, 200)
    assert is_uniform(views[:, 2] - views[:, 0], 1, 2)


def simulate_crops(boxes, count, *, trials=50):
    """The batch samplers in NumPy, written from the reference, §5.1.

    Returns:
      chosen crops [count, 4], x1 y1 x2 y2, and how often each of the six
      samplers found one.
    """
    rng = np.random.default_rng(5)
    chosen, successes = [], np.zeros(6)
    for _ in range(count):
        found = [(0.0, 0.0, 1.0, 1.0)]
        for sampler, bound in enumerate((0.1, 0.3, 0.5, 0.7, 0.9, None)):
            s = rng.uniform(0.3, 1, trials)
            a = rng.uniform(0.5, 2, trials)
            a = np.minimum(np.maximum(a, s * s), 1 / (s * s))
            w, h = s * np.sqrt(a), s / np.sqrt(a)
            x1, y1 = rng.random(trials) * (1 - w), rng.random(trials) * (1 - h)
            ok = np.zeros(trials, bool)
            for ymin, xmin, ymax, xmax in boxes:
                dx = np.minimum(x1 + w, xmax) - np.maximum(x1, xmin)
                dy = np.minimum(y1 + h, ymax) - np.maximum(y1, ymin)
                inter = np.maximum(dx, 0) * np.maximum(dy, 0)
                own = (ymax - ymin) * (xmax - xmin)
                iou = inter / (w * h + own - inter)
                ok |= bound is None or iou >= bound
            if ok.any():
                i = ok.argmax()
                successes[sampler] += 1
                found.append((y1[i], x1[i], y1[i] + h[i], x1[i] + w[i]))
        chosen.append(found[rng.integers(len(found))])
    return np.array(chosen), successes / count


def is_whole(crops):
    return (crops == WHOLE).all(axis=1)


def same_distribution(a, b):
    """Two samples, Kolmogorov-Smirnov at a level of about 1e-4."""
    grid = np.sort(np.concatenate([a, b]))
    cdf_a = np.searchsorted(np.sort(a), grid, side="right") / len(a)
    cdf_b = np.searchsorted(np.sort(b), grid, side="right") / len(b)
    bound = 2.2 * np.sqrt(1 / len(a) + 1 / len(b))
    return np.abs(cdf_a - cdf_b).max() < bound


SCENES = {
    "middle": [[0.2, 0.25, 0.7, 0.8]],
    "small": [[0.1, 0.1, 0.3, 0.25]],
    "two": [[0.05, 0.1, 0.35, 0.4], [0.3, 0.3, 0.95, 0.9]],
    "strip": [[0.45, 0.0, 0.55, 1.0]],
}


def crops_of(boxes, count):
    boxes = tf.constant(boxes, tf.float32, [len(boxes), 4])
    return draw(lambda seed: geometry.random_crop(seed, boxes), count)


@pytest.mark.parametrize("scene", SCENES)
def test_crop_statistics(scene):
    boxes, count = SCENES[scene], 2500
    crops = crops_of(boxes, count)
    expected, _ = simulate_crops(boxes, count)
    p = is_whole(expected).mean()
    noise = 4 * np.sqrt(2 * p * (1 - p) / count)
    assert abs(is_whole(crops).mean() - p) < noise
    crops, expected = crops[~is_whole(crops)], expected[~is_whole(expected)]
    for measure in (
        lambda c: c[:, 0],
        lambda c: c[:, 1],
        lambda c: (c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1]),
        lambda c: (c[:, 3] - c[:, 1]) / (c[:, 2] - c[:, 0]),
        lambda c: c.sum(axis=1),
    ):
        assert same_distribution(measure(crops), measure(expected))
    assert crops.min() >= -1e-6 and crops.max() <= 1 + 1e-6


def test_crop_tries_fifty_times():
    # Of one vector of 50 trials, IoU .5 with this box comes in some only.
    box = [[0.3, 0.3, 0.7, 0.7]]
    rates = {n: simulate_crops(box, 600, trials=n)[1][2] for n in (25, 50, 100)}
    assert rates[25] + 0.1 < rates[50] < rates[100] - 0.1
    crops = draw(geometry._candidate_crops, 1200)[:, 2]  # [1200, 50, 4]
    iou = box_ops.pairwise_iou(crops.reshape(-1, 4), tf.constant(box))
    rate = (iou.numpy().reshape(1200, 50) >= 0.5).any(axis=1).mean()
    assert abs(rate - rates[50]) < 0.08


@pytest.mark.parametrize(
    "boxes, chance",
    [
        # Too small for an IoU of .1 with any crop: whole or free.
        ([[0.5, 0.5, 0.51, 0.51]], 1 / 2),
        # IoU = scale^2; .9 is reached in 50 trials but for 2 percent.
        ([[0.0, 0.0, 1.0, 1.0]], 0.978 / 7 + 0.022 / 6),
        # Any one object is enough.
        ([[0.5, 0.5, 0.51, 0.51], [0.0, 0.0, 1.0, 1.0]], 0.1434),
        ([], 1.0),
    ],
)
def test_chance_of_the_whole_image(boxes, chance):
    count = 2000
    rate = is_whole(crops_of(boxes, count)).mean()
    assert abs(rate - chance) <= 4 * np.sqrt(chance * (1 - chance) / count)


def test_candidates_have_the_scales_and_aspects_of_caffe():
    crops = draw(geometry._candidate_crops, 40).reshape(-1, 4)  # [12000, 4]
    sides = crops[:, 2:] - crops[:, :2]
    scale = np.sqrt(sides.prod(axis=1))
    assert is_uniform(scale, 0.3, 1.0)
    aspect = sides[:, 1] / sides[:, 0]  # width over height
    free = scale < 0.7  # where scale does not bound the aspect
    assert is_uniform(aspect[free], 0.5, 2.0)
    assert (sides <= 1 + 1e-6).all()
    bound = (scale > 0.9) & (aspect < scale**2 + 1e-4)
    assert bound.sum() > 50  # clamped, not drawn again
    for axis in (0, 1):
        room = 1 - sides[:, axis]
        free = room > 0.01
        assert is_uniform(crops[free, axis] / room[free], 0, 1)


def test_views_by_hand():
    view = tf.constant([-1.0, -0.5, 1.0, 1.5])
    inner = tf.constant([0.5, 0.25, 1.0, 0.75])
    composed = geometry.compose(view, inner)
    np.testing.assert_allclose(composed, [0.0, 0.0, 1.0, 1.0])
    boxes = tf.constant([[0.0, 0.0, 1.0, 1.0], [-1.0, -0.5, 0.0, 0.5]])
    relative = geometry.boxes_in_view(boxes, view)
    np.testing.assert_allclose(
        relative, [[0.5, 0.25, 1.0, 0.75], [0.0, 0.0, 0.5, 0.5]]
    )


def test_centre_rule_includes_the_border():
    boxes = [
        [-0.5, 0.2, 0.5, 0.4],  # centre y = 0
        [0.2, 0.5, 0.4, 1.5],  # centre x = 1
        [-0.5, 0.2, 0.49, 0.4],
        [0.2, 0.52, 0.4, 1.5],
        [0.1, 0.1, 0.2, 0.2],
        [np.nan, 0.1, 0.2, 0.2],
    ]
    kept = geometry.keep_centred(tf.constant(boxes))
    assert kept.numpy().tolist() == [True, True, False, False, True, False]
