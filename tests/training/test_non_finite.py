"""Steps that are not finite: left out without a trace, counted, named."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import InputError
from ssd_tf.training.non_finite import MOST_IN_A_ROW, LeftOut, NonFiniteWatch
from ssd_tf.training.step import Trainer
from tests.training.test_step import make_batch

NAN = float("nan")


@pytest.fixture(scope="module", autouse=True)
def small_graphs():
    """With Grappler, whose ReLU makes zero of NaN on some processors."""


def spoiled(batch, image):
    """The batch with one pixel that is not finite."""
    images = batch.images.numpy()
    images[image, 5, 5, 0] = NAN
    return batch._replace(images=tf.constant(images))


@pytest.fixture
def build(small_detector, small_train, small_network, two_devices):
    """(replicas, **values of TrainConfig) -> `Trainer`, step, a batch."""

    def make(num_replicas=1, **values):
        strategy = (
            two_devices if num_replicas > 1 else tf.distribute.get_strategy()
        )
        train = dataclasses.replace(small_train, on_nan="skip", **values)
        trainer = Trainer(
            small_detector, train, strategy, backbone=small_network
        )
        batch = make_batch(small_detector)
        datasets = {}

        def step(batch):
            data = tf.data.Dataset.from_tensors(batch).unbatch().batch(4)
            data = strategy.experimental_distribute_dataset(data)
            if "step" not in datasets:
                datasets["step"] = trainer.compile_step(data.element_spec)
            return datasets["step"](next(iter(data)))

        return trainer, step, batch

    return make


def state_of(trainer):
    """All that a checkpoint holds, but how many steps were made."""
    counted = (trainer.optimizer.iterations, *trainer.left_out.variables)
    return [
        np.array(tf.convert_to_tensor(v))
        for v in trainer.variables
        if not any(v is one for one in counted)
    ]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"optimizer": "sgd", "average_decay": 0.0},
        {"jit_compile": True},
        {"precision": "mixed_float16"},
        {"precision": "mixed_float16", "jit_compile": True},
        {"num_replicas": 2},
        {"num_replicas": 2, "sync_batch_norm": False},
        {"num_replicas": 2, "precision": "mixed_float16"},
    ],
    ids=lambda values: "-".join(map(str, values.values())) or "plain",
)
def test_step_that_is_not_finite_leaves_no_trace(build, values):
    """In the last image, which only the second replica sees."""
    trainer, step, batch = build(**values)
    if trainer.loss_scale is not None:
        trainer.loss_scale.scale.assign(2.0**6)
    first = step(batch)
    before = state_of(trainer)
    step(spoiled(batch, 3))
    after = state_of(trainer)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert trainer.is_sound
    assert trainer.steps_done == 2  # its batch is used up
    assert trainer.left_out.total.numpy() == 1
    assert trainer.left_out.latest(1) == [1]
    last = step(batch)
    assert np.isfinite(last.total) and last.total < first.total
    assert trainer.left_out.in_a_row.numpy() == 0
    assert any(
        (one != other).any()
        for one, other in zip(after, state_of(trainer), strict=True)
    )


def test_overflow_of_the_scale_is_not_counted(build):
    trainer, step, batch = build(precision="mixed_float16")
    trainer.loss_scale.scale.assign(2.0**60)
    step(batch)
    assert float(trainer.loss_scale.scale) == 2.0**59
    assert trainer.left_out.total.numpy() == 0 and trainer.is_sound


def test_too_many_in_a_row(build):
    trainer, step, batch = build()
    watch = NonFiniteWatch(
        trainer, skips=True, image_ids=lambda step: [f"{step}.jpg"]
    )
    for outcome in [True] * MOST_IN_A_ROW + [False] + [True] * MOST_IN_A_ROW:
        step(spoiled(batch, 0) if outcome else batch)
    watch.check()
    assert watch.num_left_out == 2 * MOST_IN_A_ROW
    step(spoiled(batch, 0))
    step(batch)  # before anybody has looked
    assert not trainer.is_sound
    with pytest.raises(InputError) as caught:
        watch.check()
    assert str(caught.value) == (
        "the losses or gradients of 11 steps in a row, to step 22, are not "
        "finite, and --on_nan=skip leaves out 10 at most; lower the learning "
        "rate, or look at the images of the last: 21.jpg"
    )


def test_steps_that_are_left_out_are_named_once(caplog):
    class StandIn:
        left_out = LeftOut()
        bad_step = tf.Variable(-1, dtype=tf.int64)

    def make(*outcomes):
        for step, is_bad in outcomes:
            StandIn.left_out.update(tf.constant(is_bad), tf.constant(step))

    make((3, True), (4, False))  # before the run was resumed
    watch = NonFiniteWatch(
        StandIn, skips=True, image_ids=lambda step: [f"{step}.jpg", "a.jpg"]
    )
    make((5, True), (6, False), (7, True))
    watch.check()
    watch.check()
    make((8, False))
    watch.check()
    assert caplog.messages == [
        f"step {step + 1} is left out, as its loss or gradient is not finite; "
        f"the images of its batch: {step}.jpg, a.jpg"
        for step in (5, 7)
    ]
    assert watch.num_left_out == 3


def test_more_steps_than_are_remembered():
    left_out = LeftOut()
    for step in range(100):
        left_out.update(tf.constant(True), tf.constant(step))
    assert left_out.latest(3) == [97, 98, 99]
    assert left_out.latest(1000) == list(range(36, 100))
