import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import (
    PRESETS,
    EncodedTargets,
    InputError,
    MultiBoxLoss,
    TargetEncoder,
)
from ssd_tf.losses import hardest_negatives, smooth_l1

# Probabilities of background and two classes; the logits are their logarithms.
POSITIVE_2 = (0.25, 0.25, 0.5)  # cross-entropy of class 2: ln 2
POSITIVE_1 = (0.4, 0.2, 0.4)  # of class 1: ln 5
HARD = (0.1, 0.5, 0.4)  # of background: ln 10
MEDIUM = (0.5, 0.25, 0.25)  # ln 2
EASY = (0.8, 0.1, 0.1)  # ln 1.25
EASIEST = (0.9, 0.05, 0.05)
IGNORED = (0.01, 0.98, 0.01)  # the hardest of all


def make_batch():
    """Three images of six anchors: 1, 0 and 2 positives."""
    probabilities = [
        [EASY, POSITIVE_2, HARD, EASIEST, IGNORED, MEDIUM],
        [HARD, HARD, MEDIUM, EASY, IGNORED, HARD],
        [POSITIVE_2, IGNORED, MEDIUM, IGNORED, POSITIVE_1, IGNORED],
    ]
    gclasses = [[0, 2, 0, 0, 0, 0], [0] * 6, [2, 0, 0, 0, 1, 0]]
    gscores = [
        [0.1, 0.6, 0.4, 0, -1, 0],
        [0, 0, 0, 0, -1, 0],
        [0.5, -1, 0, -1, 0.1, -1],
    ]
    glocalisations = np.zeros([3, 6, 4], np.float32)
    localisations = np.full([3, 6, 4], 9, np.float32)  # only positives count
    glocalisations[0, 1] = [0.5, 2, 1, -3]
    localisations[0, 1] = [0, 0, 1, -2]  # .125 + 1.5 + 0 + .5
    localisations[2, 0] = [0.2, 0, 0, 0]  # .02
    localisations[2, 4] = [0, 0, 0, -4]  # 3.5
    targets = EncodedTargets(
        np.array(gclasses, np.int32),
        glocalisations,
        np.array(gscores, np.float32),
    )
    logits = np.log(np.array(probabilities, np.float32))
    return targets, {"logits": logits, "localisations": localisations}


def images(batch, rows):
    targets, outputs = batch
    return (
        EncodedTargets(*(t[rows] for t in targets)),
        {name: value[rows] for name, value in outputs.items()},
    )


def test_one_image_by_hand():
    # ln 2 of the positive, and ln 10, ln 2, ln 1.25 of three negatives.
    losses = MultiBoxLoss()(*images(make_batch(), [0]))
    assert float(losses.classification) == pytest.approx(np.log(50), abs=1e-6)
    assert float(losses.localisation) == pytest.approx(2.125, abs=1e-6)
    assert float(losses.total) == pytest.approx(6.037023, abs=1e-5)


def test_negatives_are_at_most_those_available():
    # ln 2 and ln 5 of the positives, ln 2 of the only negative; two positives.
    losses = MultiBoxLoss()(*images(make_batch(), [2]))
    assert float(losses.classification) == pytest.approx(
        np.log(20) / 2, abs=1e-6
    )
    assert float(losses.localisation) == pytest.approx(3.52 / 2, abs=1e-6)


def test_batch_by_hand():
    # (ln 50 + 0 + ln 20) / 3: negatives are counted image by image, and the
    # image without objects has none. (2.125 + 3.52) / 3.
    losses = MultiBoxLoss()(*make_batch())
    assert float(losses.classification) == pytest.approx(np.log(10), abs=1e-6)
    assert float(losses.localisation) == pytest.approx(1.8816667, abs=1e-6)
    assert float(losses.total) == pytest.approx(4.1842518, abs=1e-5)


def test_alpha_weighs_the_localisation():
    losses = MultiBoxLoss(alpha=2.5)(*make_batch())
    assert float(losses.total) == pytest.approx(
        np.log(10) + 2.5 * 1.8816667, abs=1e-5
    )
    assert float(losses.localisation) == pytest.approx(1.8816667, abs=1e-6)


def test_negative_ratio():
    # One negative for the positive of image 0; image 2 has only one anyway.
    losses = MultiBoxLoss(negative_ratio=1.0)(*make_batch())
    assert float(losses.classification) == pytest.approx(
        np.log(2 * 10 * 20) / 3, abs=1e-6
    )


def test_results_are_float32_scalars():
    for loss in MultiBoxLoss()(*make_batch()):
        assert loss.shape == () and loss.dtype == tf.float32


def gradients(targets, outputs):
    outputs = {k: tf.constant(v) for k, v in outputs.items()}
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        losses = MultiBoxLoss()(targets, outputs)
    return losses, tape.gradient(losses.total, outputs)


def test_no_positives_give_zero_with_zero_gradients():
    losses, grads = gradients(*images(make_batch(), [1]))
    assert [float(loss) for loss in losses] == [0, 0, 0]
    assert not np.any(grads["logits"])
    assert not np.any(grads["localisations"])


def test_gradients_reach_positives_and_mined_negatives_only():
    _, grads = gradients(*make_batch())
    touched = np.any(grads["logits"], axis=-1)
    assert touched.tolist() == [
        [True, True, True, False, False, True],
        [False] * 6,
        [True, False, True, False, True, False],
    ]
    # d(cross-entropy)/d(logits) = p - onehot, over three positives.
    np.testing.assert_allclose(
        grads["logits"][0, 1], np.array([0.25, 0.25, -0.5]) / 3, atol=1e-6
    )
    # Smooth L1 has slope d below 1 and 1 above.
    np.testing.assert_allclose(
        grads["localisations"][0, 1], np.array([-0.5, -1, 0, 1]) / 3, atol=1e-6
    )
    assert not np.any(grads["localisations"][1])


@pytest.mark.parametrize("scale", [1e4, 1e8, 1e30])
def test_large_logits_stay_finite(scale):
    targets, outputs = make_batch()
    outputs["logits"] = outputs["logits"] * np.float32(scale)
    losses, grads = gradients(targets, outputs)
    assert all(np.isfinite(loss) for loss in losses)
    assert np.isfinite(grads["logits"]).all()
    assert float(losses.classification) > 0


def test_no_positives_in_the_global_batch():
    losses = MultiBoxLoss()(*images(make_batch(), [1]), num_positives=0)
    assert [float(loss) for loss in losses] == [0, 0, 0]


@pytest.mark.parametrize("box_loss", ["giou", "ciou"])
def test_losses_of_decoded_boxes(box_loss):
    """Of the positives, decoded; weighted, and divided by their number."""
    batch = make_batch()
    decoded = []

    def decode(offsets):
        # Every predicted box has half the height of its object's.
        decoded.append(offsets)
        bottom = 1.0 if len(decoded) == 2 else 0.5
        return keras.ops.broadcast_to([0.0, 0.0, bottom, 1.0], offsets.shape)

    losses = MultiBoxLoss(box_loss=box_loss, decode=decode, alpha=3.0)(*batch)
    np.testing.assert_array_equal(decoded[0], batch[1]["localisations"])
    np.testing.assert_array_equal(decoded[1], batch[0].glocalisations)
    if box_loss == "giou":
        expected = 0.5
    else:
        # The centres are 1/4 apart on a diagonal^2 of 2; arctan 2 and 1.
        v = 4 / np.pi**2 * (np.arctan(2) - np.pi / 4) ** 2
        expected = 0.5 + 1 / 32 + v / (0.5 + v) * v
    assert float(losses.localisation) == pytest.approx(expected, abs=1e-6)
    assert float(losses.total) == pytest.approx(
        float(losses.classification) + 3 * expected, abs=1e-5
    )
    decoded.clear()
    weights = np.full([3, 6], 9, np.float32)
    weights[[0, 2, 2], [1, 0, 4]] = 0.5, 0.25, 0.75
    weighted = MultiBoxLoss(box_loss=box_loss, decode=decode)(
        *batch, localisation_weights=weights
    )
    assert float(weighted.localisation) == pytest.approx(expected / 2, 1e-5)


def test_box_losses_that_cannot_be():
    with pytest.raises(
        InputError, match="unknown box_loss 'diou'; known: smooth_l1, giou, "
    ):
        MultiBoxLoss(box_loss="diou")
    with pytest.raises(ValueError, match="'giou' needs decode, got None"):
        MultiBoxLoss(box_loss="giou")


def test_takes_what_the_encoder_gives():
    targets = TargetEncoder(PRESETS["ssd300_tiny"])(
        np.array([[1], [0]]), np.float32([[[0.1, 0.1, 0.5, 0.5]], [[0] * 4]])
    )
    outputs = {
        "logits": keras.ops.zeros([2, 8732, 21]),
        "localisations": keras.ops.zeros([2, 8732, 4]),
    }
    # Every loss is ln 21: one for each positive and three negatives.
    losses = MultiBoxLoss()(targets, outputs)
    assert float(losses.classification) == pytest.approx(4 * np.log(21), 1e-5)


def test_smooth_l1():
    difference = np.float32([-3, -1, -0.5, 0, 0.5, 1, 1.5])
    np.testing.assert_allclose(
        smooth_l1(difference), [2.5, 0.5, 0.125, 0, 0.125, 0.5, 1], atol=1e-7
    )


def test_ties_do_not_add_negatives():
    background_loss = np.full([1, 6], np.log(3), np.float32)
    positive = np.array([[False, False, True, False, False, False]])
    mined = hardest_negatives(
        background_loss, positive, ~positive, negative_ratio=3.0
    )
    # Of equal losses the first anchors are taken.
    assert mined.numpy().tolist() == [[True, True, False, True, False, False]]


@pytest.mark.parametrize("num_levels", [1, 3, 1000])
def test_number_of_negatives(num_levels):
    """Exact for every number of positives, with many or few ties."""
    rng = np.random.default_rng(num_levels)
    num_anchors = 30
    rows = np.arange(num_anchors + 1)[:, None]
    positive = np.arange(num_anchors) < rows  # 0 to 30 positives
    positive = rng.permuted(positive, axis=1)
    negative = ~positive & (rng.random(positive.shape) < 0.8)
    loss = rng.integers(num_levels, size=positive.shape) / num_levels
    mined = hardest_negatives(
        loss.astype(np.float32), positive, negative, negative_ratio=3.0
    ).numpy()
    assert not (mined & ~negative).any()
    expected = np.minimum(3 * positive.sum(1), negative.sum(1))
    np.testing.assert_array_equal(mined.sum(1), expected)
    for row in range(num_anchors + 1):
        left = loss[row][negative[row] & ~mined[row]]
        if mined[row].any() and left.size:
            assert loss[row][mined[row]].min() >= left.max()


@pytest.mark.parametrize("ratio, expected", [(0.5, 1), (1.5, 4), (0.0, 0)])
def test_number_of_negatives_is_rounded_down(ratio, expected):
    positive = np.array([[True] * 3 + [False] * 7])
    mined = hardest_negatives(
        np.ones([1, 10], np.float32), positive, ~positive, negative_ratio=ratio
    )
    assert int(np.sum(mined)) == expected


def by_sorting(background_loss, positive, negative, negative_ratio):
    """The negatives of a stable sort: hardest first, then by place."""
    mined = np.zeros_like(positive)
    for row, (loss, is_negative) in enumerate(
        zip(background_loss, negative, strict=True)
    ):
        count = int(negative_ratio * positive[row].sum())
        order = np.argsort(np.where(is_negative, -loss, 1.0), kind="stable")
        mined[row, order[: min(count, is_negative.sum())]] = True
    return mined


@pytest.mark.parametrize("jit_compile", [False, True])
def test_mining_is_that_of_a_sort(jit_compile):
    """With ties, zeros, tiny and huge losses, and no or all positives."""
    rng = np.random.default_rng(0)
    shape = (12, 200)
    loss = 10.0 ** rng.uniform(-44, 38, shape)
    loss[:4] = rng.integers(4, size=(4, 200))  # zeros among them
    loss[4, ::3], loss[5] = np.inf, 0.0
    loss = loss.astype(np.float32)
    positive = rng.random(shape) < rng.choice([0.02, 0.1, 0.3], (12, 1))
    positive[6], positive[7] = False, True
    negative = ~positive & (rng.random(shape) < 0.9)
    negative[8] = False
    mine = tf.function(
        lambda *args: hardest_negatives(*args, negative_ratio=3.0),
        jit_compile=jit_compile,
    )
    np.testing.assert_array_equal(
        mine(loss, positive, negative),
        by_sorting(loss, positive, negative, 3.0),
    )
