"""Weights to begin with, and detectors of earlier runs."""

import dataclasses
import logging
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import InputError, build_detector
from ssd_tf.training import RunDir, load_run
from ssd_tf.training.initialize import (
    copy_matching_layers,
    initialize_weights,
)

HEADS = ["level0_mbox_conf", "level1_mbox_conf"]


def kernels(model):
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.variables}


@pytest.fixture
def other_classes(small_detector, small_network):
    """A detector of two classes instead of four, with other weights."""
    keras.utils.set_random_seed(1)
    return build_detector(
        dataclasses.replace(
            small_detector, num_classes=2, class_names=("cat", "dog")
        ),
        backbone=small_network,
    )


@pytest.fixture
def initialize(small_detector, small_train, small_network):
    """(model, init_weights) -> None, with the backbone handed in."""

    def call(model, init_weights):
        initialize_weights(
            small_detector,
            dataclasses.replace(small_train, init_weights=str(init_weights)),
            model,
            backbone=small_network,
        )

    return call


def test_class_heads_are_skipped(small_model, other_classes):
    source = small_model
    before = kernels(other_classes)
    loaded, skipped = copy_matching_layers(source, other_classes)
    assert skipped == [
        # 4 boxes per cell: of 6 scores each there, of 3 here
        f"{name}: shape [(3, 3, 8, 20), (20,)], expected "
        "[(3, 3, 8, 12), (12,)]"
        for name in HEADS
    ]
    assert sorted(loaded) == sorted(
        ["stem", "stem_bn", "down1", "norm", "down2"]
        + ["level0_mbox_loc", "level1_mbox_loc"]
    )
    after, given = kernels(other_classes), kernels(source)
    for name in HEADS:
        np.testing.assert_array_equal(
            after[f"{name}/kernel"], before[f"{name}/kernel"]
        )
    for path in ("stem/kernel", "norm/scale", "level1_mbox_loc/kernel"):
        np.testing.assert_array_equal(after[path], given[path])
    assert (before["stem/kernel"] != given["stem/kernel"]).any()


def test_layers_of_other_names_are_skipped():
    def model(name):
        return keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(2, name=name)]
        )

    assert copy_matching_layers(model("a"), model("b")) == (
        [],
        ["b: not there"],
    )


def test_run_gives_its_weights_and_says_so(
    small_run, small_model, other_classes, initialize, caplog
):
    with caplog.at_level(logging.INFO, logger="absl"):
        initialize(other_classes, small_run)
    assert f"{small_run}: loaded 7 layers" in caplog.messages
    skipped = [m for m in caplog.messages if "skipped" in m]
    assert len(skipped) == 2
    for message, name in zip(skipped, HEADS, strict=True):
        assert message.startswith(f"{small_run}: skipped {name}: shape ")
    np.testing.assert_array_equal(
        kernels(other_classes)["stem/kernel"],
        kernels(small_model)["stem/kernel"],
    )


def test_run_without_a_common_layer(small_run, initialize):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2)], name="stranger"
    )
    with pytest.raises(InputError, match="no layer .* of stranger"):
        initialize(model, small_run)


def test_none_leaves_the_model(other_classes, initialize):
    before = kernels(other_classes)
    initialize(other_classes, "none")
    for path, value in kernels(other_classes).items():
        np.testing.assert_array_equal(value, before[path])


def test_no_imagenet_weights(other_classes, initialize):
    with pytest.raises(InputError, match="'small' has no ImageNet weights"):
        initialize(other_classes, "imagenet")


def test_run_is_loaded_with_its_averaged_weights(
    small_run, small_detector, small_network, tmp_path
):
    detector_config, train_config, model = load_run(
        small_run, backbone=small_network
    )
    assert detector_config == small_detector
    assert train_config.average_decay == 0.9
    reader = tf.train.load_checkpoint(str(small_run / "checkpoints"))
    for i, variable in enumerate(model.trainable_variables):
        average = reader.get_tensor(
            f"average/averages/{i}/.ATTRIBUTES/VARIABLE_VALUE"
        )
        np.testing.assert_array_equal(variable.numpy(), average)
    # Those of the last step are others.
    shutil.copytree(small_run, tmp_path / "run")
    config_file = tmp_path / "run/config.json"
    text = config_file.read_text()
    config_file.write_text(
        text.replace('"average_decay": 0.9', '"average_decay": 0.0')
    )
    _, _, last = load_run(tmp_path / "run", backbone=small_network)
    before, after = kernels(last), kernels(model)
    assert (before["stem/kernel"] != after["stem/kernel"]).any()


def test_run_without_checkpoint(tmp_path, small_run):
    shutil.copy(small_run / "config.json", tmp_path)
    with pytest.raises(InputError, match="no checkpoint yet; train it first"):
        load_run(tmp_path)


def test_no_run(tmp_path):
    with pytest.raises(InputError, match="it has no config.json"):
        load_run(tmp_path)


def test_checkpoint_of_another_network(tmp_path, small_run, small_network):
    shutil.copytree(small_run, tmp_path / "run")
    run_dir = RunDir(tmp_path / "run")
    text = run_dir.config_file.read_text()
    run_dir.config_file.write_text(
        text.replace('"num_classes": 4', '"num_classes": 3').replace(
            '    "star",\n', ""
        )
    )
    with pytest.raises(InputError, match="does not fit"):
        load_run(run_dir.path, backbone=small_network)
