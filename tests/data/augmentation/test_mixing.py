"""Images of several pictures: every object lies on its pixels."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import (
    POLICIES,
    Partner,
    augment,
    build_policy,
    count_partners,
    mixing,
)
from ssd_tf.data.augmentation.operations import Flip, Mixup, Mosaic, Rotate
from ssd_tf.errors import InputError
from tests.data.augmentation.runs import seeds_of

SIZE = 20
FILL = [123, 117, 104]


def picture(gray, *boxes, labels=None, shape=(30, 40)):
    """One of one gray, with an object of another for each box."""
    pixels = np.full((*shape, 3), gray, np.uint8)
    for box in boxes:
        ymin, xmin, ymax, xmax = np.round(np.array(box) * (*shape, *shape))
        pixels[int(ymin) : int(ymax), int(xmin) : int(xmax)] = gray + 5
    return Partner(
        lambda: tf.constant(pixels),
        tf.constant(labels or [1] * len(boxes), tf.int32),
        tf.constant(np.reshape(boxes, (-1, 4)), tf.float32),
    )


def places_of(canvas):
    """gray -> ymin, xmin, ymax, xmax of what is about that, in pixels."""
    found = {}
    for gray in (10, 60, 150, 200):
        mask = (np.abs(canvas[..., 0].astype(int) - gray) <= 6).astype(bool)
        mask &= (canvas == canvas[..., :1]).all(axis=-1)
        y, x = np.nonzero(mask)
        found[gray] = (y.min(), x.min(), y.max() + 1, x.max() + 1)
    return found


PICTURES = [picture(gray) for gray in (10, 60, 150, 200)]


@pytest.mark.parametrize("seed", seeds_of(12))
def test_pictures_of_a_mosaic_meet_in_a_point(seed):
    canvas, labels, boxes = mixing.mosaic(PICTURES, size=SIZE, seed=seed)
    assert canvas.shape == (2 * SIZE, 2 * SIZE, 3) and canvas.dtype == tf.uint8
    assert labels.shape == (0,) and boxes.shape == (0, 4)
    places = places_of(canvas.numpy())
    y, x = places[200][:2]  # where the lower right one begins
    assert 10 <= y < 30 and 10 <= x < 30
    for gray, corner in {
        10: (max(y - SIZE, 0), max(x - SIZE, 0), y, x),
        60: (max(y - SIZE, 0), x, y, min(x + SIZE, 40)),
        150: (y, max(x - SIZE, 0), min(y + SIZE, 40), x),
        200: (y, x, min(y + SIZE, 40), min(x + SIZE, 40)),
    }.items():
        assert places[gray] == corner
    # What no picture covers has the colour of the canvas.
    total = sum((d - b) * (c - a) for b, a, d, c in places.values())
    is_fill = (canvas.numpy() == FILL).all(axis=-1)
    assert is_fill.sum() == 4 * SIZE * SIZE - total


def test_the_point_is_anywhere_in_the_middle():
    joints = np.array(
        [
            places_of(mixing.mosaic(PICTURES, size=SIZE, seed=seed)[0].numpy())[
                200
            ][:2]
            for seed in seeds_of(60)
        ]
    )
    assert joints.min() >= 10 and joints.max() < 30
    assert (joints.min(axis=0) <= 12).all() and (joints.max(axis=0) >= 27).all()
    assert abs(np.corrcoef(joints.T)[0, 1]) < 0.4


@pytest.mark.parametrize("seed", seeds_of(12))
def test_objects_of_a_mosaic_lie_on_their_pixels(seed):
    """Of three classes; what a quadrant cuts ends there."""
    boxes = [(0.0, 0.0, 0.4, 0.4), (0.3, 0.5, 0.9, 1.0)]
    pictures = [
        picture(gray, *boxes, labels=[k, k + 1], shape=(20, 20))
        for k, gray in enumerate((10, 60, 150, 200))
    ]
    canvas, labels, found = mixing.mosaic(pictures, size=SIZE, seed=seed)
    labels, found = labels.numpy(), found.numpy()
    assert len(labels) == len(found) and 3 <= len(labels) <= 8
    assert 0 <= found.min() and found.max() <= 1
    inside = np.zeros((40, 40), bool)
    for ymin, xmin, ymax, xmax in np.round(found * 40).astype(int):
        area = canvas.numpy()[ymin:ymax, xmin:xmax]
        assert area.size and (area == area[0, 0]).all()
        assert area[0, 0, 0] in (15, 65, 155, 205)
        inside[ymin:ymax, xmin:xmax] = True
    # What shows beside them are objects whose centre is cut off.
    is_object = np.isin(canvas.numpy()[..., 0], (15, 65, 155, 205))
    assert not (inside & ~is_object).any()
    assert (is_object & ~inside).sum() < 0.5 * is_object.sum()


def test_a_crowd_of_a_mosaic_is_kept_for_the_crops():
    crowd = picture(10, (0.6, 0.6, 1.0, 1.0), labels=[0], shape=(20, 20))
    _, labels, boxes = mixing.mosaic(
        [crowd, *PICTURES[1:]], size=SIZE, seed=[1, 2]
    )
    assert labels.numpy().tolist() == [0] and boxes.shape == (1, 4)


def test_mixup_is_a_mean_with_all_objects():
    image = tf.fill([SIZE, SIZE, 3], 100.0)
    box, other_box = [[0.1, 0.1, 0.5, 0.5]], (0.2, 0.2, 0.9, 0.8)
    shares = []
    for seed in seeds_of(40):
        mixed, labels, boxes = mixing.mixup(
            image,
            tf.constant([2]),
            tf.constant(box),
            picture(200, other_box)._replace(
                load=lambda: tf.fill([9, 7, 3], tf.constant(200, tf.uint8))
            ),
            seed=seed,
        )
        assert labels.numpy().tolist() == [2, 1]
        np.testing.assert_allclose(boxes, [*box, other_box])
        value = mixed.numpy()
        assert mixed.shape == (SIZE, SIZE, 3) and np.ptp(value) < 1e-3
        shares.append((200 - value[0, 0, 0]) / 100)
    # Beta(32, 32) has a mean of 1/2 and a deviation of 1 / sqrt(260).
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.std(shares) == pytest.approx(0.062, abs=0.02)


LIGHT = POLICIES["ssd_light"]


@pytest.mark.parametrize(
    "values, expected",
    [
        ({"mosaic": 0.5}, (Mosaic(0.5), *LIGHT)),
        ({"mixup": 0.1}, (*LIGHT[:-1], Mixup(0.1), LIGHT[-1])),
        (
            {"mosaic": 1.0, "mixup": 1.0, "rotate_90": True}
            | {"flip_left_right": False},
            (Mosaic(1.0), *LIGHT[:-1], Mixup(1.0), Rotate()),
        ),
    ],
)
def test_where_they_stand(values, expected):
    policy = build_policy(Recipe(augmentation="ssd_light", **values))
    assert policy == expected
    assert count_partners(policy) == 3 * ("mosaic" in values) + (
        "mixup" in values
    )
    assert LIGHT[-1] == Flip("left_right")


@pytest.mark.parametrize("name", ["mosaic", "mixup"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_shares_beyond_0_to_1(name, value):
    with pytest.raises(InputError, match=f"{name} must be in 0..1, got"):
        Recipe(**{name: value})


def run(policy, seed, partners=PICTURES):
    return augment(
        partners[0].load(),
        *partners[0][1:],
        policy=policy,
        size=SIZE,
        seed=tf.constant(seed, tf.int32),
        partners=partners[1 : 1 + count_partners(policy)],
    )


@pytest.mark.parametrize("kind", [Mosaic, Mixup])
def test_a_share_of_the_images_is_changed(kind):
    resample = POLICIES["none"]

    def policy(share):
        parts = [kind(share), *resample]
        return parts if kind is Mosaic else parts[::-1]

    plain, _, _ = run(resample, [0, 0])
    changed = 0
    for seed in seeds_of(60):
        never, _, _ = run(policy(0.0), seed)
        np.testing.assert_array_equal(never, plain)
        sometimes, _, _ = run(policy(0.3), seed)
        changed += bool(np.any(sometimes != plain))
        always, _, _ = run(policy(1.0), seed)
        assert np.any(always != plain)
        if np.any(sometimes != plain):
            np.testing.assert_array_equal(sometimes, always)
    assert 8 <= changed <= 30


def test_what_other_operations_draw_stays_as_it_was():
    """A mosaic that never comes changes nothing of a published policy."""
    ssd = POLICIES["ssd"]
    for seed in seeds_of(6):
        plain = run(ssd, seed)
        with_both = run(
            (Mosaic(0.0), *ssd[:-1], Mixup(0.0), ssd[-1]),
            seed,
            PICTURES + PICTURES[:1],
        )
        for one, other in zip(plain, with_both, strict=True):
            np.testing.assert_array_equal(one, other)


def test_partners_that_are_missing():
    with pytest.raises(ValueError, match="policy needs 3 partners, got 2"):
        run((Mosaic(1.0), *POLICIES["none"]), [0, 0], PICTURES[:3])
