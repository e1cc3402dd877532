"""One step on one device and on two."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import Losses, TargetEncoder, build_detector, matchers
from ssd_tf.data.pipeline import TrainingBatch
from ssd_tf.training.step import Trainer

# Each makes another kind of gradient; the norm is clipped in both.
RECIPES = {
    "sgd": dict(
        optimizer="sgd",
        weight_decay=0.1,
        bias_lr_multiplier=2.0,
        learning_rate=0.1,
    ),
    "adamw": dict(optimizer="adamw", weight_decay=0.1),
}


def make_batch(config):
    """Four images, of which the last two repeat the first two.

    Batch normalisation takes its statistics from one replica. Halves of the
    same images have the statistics of the whole; only their objects differ,
    by number too: 1, 3, 0 and 1 of them.
    """
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3))
    boxes = np.zeros((4, 3, 4), np.float32)
    labels = np.zeros((4, 3), np.int32)
    boxes[0, 0] = 0.1, 0.1, 0.4, 0.5
    boxes[1] = [(0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), (0.2, 0.6, 0.5, 0.9)]
    boxes[3, 0] = 0.1, 0.2, 0.9, 0.8
    labels[0, 0], labels[1], labels[3, 0] = 2, (1, 3, 4), 4
    targets = TargetEncoder(config)(tf.constant(labels), tf.constant(boxes))
    images = tf.constant(np.concatenate([pixels, pixels]), tf.float32)
    return TrainingBatch(
        images, targets, tf.constant(boxes), tf.constant(labels)
    )


@pytest.fixture
def trainer_of(small_network):
    """(detector_config, train_config, strategy) -> `Trainer`."""
    return functools.partial(Trainer, backbone=small_network)


def train_two_steps(config, trainer):
    """Losses and values of all variables after two steps."""
    strategy = trainer.strategy
    data = tf.data.Dataset.from_tensor_slices(make_batch(config)).batch(4)
    batches = strategy.experimental_distribute_dataset(data.repeat(2))
    step = trainer.compile_step(batches.element_spec)
    losses = [[float(v) for v in step(batch)] for batch in batches]
    values = {v.path: v.numpy() for v in trainer.model.variables}
    averages = [v.numpy() for v in trainer.average.averages]
    return np.array(losses), values, averages


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_replicas_do_what_one_does(
    small_detector, small_train, two_devices, recipe, trainer_of
):
    train = dataclasses.replace(
        small_train, gradient_clip_norm=1.0, **RECIPES[recipe]
    )
    one_trainer, two_trainer = (
        trainer_of(small_detector, train, strategy)
        for strategy in (tf.distribute.get_strategy(), two_devices)
    )
    one = train_two_steps(small_detector, one_trainer)
    assert two_devices.num_replicas_in_sync == 2
    two = train_two_steps(small_detector, two_trainer)

    assert one[0].shape == (2, 3)
    np.testing.assert_allclose(two[0], one[0], rtol=1e-5)
    assert two[1].keys() == one[1].keys()
    for name, value in one[1].items():
        np.testing.assert_allclose(
            two[1][name], value, rtol=1e-4, atol=1e-6, err_msg=name
        )
    for average, expected in zip(two[2], one[2], strict=True):
        np.testing.assert_allclose(average, expected, rtol=1e-4, atol=1e-6)
    assert two_trainer.optimizer.iterations.numpy() == 2
    assert two_trainer.learning_rate == pytest.approx(one_trainer.learning_rate)
    assert two_trainer.average.updates.numpy() == 2
    assert two_trainer.is_sound


@pytest.mark.parametrize(
    "switch, divisors", [(False, 1.0), (True, [0.1, 0.1, 0.2, 0.2])]
)
def test_loss_is_divided_by_all_positives(
    small_detector, small_train, trainer_of, switch, divisors
):
    """The loss of the batch is Caffe's, not a mean over images.

    With --encode_variance_in_target it divides by the variances.
    """
    config = dataclasses.replace(
        small_detector, encode_variance_in_target=switch
    )
    batch = make_batch(config)
    trainer = trainer_of(config, small_train, tf.distribute.get_strategy())
    gclasses = batch.targets.gclasses.numpy()  # [4, A]
    positives = (gclasses > 0).sum(axis=1)
    assert positives[2] == 0 and positives[1] > positives[0] > 0
    outputs = trainer.model(batch.images, training=True)
    total = trainer.step(batch).localisation * positives.sum()
    positive = batch.targets.gclasses > 0
    difference = outputs["localisations"] - batch.targets.glocalisations
    difference = tf.abs(difference / tf.constant(divisors))[positive]
    smooth = tf.where(difference < 1, 0.5 * difference**2, difference - 0.5)
    assert float(total) == pytest.approx(float(tf.reduce_sum(smooth)), 1e-4)


def test_first_step_that_is_not_finite_is_kept(
    small_detector, small_train, trainer_of
):
    trainer = trainer_of(
        small_detector, small_train, tf.distribute.get_strategy()
    )
    batch = make_batch(small_detector)
    trainer.step(batch)
    assert trainer.is_sound
    broken = batch._replace(images=batch.images * float("nan"))
    # The ReLUs make zeros of NaN: the loss looks well, the gradient does not.
    trainer.step(broken)
    trainer.step(batch)
    assert not trainer.is_sound
    assert int(trainer.bad_step) == 1  # counted from 0


def test_learning_rate_is_that_of_the_next_step(
    small_detector, small_train, trainer_of
):
    train = dataclasses.replace(small_train, schedule="steps", decay_steps=(1,))
    trainer = trainer_of(small_detector, train, tf.distribute.get_strategy())
    assert trainer.learning_rate == pytest.approx(1e-3)
    trainer.optimizer.iterations.assign(1)
    assert trainer.learning_rate == pytest.approx(1e-4)


def test_loss_and_matcher_can_be_handed_in(
    small_detector, small_train, trainer_of
):
    def count(targets, outputs, *, num_positives, localisation_weights):
        assert localisation_weights is None
        # Depends on all weights, but by nothing.
        none = 0.0 * sum(tf.reduce_sum(value) for value in outputs.values())
        return Losses(num_positives + none, num_positives, none)

    matcher = matchers.build_matcher("yolov3")
    trainer = trainer_of(
        small_detector,
        small_train,
        tf.distribute.get_strategy(),
        loss=count,
        matcher=matcher,
    )
    # The step ignores by predictions, so the encoder does not by anchors.
    assert trainer.encoder.matcher == matcher.in_training() != matcher
    batch = make_batch(small_detector)
    batch = batch._replace(
        targets=trainer.encoder(batch.gt_labels, batch.gt_boxes)
    )
    assert float(trainer.step(batch).total) == 5.0  # one per object


@pytest.fixture
def step_in(small_detector, small_train, trainer_of):
    """(precision, **parts) -> a `Trainer`."""

    def build(precision, **parts):
        train = dataclasses.replace(small_train, precision=precision)
        return trainer_of(
            small_detector, train, tf.distribute.get_strategy(), **parts
        )

    return build


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_precisions_train_alike(step_in, small_detector, precision):
    """From the same float32 weights, with float32 losses."""
    trainers = [step_in(name) for name in ("float32", precision)]
    if precision == "mixed_float16":
        # Its losses are large: the first scales would leave out some steps.
        trainers[1].loss_scale.scale.assign(2.0**6)
    batch = make_batch(small_detector)
    kernels = [t.model.get_layer("stem").kernel.numpy() for t in trainers]
    np.testing.assert_array_equal(kernels[1], kernels[0])
    losses = [np.array([t.step(batch) for _ in range(3)]) for t in trainers]
    assert losses[1].dtype == np.float32
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.02)
    assert trainers[1].model.get_layer("stem").compute_dtype in precision
    for trainer in trainers:
        assert trainer.is_sound
        assert {v.dtype for v in trainer.model.variables} == {"float32"}
    # Statistics in float32: in half precision a step of 1e-2 would be lost.
    statistics = [t.model.get_layer("stem_bn").moving_mean for t in trainers]
    np.testing.assert_allclose(*statistics, rtol=0.02, atol=1e-3)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_what_is_evaluated_is_float32(
    step_in, small_detector, small_network, precision
):
    trainer = step_in(precision)
    batch = make_batch(small_detector)
    trainer.step(batch)
    is_float32 = precision == "float32"
    assert (trainer.evaluated_model is trainer.model) == is_float32
    with trainer.averaged_weights():
        found = trainer.evaluated_model(batch.images)
        model = build_detector(small_detector, backbone=small_network)
        model.set_weights(trainer.model.get_weights())
        for average, weight in zip(
            trainer.average.averages, model.trainable_variables, strict=True
        ):
            np.testing.assert_array_equal(average, weight)
    for name, value in model(batch.images).items():
        np.testing.assert_array_equal(found[name], value)


def test_overflow_is_left_out_and_is_no_fault(step_in, small_detector):
    trainer = step_in("mixed_float16")
    batch = make_batch(small_detector)
    trainer.loss_scale.scale.assign(2.0**60)
    before = [v.numpy() for v in trainer.model.trainable_variables]
    loss = trainer.step(batch).total
    assert np.isfinite(loss) and trainer.is_sound
    for value, weight in zip(
        before, trainer.model.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(weight, value)
    assert float(trainer.loss_scale.scale) == 2.0**59
    assert int(trainer.optimizer.iterations) == 1
    trainer.loss_scale.scale.assign(2.0**6)
    trainer.step(batch)
    assert not np.array_equal(trainer.model.trainable_variables[0], before[0])


def test_scale_is_in_the_checkpoint(step_in, small_detector, tmp_path):
    trainer = step_in("mixed_float16")
    trainer.loss_scale.scale.assign(2.0**60)
    trainer.step(make_batch(small_detector))
    path = trainer.checkpoint().save(str(tmp_path / "ckpt"))
    other = step_in("mixed_float16")
    other.checkpoint().restore(path).assert_consumed()
    assert float(other.loss_scale.scale) == 2.0**59


def test_loss_that_is_not_finite_is_no_overflow(step_in, small_detector):
    def broken(targets, outputs, **_):
        total = sum(tf.reduce_sum(value) for value in outputs.values())
        return Losses(total * float("nan"), total, total)

    trainer = step_in("mixed_float16", loss=broken)
    trainer.step(make_batch(small_detector))
    assert not trainer.is_sound and int(trainer.bad_step) == 0
    assert float(trainer.loss_scale.scale) == 2.0**15
