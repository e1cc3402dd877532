"""One step on one device and on two."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import (
    PRESETS,
    InputError,
    Losses,
    MultiBoxLoss,
    TargetEncoder,
    build_detector,
    matchers,
)
from ssd_tf.box_losses import OVERLAP_LOSSES
from ssd_tf.data.pipeline import TrainingBatch
from ssd_tf.models import BACKBONES, Backbone, layers
from ssd_tf.training.assignment import localisation_weights
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


def make_batch(config, num_images=4):
    """Images that have little in common: brightness, contrast and objects.

    The first four have 1, 3, 0 and 1 of these.
    """
    rng = np.random.default_rng(0)
    size = config.image_size
    pixels = [
        rng.uniform(30 * i, 60 + 45 * i, (size, size, 3)) * (1.0, 0.5, 0.2)
        for i in range(num_images)
    ]
    boxes = np.zeros((num_images, 3, 4), np.float32)
    labels = np.zeros((num_images, 3), np.int32)
    boxes[0, 0] = 0.1, 0.1, 0.4, 0.5
    boxes[1] = [(0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), (0.2, 0.6, 0.5, 0.9)]
    boxes[3, 0] = 0.1, 0.2, 0.9, 0.8
    labels[0, 0], labels[1], labels[3, 0] = 2, (1, 3, 4), 4
    targets = TargetEncoder(config)(tf.constant(labels), tf.constant(boxes))
    return TrainingBatch(
        tf.constant(pixels, tf.float32),
        targets,
        tf.constant(boxes),
        tf.constant(labels),
    )


@pytest.fixture
def trainer_of(small_network):
    """(detector_config, train_config, strategy) -> `Trainer`."""
    return functools.partial(Trainer, backbone=small_network)


def train_two_steps(config, trainer, *, num_images=4):
    """Step figures and values of all variables after two steps."""
    strategy = trainer.strategy
    data = tf.data.Dataset.from_tensor_slices(make_batch(config, num_images))
    batches = strategy.experimental_distribute_dataset(
        data.batch(num_images, drop_remainder=True).repeat(2)
    )
    step = trainer.compile_step(batches.element_spec)
    losses = [[float(v) for v in step(batch)] for batch in batches]
    values = {v.path: v.value for v in trainer.model.variables}
    if trainer.average is not None:
        averages = enumerate(trainer.average.averages)
        values |= {f"average {i}": v for i, v in averages}
    return np.array(losses), {
        name: [copy.numpy() for copy in strategy.experimental_local_results(v)]
        for name, v in values.items()
    }


def assert_same(found, expected):
    """Step figures and every replica's variables; [0] is of one device."""
    assert expected[0].shape == (2, 4)
    # Replicas know the gradient's norm where they clip it.
    known = np.isfinite(found[0])
    assert known[:, :3].all()
    np.testing.assert_allclose(found[0][known], expected[0][known], rtol=1e-5)
    assert found[1].keys() == expected[1].keys()
    for name, (value,) in expected[1].items():
        for copy in found[1][name]:
            np.testing.assert_allclose(
                copy, value, rtol=1e-5, atol=1e-5, err_msg=name
            )


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("num_images", [4, 5])
def test_two_replicas_do_what_one_does(
    small_detector, small_train, two_devices, recipe, num_images, trainer_of
):
    train = dataclasses.replace(
        small_train, gradient_clip_norm=1.0, **RECIPES[recipe]
    )
    one_trainer, two_trainer = (
        trainer_of(small_detector, train, strategy)
        for strategy in (tf.distribute.get_strategy(), two_devices)
    )
    how = {"num_images": num_images}
    one = train_two_steps(small_detector, one_trainer, **how)
    assert two_devices.num_replicas_in_sync == 2
    two = train_two_steps(small_detector, two_trainer, **how)

    assert np.isfinite(two[0]).all()
    assert_same(two, one)
    assert two_trainer.optimizer.iterations.numpy() == 2
    assert two_trainer.learning_rate == pytest.approx(one_trainer.learning_rate)
    assert two_trainer.average.updates.numpy() == 2
    assert two_trainer.is_sound


@pytest.fixture
def first_levels(monkeypatch):
    """name -> a `Backbone` for 64 px, cut after its map of stride 8.

    The levels that SSD adds need 300 px.
    """
    monkeypatch.setattr(layers, "extra_levels", lambda maps, **_: [])
    return lambda name: Backbone(lambda *args: BACKBONES[name].build(*args)[:1])


@pytest.mark.parametrize("name", ["tiny", "vgg16", "mobilenet_v2"])
def test_two_replicas_do_what_one_does_with_real_backbones(
    small_train, two_devices, first_levels, name
):
    config = dataclasses.replace(PRESETS["ssd300_tiny"], num_classes=4)
    backbone = None
    if name != "tiny":
        backbone = first_levels(name)
        one_level = {"feature_sizes": (8,), "steps_px": (8,)}
        for sizes in ("min_sizes_px", "max_sizes_px", "aspect_ratios"):
            one_level[sizes] = getattr(config, sizes)[:1]
        config = dataclasses.replace(config, image_size=64, **one_level)
    train = dataclasses.replace(
        small_train, average_decay=0.0, optimizer="sgd", learning_rate=1e-4
    )
    two, one = (
        train_two_steps(
            config, Trainer(config, train, strategy, backbone=backbone)
        )
        for strategy in (two_devices, tf.distribute.get_strategy())
    )
    assert_same(two, one)


def test_without_synchronisation_statistics_are_the_mean(
    small_detector, small_train, two_devices, trainer_of
):
    """After one step, of the statistics of each half of the batch."""
    train = dataclasses.replace(small_train, sync_batch_norm=False)
    one, two = (
        trainer_of(small_detector, train, strategy)
        for strategy in (tf.distribute.get_strategy(), two_devices)
    )
    batch = make_batch(small_detector)
    start = one.model.get_weights()
    found = []
    for half in (slice(0, 2), slice(2, 4)):
        one.model.set_weights(start)
        one.model(batch.images[half], training=True)
        found.append([v.numpy() for v in one.model.non_trainable_variables])
    data = tf.data.Dataset.from_tensors(batch)
    data = two_devices.experimental_distribute_dataset(data.unbatch().batch(4))
    two.compile_step(data.element_spec)(next(iter(data)))
    assert np.abs(found[0][0] - found[1][0]).max() > 0.01
    for variable, *halves in zip(
        two.model.non_trainable_variables, *found, strict=True
    ):
        copies = two_devices.experimental_local_results(variable.value)
        assert len(copies) == 2
        for copy in copies:
            np.testing.assert_allclose(
                copy.numpy(), np.mean(halves, axis=0), rtol=1e-5
            )


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


@pytest.mark.parametrize("box_loss", ["giou", "ciou"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encode_variance_in_target": True},
        {"matcher": "fcos", "matcher_params": (("centerness_weight", True),)},
    ],
)
def test_box_losses_see_decoded_boxes(
    small_detector, small_train, trainer_of, box_loss, changes
):
    """Whatever the offsets are divided by, and weighted as they are."""
    config = dataclasses.replace(small_detector, **changes)
    train = dataclasses.replace(small_train, box_loss=box_loss)
    trainer = trainer_of(config, train, tf.distribute.get_strategy())
    batch = make_batch(config)
    batch = batch._replace(
        targets=trainer.encoder(batch.gt_labels, batch.gt_boxes)
    )
    decode = functools.partial(
        trainer.encoder.coder.decode, anchor_boxes=trainer.encoder.anchors.boxes
    )
    boxes = decode(
        trainer.model(batch.images, training=True)["localisations"]
    ).numpy()
    gt_boxes = decode(batch.targets.glocalisations).numpy()
    positive = batch.targets.gclasses.numpy() > 0
    loss = OVERLAP_LOSSES[box_loss](boxes[positive], gt_boxes[positive]).numpy()
    if "matcher" in changes:
        weights = localisation_weights(trainer.encoder, batch.targets).numpy()
        assert len(set(weights[positive])) > 1
        loss = loss * weights[positive]
    first = trainer.step(batch)
    assert float(first.localisation) == pytest.approx(loss.mean(), rel=1e-4)
    for _ in range(3):
        last = trainer.step(batch)
    assert last.localisation < first.localisation and trainer.is_sound


@pytest.mark.parametrize("box_loss", ["giou", "ciou"])
def test_box_losses_of_two_replicas(
    small_detector, small_train, two_devices, trainer_of, box_loss
):
    train = dataclasses.replace(
        small_train,
        box_loss=box_loss,
        optimizer="sgd",
        learning_rate=0.01,
        gradient_clip_norm=1.0,
    )
    two, one = (
        train_two_steps(
            small_detector, trainer_of(small_detector, train, strategy)
        )
        for strategy in (two_devices, tf.distribute.get_strategy())
    )
    assert_same(two, one)


@pytest.mark.parametrize("box_loss", ["giou", "ciou"])
def test_box_losses_compiled_and_in_half_precision(
    small_detector, small_train, trainer_of, box_loss
):
    losses = []
    for changes in (
        {},
        {"jit_compile": True},
        {"precision": "mixed_bfloat16"},
        {"precision": "mixed_float16"},
    ):
        train = dataclasses.replace(small_train, box_loss=box_loss, **changes)
        trainer = trainer_of(
            small_detector, train, tf.distribute.get_strategy()
        )
        batch = make_batch(small_detector)
        data = tf.data.Dataset.from_tensors(batch)
        figures = trainer.compile_step(data.element_spec)(batch)
        losses.append(figures[:3])  # the gradient's norm shows the rounding
        assert trainer.is_sound
    for found, tolerance in zip(losses[1:], (1e-5, 2e-2, 2e-2), strict=True):
        np.testing.assert_allclose(found, losses[0], rtol=tolerance)


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
    # Of the figures only the losses: the gradient's norm shows the rounding.
    losses = [[trainer.step(batch)[:3]] for trainer in trainers]
    # Statistics in float32, of the same weights: later AdamW takes steps of
    # one size whatever the gradient, in which rounding may show.
    statistics = [
        t.model.get_layer("stem_bn").moving_mean.numpy() for t in trainers
    ]
    np.testing.assert_allclose(*statistics, rtol=0.02, atol=1e-3)
    for trainer, taken in zip(trainers, losses, strict=True):
        taken += [trainer.step(batch)[:3] for _ in range(2)]
    losses = [np.array(taken) for taken in losses]
    assert losses[1].dtype == np.float32
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.02)
    assert trainers[1].model.get_layer("stem").compute_dtype in precision
    for trainer in trainers:
        assert trainer.is_sound
        assert {v.dtype for v in trainer.model.variables} == {"float32"}
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


class CountingLoss(MultiBoxLoss):
    """Counts how often Python builds it: once for each trace of the step."""

    def __init__(self, **values):
        super().__init__(**values)
        self.traces = 0

    def __call__(self, *args, **kwargs):
        self.traces += 1
        return super().__call__(*args, **kwargs)


@pytest.mark.parametrize(
    "matcher, precision, traces",
    [
        ("ssd", "float32", 1),
        ("ssd", "mixed_float16", 1),
        ("yolov3", "float32", 2),
    ],
)
def test_compiled_step_does_the_same(
    small_detector, small_train, trainer_of, matcher, precision, traces
):
    """It is compiled once; twice where 3, 16 and 17 objects are looked at."""
    config = dataclasses.replace(small_detector, matcher=matcher)
    results = []
    for jit_compile in (False, True):
        loss = CountingLoss()
        train = dataclasses.replace(
            small_train, precision=precision, jit_compile=jit_compile
        )
        trainer = trainer_of(
            config, train, tf.distribute.get_strategy(), loss=loss
        )
        batch = make_batch(config)
        batch = batch._replace(
            targets=trainer.encoder(batch.gt_labels, batch.gt_boxes)
        )
        step = trainer.compile_step(
            tf.data.Dataset.from_tensors(batch)
            .map(with_unknown_objects)
            .element_spec
        )
        losses = []
        for count in (3, 16, 17):
            more = [(0, 0), (0, count - 3)]
            losses.append(
                step(
                    batch._replace(
                        gt_boxes=tf.pad(batch.gt_boxes, [*more, (0, 0)]),
                        gt_labels=tf.pad(batch.gt_labels, more),
                    )
                )
            )
        results.append(np.array(losses)[:, :3])  # infinite norms in float16
        assert loss.traces == (traces if jit_compile else 1)
        assert trainer.optimizer.iterations.numpy() == 3
    tolerance = 1e-5 if precision == "float32" else 1e-2
    np.testing.assert_allclose(*results, rtol=tolerance)


def with_unknown_objects(batch):
    """As the batches of the pipeline, whose number of objects varies."""
    return batch._replace(
        gt_boxes=tf.boolean_mask(batch.gt_boxes, [True] * 3, axis=1),
        gt_labels=tf.boolean_mask(batch.gt_labels, [True] * 3, axis=1),
    )


def test_compilation_is_for_one_device(
    small_detector, small_train, trainer_of, two_devices
):
    train = dataclasses.replace(small_train, jit_compile=True)
    with pytest.raises(InputError, match="one device, got .* 2 replicas"):
        trainer_of(small_detector, train, two_devices)
