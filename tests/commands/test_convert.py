"""`python -m ssd_tf convert`, and what goes on from there, in this process."""

import json

import numpy as np
import pytest
from PIL import Image

from ssd_tf import training
from ssd_tf.weights import networks
from tests.data import coco_files
from tests.weights import peer_files


@pytest.fixture
def weight_file(small_model, small_detector, monkeypatch, tmp_path):
    """A file whose network is taken for the small one, of lufficc/SSD."""
    layers = {v.name: v.get_weights() for v in small_model.layers if v.weights}
    path = tmp_path / "small.h5"
    peer_files.write_keras(path, {"stem": layers["stem"]})
    network = networks.Network("lufficc", small_detector, layers, ())
    monkeypatch.setattr(networks, "identify", lambda weights: network)
    return path


@pytest.fixture
def converted(script, weight_file, small_backbone, shapes_dir, tmp_path):
    """The run directory that the command makes."""
    run_dir = tmp_path / "runs/it"
    status, out, _ = script(
        "convert",
        f"--from={weight_file}",
        f"--output={run_dir}",
        "--dataset=shapes",
        f"--data_dir={shapes_dir}",
    )
    assert status == 0
    assert out.startswith(f"{run_dir}: ssd64_small, 4 classes\nnext:\n")
    return run_dir


def test_a_converted_run_detects_and_is_evaluated(
    script, converted, small_run, shapes_dir, tmp_path
):
    picture = tmp_path / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(picture)
    found = {}
    for model in (converted, small_run):
        status, out, _ = script("detect", f"--model={model}", "--json", picture)
        assert status == 0
        found[model] = json.loads(out)
        status, out, _ = script(
            "evaluate",
            f"--model={model}",
            f"--data_dir={shapes_dir}",
            "--json",
        )
        assert status == 0
        found[model] |= {"voc": json.loads(out)["voc"]}
    assert found[converted] == found[small_run]
    status, out, err = script("train", "--mode=eval", f"--run_dir={converted}")
    assert status == 0 and "mAP@0.5" in out


@pytest.fixture
def pets(tmp_path):
    """A folder in COCO's layout, of cats and dogs."""
    coco_files.write_pets(tmp_path / "pets", "train", "val")
    return tmp_path / "pets"


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--format=litert", "--quantization=int8"],
        [
            *("--format=litert", "--quantization=int8"),
            # Pictures to calibrate with may be of other classes.
            *("--dataset=coco_folder", "--data_dir={pets}"),
        ],
        ["--format=onnx"],
    ],
    ids=["saved_model", "litert", "pictures of other classes", "onnx"],
)
def test_a_converted_run_is_exported(
    script, converted, pets, tmp_path, options
):
    options = [option.format(pets=pets) for option in options]
    exports = tmp_path / "exports"
    status, out, _ = script(
        "export", f"--run_dir={converted}", f"--export_dir={exports}", *options
    )
    assert status == 0
    if options:
        return
    card = json.loads((exports / "it/1/model_card.json").read_text())
    assert card["source"]["project"] == "https://github.com/lufficc/SSD"
    assert card["source"]["licence"] == "MIT"
    assert card["source"]["file"] == "small.h5"
    assert card["training"] is card["data"] is card["measured"] is None


def test_a_training_goes_on_from_it_and_keeps_its_source(
    script, converted, shapes_dir, tmp_path, caplog
):
    """Without --preset the detector is that of the weights."""
    run_dir = tmp_path / "runs/trained"
    command = [
        *(
            "train",
            "--dataset=shapes",
            f"--data_dir={shapes_dir}",
            f"--run_dir={run_dir}",
        ),
        *(f"--init_weights={converted}", "--class_map=star=none"),
        *("--steps=1", "--batch_size=2"),
    ]
    status, _, _ = script(*command)
    assert status == 0
    table = [m for m in caplog.messages if m.startswith("  adapted")]
    assert table == [
        "  adapted    2  level0_mbox_conf, level1_mbox_conf (background and 3 "
        "of 4 classes: circle, square, triangle; new: star)"
    ]
    config, train_config = training.RunDir(run_dir).read_configs()
    assert (config.backbone, config.image_size) == ("small", 64)
    assert train_config.class_map == "star=none"
    source = training.RunDir(run_dir).read_source()
    assert source == training.RunDir(converted).read_source()
    assert source["licence"] == "MIT"
    # The same command again finds its run, also where the weights are gone.
    converted.rename(tmp_path / "elsewhere")
    status, out, _ = script(*command)
    assert status == 0 and "is finished after 1 steps" in out


def test_classes_that_coco_never_used_are_in_no_data(
    script, weight_file, small_backbone, pets, tmp_path
):
    """As torchvision's detectors have them."""
    run_dir = tmp_path / "run"
    status, _, err = script(
        *("convert", f"--from={weight_file}", f"--output={run_dir}"),
        "--classes=N/A 1,cat,dog,N/A 4",
        *("--dataset=coco_folder", f"--data_dir={pets}"),
    )
    assert status == 0, err
    for command in (
        ["evaluate", f"--model={run_dir}"],
        ["train", "--mode=eval", f"--run_dir={run_dir}"],
    ):
        status, out, err = script(*command)
        assert status == 0, err
        assert "cat" in out and "N/A" not in out


def test_without_data_it_says_what_is_missing(
    script, weight_file, small_backbone, tmp_path
):
    run_dir = tmp_path / "run"
    convert = ["convert", f"--from={weight_file}", f"--output={run_dir}"]
    assert script(*convert)[0] == 0
    for command, problem in (
        (convert, "run exists already; expected a folder that is not there"),
        (
            ["evaluate", f"--model={run_dir}"],
            "run was converted without data, so it does not say what to",
        ),
        (
            ["train", "--mode=eval", f"--run_dir={run_dir}"],
            "the run names no data set: it was converted without one",
        ),
        (
            [
                *("export", f"--run_dir={run_dir}", "--format=litert"),
                *(f"--export_dir={tmp_path}/exports", "--quantization=int8"),
            ],
            "the run names no data set: it was converted without one",
        ),
        (["train", f"--run_dir={run_dir}"], "choose another --run_dir"),
    ):
        status, _, err = script(*command)
        assert status == 1
        assert problem in err[-1] and err[-1].startswith("error: ")


@pytest.mark.parametrize("as_file", [False, True])
def test_classes_from_the_flag_or_a_file(
    script, weight_file, small_backbone, tmp_path, as_file
):
    names = ["red cell", "white cell", "platelet", "other"]
    given = ",".join(names)
    if as_file:
        given = tmp_path / "labels.txt"
        given.write_text("\n".join(names) + "\n")
    run_dir = tmp_path / "run"
    status, _, _ = script(
        "convert",
        f"--from={weight_file}",
        f"--output={run_dir}",
        f"--classes={given}",
    )
    assert status == 0
    config, _ = training.RunDir(run_dir).read_configs()
    assert config.class_names == tuple(names)


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ([], "--from and --output are required"),
        (["--from=coco/ssd300", "--output=run"], "nor the name of published"),
        (
            ["--from={file}", "--output={folder}/run", "--data_dir={folder}/x"],
            "{folder}/x: folder is missing",
        ),
        (
            ["--from={file}", "--output={folder}/run", "--classes=cat,dog"],
            "has 4 classes besides the background, but --classes has 2: cat",
        ),
    ],
)
def test_errors(
    script, weight_file, small_backbone, tmp_path, arguments, problem
):
    del small_backbone  # known to the command
    places = {"file": weight_file, "folder": tmp_path}
    status, _, err = script("convert", *(a.format(**places) for a in arguments))
    assert status == 1
    assert err[-1].startswith("error: ")
    assert problem.format(**places) in err[-1]
