"""Files of other projects as run directories."""

import dataclasses
import json

import numpy as np
import pytest

from ssd_tf import InputError
from ssd_tf.class_names import VOC_NAMES
from ssd_tf.training import RunDir, convert, load_run
from ssd_tf.weights import networks
from tests.weights import peer_files


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    """ssd_keras' SSD300 of VOC."""
    path = tmp_path_factory.mktemp("weights") / "voc.h5"
    peer_files.write_keras(path, peer_files.vgg_weights(300))
    return path


@pytest.fixture
def change_network(monkeypatch):
    """(function of a network) -> None, applied to what is identified."""
    identify = networks.identify

    def call(change):
        monkeypatch.setattr(
            networks, "identify", lambda weights: change(identify(weights))
        )

    return call


def test_the_detector_of_the_run_is_that_of_the_file(vgg_file, tmp_path):
    run_dir = tmp_path / "runs/keras"
    config = convert(str(vgg_file), run_dir)
    assert config.class_names == VOC_NAMES
    loaded, train_config, model = load_run(run_dir)
    assert loaded == config
    assert (train_config.recipe, train_config.dataset) == ("converted", "")
    for name, arrays in peer_files.vgg_weights(300).items():
        found = model.get_layer(name).get_weights()
        for one, other in zip(found, arrays, strict=True):
            np.testing.assert_array_equal(one, other)
    assert not RunDir(run_dir).is_finished
    assert sorted(p.name for p in run_dir.iterdir()) == [
        "checkpoints",
        "config.json",
        "source.json",
    ]
    assert json.loads((run_dir / "source.json").read_text()) == {
        "file": "voc.h5",
        "sha256": RunDir(run_dir).read_source()["sha256"],
        "project": "https://github.com/pierluigiferrari/ssd_keras",
        "licence": "Apache-2.0",
    }
    assert [p.name for p in run_dir.parent.iterdir()] == ["keras"]


def test_what_is_there_is_left_as_it_is(vgg_file, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="run exists already; expected a fold"):
        convert(str(vgg_file), tmp_path / "run")
    (tmp_path / "file").write_text("mine")
    for output in ("file", "file/run"):
        with pytest.raises(
            InputError, match="exists already|cannot be written"
        ):
            convert(str(vgg_file), tmp_path / output)
    assert (tmp_path / "file").read_text() == "mine"


def test_classes_can_be_given(vgg_file, tmp_path):
    names = [f"part {k}" for k in range(20)]
    config = convert(str(vgg_file), tmp_path / "run", class_names=names)
    assert config.class_names == tuple(names)
    assert config.class_ids == ()


@pytest.mark.parametrize(
    "names, problem",
    [
        (
            ["a", "b"],
            "has 20 classes besides the background, but --classes has 2",
        ),
        (["a"] * 20, "--classes names a class twice: a, a"),
        ([*"abcdefghijklmnopqrs", "t\n"], "has a line break"),
        ([*"abcdefghijklmnopqrs", ""], "--classes: an empty name"),
    ],
)
def test_classes_that_cannot_be(vgg_file, tmp_path, names, problem):
    with pytest.raises(InputError, match=problem):
        convert(str(vgg_file), tmp_path / "run", class_names=names)
    assert list(tmp_path.iterdir()) == []


def test_classes_without_names_must_be_given(
    vgg_file, tmp_path, change_network
):
    change_network(
        lambda network: dataclasses.replace(
            network,
            detector_config=dataclasses.replace(
                network.detector_config, class_names=(), class_ids=()
            ),
        )
    )
    with pytest.raises(InputError, match="20 classes and does not tell their"):
        convert(str(vgg_file), tmp_path / "run")


def test_a_backbone_is_no_detector(vgg_file, tmp_path, change_network):
    change_network(
        lambda network: dataclasses.replace(network, is_backbone=True)
    )
    with pytest.raises(InputError, match="is a backbone without heads; begin"):
        convert(str(vgg_file), tmp_path / "run")


def test_weights_that_are_not_finite(vgg_file, tmp_path, change_network):
    def spoil(network):
        network.layers["fc7"][1][3] = np.nan
        return network

    change_network(spoil)
    with pytest.raises(InputError, match="voc.h5: fc7 has values that are not"):
        convert(str(vgg_file), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_is_not_known(tmp_path):
    path = tmp_path / "other.h5"
    peer_files.write_keras(path, {"stem": [np.zeros((3, 3)), np.zeros(3)]})
    with pytest.raises(InputError) as caught:
        convert(str(path), tmp_path / "run")
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "stem" in message
    assert message.isprintable()


def test_data_to_evaluate_on_can_be_recorded(
    vgg_file, tmp_path, shapes_dir, change_network
):
    with pytest.raises(InputError, match="shapes has the classes circle"):
        convert(
            str(vgg_file),
            tmp_path / "run",
            dataset="shapes",
            data_dir=shapes_dir,
        )
    assert list(tmp_path.iterdir()) == []
