"""Parts that are not trained, or at another rate."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import InputError, training
from ssd_tf.training import RunDir, TrainingRun
from ssd_tf.training.step import Trainer
from tests.training.test_step import make_batch

STEM = {"stem", "stem_bn", "down1"}
BACKBONE = STEM | {"down2"}
HEADS = {f"level{k}_mbox_{kind}" for k in (0, 1) for kind in ("conf", "loc")}
# freeze -> layers that are trained; norm is SSD's own, not the backbone's.
TRAINED = {
    "none": BACKBONE | HEADS | {"norm"},
    "stem": HEADS | {"norm", "down2"},
    "backbone": HEADS | {"norm"},
    "all_but_heads": HEADS,
}


def layers_of(variables):
    return {v.path.split("/")[0] for v in variables}


@pytest.fixture
def trainer_of(small_detector, small_train, small_network):
    """Values of `TrainConfig` -> a `Trainer`."""

    def build(**values):
        return Trainer(
            small_detector,
            dataclasses.replace(small_train, **values),
            tf.distribute.get_strategy(),
            backbone=small_network,
        )

    return build


def train_one_step(trainer, config):
    """Names of the layers whose weights changed, statistics too."""
    before = {v.path: v.numpy() for v in trainer.model.variables}
    step = tf.function(trainer.step)
    batch = make_batch(config)
    step(batch)
    changed = [
        v
        for v in trainer.model.variables
        if not np.array_equal(v.numpy(), before[v.path])
    ]
    graph = step.get_concrete_function(batch).graph
    # What nothing reads is not run.
    return layers_of(changed), [
        operation.type
        for operation in graph.get_operations()
        if any(output.consumers() for output in operation.outputs)
    ]


@pytest.mark.parametrize("part", TRAINED)
def test_what_is_frozen_stays(part, trainer_of, small_detector):
    trainer = trainer_of(freeze=part)
    assert layers_of(trainer.model.trainable_variables) == TRAINED[part]
    assert len(trainer.average.averages) == len(
        trainer.model.trainable_variables
    )
    changed, operations = train_one_step(trainer, small_detector)
    assert changed == TRAINED[part]
    # And costs nothing: a gradient for each kernel that is trained, no more.
    kernels = [
        v for v in trainer.model.trainable_variables if "kernel" in v.path
    ]
    assert operations.count("Conv2DBackpropFilter") == len(kernels)
    # The heads of two levels, down2 and down1; only norm is behind the first.
    through = {"none": 6, "stem": 4, "backbone": 2, "all_but_heads": 0}
    assert operations.count("Conv2DBackpropInput") == through[part]


def test_batch_normalisation_alone(trainer_of, small_detector):
    trainer = trainer_of(freeze_batch_norm=True)
    changed, _ = train_one_step(trainer, small_detector)
    assert changed == TRAINED["none"] - {"stem_bn"}


def test_nothing_is_frozen_by_default(trainer_of):
    trainer = trainer_of()
    assert all(layer.trainable for layer in trainer.model.layers)


def test_only_the_backbone_has_its_own_rate(trainer_of, small_detector):
    trainer = trainer_of(backbone_lr_multiplier=0.0, weight_decay=0.1)
    changed, _ = train_one_step(trainer, small_detector)
    # A rate of 0 moves statistics only.
    assert changed == HEADS | {"norm", "stem_bn"}
    (gamma,) = [v for v in trainer.model.variables if "gamma" in v.path]
    np.testing.assert_array_equal(gamma, np.ones(8))


@pytest.fixture
def start(tmp_path, small_detector, small_train, shapes_source, small_network):
    """(name, **values of TrainConfig) -> a `TrainingRun` and its `RunDir`."""

    def begin(name, **values):
        run_dir = RunDir(tmp_path / name)
        train_config = dataclasses.replace(
            small_train,
            steps=4,
            flip_up_down=True,
            freeze="stem",
            freeze_batch_norm=True,
            backbone_lr_multiplier=0.5,
            **values,
        )
        run = TrainingRun(
            small_detector,
            train_config,
            shapes_source,
            run_dir,
            backbone=small_network,
        )
        return run, run_dir

    return begin


def test_a_run_goes_on_and_is_loaded_with_its_averages(start, small_network):
    whole, whole_dir = start("whole")
    result = whole.train()
    stopped, _ = start("stopped")
    assert stopped.train(until=2) is None
    resumed, resumed_dir = start("stopped")
    assert resumed.step == 2
    assert resumed.train() == result

    models = [
        training.load_run(run_dir.path, backbone=small_network)[2]
        for run_dir in (whole_dir, resumed_dir)
    ]
    with whole._trainer.averaged_weights():
        expected = whole._trainer.model.get_weights()
    for model in models:
        for ours, theirs in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_frozen_random_weights_are_refused(picture_folder):
    source = picture_folder(True, True)
    choice = training.RecipeChoice("small_data", {"freeze": "stem"})
    how = {"dataset": "voc_folder", "data_dir": "pictures"}
    config = training.plan_training(source, choice, **how, backbone="vgg16")
    assert config.freeze == "stem" and config.init_weights == "imagenet"
    with pytest.raises(
        InputError,
        match="freeze=stem and freeze_batch_norm=false keep the first weights",
    ):
        training.plan_training(source, choice, **how, backbone="tiny")


def test_an_unknown_part_is_refused():
    with pytest.raises(InputError, match="unknown freeze 'head'; known: none"):
        training.RecipeChoice("small_data", {"freeze": "head"})
