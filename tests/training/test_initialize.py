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
from ssd_tf.training.initialize import initialize_weights

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
    """(model of two classes, init_weights) -> None."""

    def call(model, init_weights):
        initialize_weights(
            dataclasses.replace(
                small_detector, num_classes=2, class_names=("cat", "dog")
            ),
            dataclasses.replace(small_train, init_weights=str(init_weights)),
            model,
            backbone=small_network,
        )

    return call


def test_a_run_gives_its_weights_and_says_so(
    small_run, small_model, other_classes, initialize, caplog
):
    before = kernels(other_classes)
    with caplog.at_level(logging.INFO, logger="absl"):
        initialize(other_classes, small_run)
    assert caplog.messages == [
        f"{small_run}: weights of ssd64_small",
        "  loaded     7  stem, stem_bn, down1, norm, ..., " "level1_mbox_loc",
        "  adapted    2  level0_mbox_conf, level1_mbox_conf (background and 0 "
        "of 2 classes; new: cat, dog)",
    ]
    after, given = kernels(other_classes), kernels(small_model)
    for path in ("stem/kernel", "norm/scale", "level1_mbox_loc/kernel"):
        np.testing.assert_array_equal(after[path], given[path])
    assert (before["stem/kernel"] != given["stem/kernel"]).any()
    for name in HEADS:
        # 4 boxes of 3 scores here, of 5 there
        ours = after[f"{name}/kernel"].reshape(3, 3, 8, 4, 3)
        theirs = given[f"{name}/kernel"].reshape(3, 3, 8, 4, 5)
        first = before[f"{name}/kernel"].reshape(3, 3, 8, 4, 3)
        np.testing.assert_array_equal(ours[..., 0], theirs[..., 0])
        np.testing.assert_array_equal(ours[..., 1:], first[..., 1:])


def test_classes_of_a_run_are_taken_by_name_and_map(
    small_run, small_detector, small_train, small_model, small_network
):
    config = dataclasses.replace(
        small_detector, class_names=("star", "disc", "cat", "Square")
    )
    model = build_detector(config, backbone=small_network)
    first = kernels(model)
    train_config = dataclasses.replace(
        small_train, init_weights=str(small_run), class_map="disc=circle"
    )
    initialize_weights(config, train_config, model, backbone=small_network)
    for name in HEADS:
        ours = kernels(model)[f"{name}/bias"].reshape(4, 5)
        theirs = kernels(small_model)[f"{name}/bias"].reshape(4, 5)
        # circle, square, star, triangle
        for k, other in ((0, 0), (1, 3), (2, 1), (4, 2)):
            np.testing.assert_array_equal(ours[:, k], theirs[:, other])
        before = first[f"{name}/bias"].reshape(4, 5)
        np.testing.assert_array_equal(ours[:, 3], before[:, 3])


@pytest.mark.parametrize(
    "class_map, problem",
    [
        ("blob=circle", "'blob' is no class of the data; known: cat, dog"),
        (
            "cat=circl",
            "'circl' is no class of the weights, did you mean circle",
        ),
        ("cat", "expected CLASS=CLASS_OF_THE_WEIGHTS, got 'cat'"),
    ],
)
def test_a_wrong_class_map(
    small_run,
    small_detector,
    small_train,
    small_network,
    other_classes,
    class_map,
    problem,
):
    config = dataclasses.replace(
        small_detector, num_classes=2, class_names=("cat", "dog")
    )
    train_config = dataclasses.replace(
        small_train, init_weights=str(small_run), class_map=class_map
    )
    before = kernels(other_classes)
    with pytest.raises(InputError, match=problem):
        initialize_weights(
            config, train_config, other_classes, backbone=small_network
        )
    for path, value in kernels(other_classes).items():
        np.testing.assert_array_equal(value, before[path])


@pytest.mark.parametrize("init_weights", ["none", "imagenet"])
def test_a_class_map_without_classes(
    small_detector, small_train, other_classes, init_weights
):
    train_config = dataclasses.replace(
        small_train, init_weights=init_weights, class_map="cat=dog"
    )
    with pytest.raises(InputError, match="no effect with --init_weights"):
        initialize_weights(small_detector, train_config, other_classes)


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
    _, _, last = load_run(
        tmp_path / "run", backbone=small_network, checkpoint="last"
    )
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
