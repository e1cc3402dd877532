"""The loss beside a plain statement of its definition, on random data."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import EncodedTargets, MultiBoxLoss


def random_batch(seed, *, num_images=4, num_anchors=200, num_classes=3):
    rng = np.random.default_rng(seed)
    shape = (num_images, num_anchors)
    gclasses = rng.integers(1, num_classes + 1, shape)
    # The last image has more positives than a quarter, the first has none.
    rate = np.linspace(0, 0.4, num_images)[:, None]
    gclasses[rng.random(shape) >= rate] = 0
    gscores = rng.random(shape)
    gscores[(gclasses == 0) & (rng.random(shape) < 0.1)] = -1
    positive = gclasses[..., None] > 0
    targets = EncodedTargets(
        gclasses.astype(np.int32),
        (rng.normal(size=shape + (4,)) * 2 * positive).astype(np.float32),
        gscores.astype(np.float32),
    )
    outputs = {
        "logits": rng.normal(size=shape + (num_classes + 1,)) * 3,
        "localisations": rng.normal(size=shape + (4,)),
    }
    return targets, {k: v.astype(np.float32) for k, v in outputs.items()}


def loss_in_numpy(targets, outputs, *, alpha, negative_ratio):
    """The definition, image by image, in float64."""
    classification = localisation = num_positives = 0
    for gclasses, gloc, gscores, logits, loc in zip(
        *targets, outputs["logits"], outputs["localisations"]
    ):
        logits = logits.astype(np.float64)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        positives = [i for i, c in enumerate(gclasses) if c > 0]
        negatives = [
            i for i, c in enumerate(gclasses) if c == 0 and gscores[i] >= 0
        ]
        negatives.sort(key=lambda i: log_p[i, 0])
        num_negatives = int(negative_ratio * len(positives))
        for i in positives:
            classification -= log_p[i, gclasses[i]]
            for difference in np.abs(gloc[i].astype(np.float64) - loc[i]):
                localisation += (
                    difference**2 / 2 if difference < 1 else difference - 0.5
                )
        for i in negatives[:num_negatives]:
            classification -= log_p[i, 0]
        num_positives += len(positives)
    total = classification + alpha * localisation
    return np.array([total, classification, localisation]) / num_positives


def images(batch, rows):
    targets, outputs = batch
    return (
        EncodedTargets(*(t[rows] for t in targets)),
        {name: value[rows] for name, value in outputs.items()},
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha, ratio", [(1.0, 3.0), (0.5, 2.5)])
def test_equals_the_definition_in_numpy(seed, alpha, ratio):
    batch = random_batch(seed)
    losses = MultiBoxLoss(alpha=alpha, negative_ratio=ratio)(*batch)
    np.testing.assert_allclose(
        losses,
        loss_in_numpy(*batch, alpha=alpha, negative_ratio=ratio),
        rtol=1e-5,
    )


def test_variances_in_the_loss_give_the_same_value():
    variances = np.float32([0.1, 0.1, 0.2, 0.2])
    targets, outputs = random_batch(1)
    bare_targets = targets._replace(
        glocalisations=targets.glocalisations * variances
    )
    bare_outputs = dict(
        outputs, localisations=outputs["localisations"] * variances
    )
    np.testing.assert_allclose(
        MultiBoxLoss(divide_by=tuple(variances))(bare_targets, bare_outputs),
        MultiBoxLoss()(targets, outputs),
        rtol=1e-5,
    )


def test_graph_and_half_precision():
    targets, outputs = random_batch(2)
    expected = MultiBoxLoss()(targets, outputs)
    in_graph = tf.function(MultiBoxLoss())(targets, outputs)
    np.testing.assert_allclose(in_graph, expected, rtol=1e-6)
    half = {k: tf.cast(v, tf.float16) for k, v in outputs.items()}
    for loss, value in zip(MultiBoxLoss()(targets, half), expected):
        assert loss.dtype == tf.float32
        assert float(loss) == pytest.approx(float(value), rel=2e-3)


def test_a_batch_in_two_halves_with_the_global_count():
    batch = random_batch(0)
    num_positives = int(np.sum(batch[0].gclasses > 0))
    halves = [
        MultiBoxLoss()(*images(batch, rows), num_positives=num_positives)
        for rows in ([0, 1], [2, 3])
    ]
    np.testing.assert_allclose(
        np.sum(halves, axis=0), MultiBoxLoss()(*batch), rtol=1e-5
    )
    # Without it the two would not add up.
    alone = [MultiBoxLoss()(*images(batch, rows)) for rows in ([0, 1], [2, 3])]
    assert np.sum(alone, axis=0)[0] > 1.2 * float(MultiBoxLoss()(*batch).total)
