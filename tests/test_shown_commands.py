"""Each command and each piece of Python that the pages show.

It is run, in a folder where what the pages speak of exists (`world`), a
training as two steps of a small detector (`smaller`); or `NOT_RUN` says why
not.
"""

import configparser
import io
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from PIL import Image

from ssd_tf import PRESETS, commands, serving
from ssd_tf.commands.command_line import parse
from ssd_tf.data.sources import build_source
from ssd_tf.data.writers import WRITERS, convert_folder
from ssd_tf.serving.video import written_video
from tests import shown_code

ROOT = shown_code.ROOT
FENCES = shown_code.read_fences()
SHOWN = shown_code.shown_commands()

# Fences under these titles show what another project is used by.
THEIRS = {
    "Model Maker",
    "ssd_keras",
    "SSD-Tensorflow",
    "TF Object Detection API",
    "Ultralytics",
}
# Languages of fences that are neither commands nor Python.
OTHER_LANGUAGES = {
    "kotlin": "needs Android",
    "text": "shows an output",
    "yaml": "its shell lines are run by tests/test_many_machines.py",
}
_NETWORK = "needs the network"
_DOCKER = "needs Docker and the network"
_CPP = "built and run by tests/serving/test_cpp_client.py"
_CLIENTS = "run by tests/serving/test_clients.py"
_WORKERS = "needs two machines; run by tests/training/test_workers.py"
_SERVICE = "never ends; run by tests/data/test_service.py"
_WEIGHTS = "needs 100 MB of another project; tests/commands/test_convert.py"
NOT_RUN = {
    # The second is run by .ci/run, word for word.
    SHOWN[0]: f"{_NETWORK}; the training is tests/test_scripts.py's",
    SHOWN[1]: f"{_NETWORK}; run by .ci/run",
    "python3 -m venv .venv && . .venv/bin/activate && pip install -e .": (
        f"{_NETWORK}; as the first of .ci/run"
    ),
    "python train.py --preset=ssd300_vgg16 --dataset=voc/2007+2012": _NETWORK,
    "python train.py --preset=ssd512_vgg16 --dataset=voc/2007+2012": _NETWORK,
    "python train.py --preset=ssd300_vgg16 --dataset=coco/2017": _NETWORK,
    "python train.py --init_weights=coco/ssd300_vgg16@torchvision "
    "--dataset=voc_folder --data_dir=FOLDER": _NETWORK,
    "python -m ssd_tf convert --from=voc/vgg_ssd300@lufficc "
    "--output=runs/voc": _NETWORK,
    "python -m ssd_tf convert --from=ssd300.h5 --output=runs/from_keras": (
        _WEIGHTS
    ),
    "python train.py --init_weights=ssd300.h5 --data_dir=FOLDER "
    "--run_dir=runs/mine": _WEIGHTS,
    "python train.py --init_weights=ssd_300_vgg.ckpt --data_dir=VOC2007 "
    "--batch_size=32 --run_dir=runs/voc": _WEIGHTS,
    "python -m ssd_tf detect --model=runs/mine camera:0 --json": (
        "needs a camera; tests/commands/test_detect_video.py has a stand-in"
    ),
    "python -m ssd_tf demo --model=runs/mine": (
        "never ends; run by tests/commands/test_demo.py"
    ),
    "sh exports/serving/docker_run.sh": _DOCKER,
    'docker run --rm -p 8500:8500 -p 8501:8501 --mount type=bind,source="$PWD'
    '/exports",target=/models,readonly tensorflow/serving '
    "--model_config_file=/models/serving/models.config": _DOCKER,
    "sh exports/serving/docker_run.sh --enable_batching "
    "--batching_parameters_file=/models/serving/batching_parameters.txt": (
        _DOCKER
    ),
    'printf \'{"instances": [{"b64": "%s"}]}\' "$(base64 < IMAGE.jpg | '
    "tr -d '\\n')\" | curl -s -d @- "
    "http://localhost:8501/v1/models/mine:predict": (
        "needs a server; the request is that of tests/serving/test_clients.py"
    ),
    "python examples/rest_client.py --model=mine IMAGE.jpg "
    "--output_dir=detections": _CLIENTS,
    "python examples/grpc_client.py --model=mine IMAGE.jpg "
    "--output_dir=detections": _CLIENTS,
    'flags() { python -c "import tensorflow as tf; '
    'print(*tf.sysconfig.get_$1_flags())"; }': _CPP,
    'lib=$(python -c "import tensorflow as tf; '
    'print(tf.sysconfig.get_lib())")': _CPP,
    "g++ -w examples/cpp/detect.cc -o detect $(flags compile) "
    "-Wl,--no-as-needed -l:libtensorflow_cc.so.2 $(flags link) "
    "-Wl,-rpath,$lib": _CPP,
    "./detect exports/mine/1 IMAGE.jpg": _CPP,
    'export TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\'': _WORKERS,
    "python train.py --dataset=voc_folder --data_dir=/data/mine "
    "--run_dir=/runs/mine --batch_size=16": _WORKERS,
    "python -m ssd_tf data_service --port=5050  # on host0": _SERVICE,
    "python -m ssd_tf data_service --dispatcher=grpc://host0:5050 "
    "--host=$(hostname) --port=5051  # on others": _SERVICE,
    "python train.py --data_service=grpc://host0:5050 --dataset=voc_folder "
    "--data_dir=/data/mine": _SERVICE,
}
# Python by its first line.
PYTHON_NOT_RUN = {
    "from ray.train import ScalingConfig": "Ray is no dependency",
}
OUR_PROGRAM = re.compile(r"python (?:-m ssd_tf (\w+)|(train|export)\.py)(.*)")
# What is written where a command says; it is not there before.
OUTPUT_FLAGS = ("run_dir", "export_dir", "output_dir", "output", "plot")


def _same(command: str) -> str:
    """One of the commands that come to the same with the small detector.

    All runs are copies of one.
    """
    command = re.sub(r"\bruns/\w+", "runs/mine", command)
    return re.sub(r" --preset=\w+", "", command)


RUN = list({_same(c): c for c in reversed(SHOWN) if c not in NOT_RUN}.values())


def smaller(name: str, arguments: list[str]) -> list[str]:
    """The arguments of a command, but for a training of two steps."""
    if name != "train":
        return arguments
    left_out = ("--epochs=", "--extras=")  # the small network has its own
    kept = [a for a in arguments if not a.startswith(left_out)]
    return [*kept, "--preset=small", "--steps=2", "--batch_size=2"]


@pytest.fixture(scope="module")
def world_to_copy(
    tmp_path_factory,
    shapes_dir,
    small_run,
    small_export,
    small_model,
    small_detector,
):
    """What the pages speak of, by the names that they give it."""
    world = tmp_path_factory.mktemp("world")
    shapes = build_source("shapes", data_dir=shapes_dir)
    _write_model_maker_folder(world / "android_figurine", shapes)
    source = build_source("folder", data_dir=str(world / "android_figurine"))
    for name, layout in {
        "FOLDER": "voc",
        "OTHER_FOLDER": "voc",
        "VOC2007": "voc",
        "YOLO_FOLDER": "yolo",
        "RECORDS": "tfrecord",
        "cells": "voc",
    }.items():
        convert_folder(source, WRITERS[layout], world / name)
    next((world / "cells").rglob("*.jpg")).write_bytes(b"")
    images = sorted((world / "FOLDER").rglob("*.jpg"))
    shutil.copy(images[0], world / "IMAGE.jpg")
    (world / "photos").mkdir()
    for name, path in zip("ab", images):
        shutil.copy(path, world / f"photos/{name}.jpg")
    with written_video(world / "clip.mp4") as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    for name in ("mine", "other", "figurine", "voc"):
        shutil.copytree(small_run, world / "runs" / name)
    shutil.copytree(small_export, world / "exports/mine/1")
    serving.export_litert(
        small_detector,
        small_model,
        world / "exports/mine/ssd300_tiny_int8.tflite",
        quantization="int8",
        representative_images=[np.zeros((64, 64, 3), np.uint8)],
    )
    return world


@pytest.fixture
def world(world_to_copy, small_backbone, small_detector, tmp_path, monkeypatch):
    """A copy to work in, where the small detector is a preset."""
    monkeypatch.setitem(PRESETS, "small", small_detector)
    world = tmp_path / "world"
    shutil.copytree(world_to_copy, world)
    monkeypatch.chdir(world)
    return world


def _write_model_maker_folder(root: pathlib.Path, source) -> None:
    """Pictures of shapes as MediaPipe Model Maker has them."""
    for split, name in (("train", "train"), ("test", "validation")):
        (root / name / "images").mkdir(parents=True)
        images, annotations = [], []
        for number, example in enumerate(source.dataset(split)):
            file = f"{name}{number}.jpg"
            encoded = example["image"].numpy()
            (root / name / "images" / file).write_bytes(encoded)
            width, height = Image.open(io.BytesIO(encoded)).size
            images.append(
                {"id": number, "file_name": file}
                | {"height": height, "width": width}
            )
            for label, box in zip(
                example["gt_labels"].numpy(), example["gt_boxes"].numpy()
            ):
                ymin, xmin, ymax, xmax = box * (height, width, height, width)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": int(label),
                        "bbox": [
                            float(v)
                            for v in (xmin, ymin, xmax - xmin, ymax - ymin)
                        ],
                    }
                )
        categories = [
            {"id": k, "name": c}
            for k, c in enumerate(("background", *source.class_names))
        ]
        (root / name / "labels.json").write_text(
            json.dumps(
                {
                    "images": images,
                    "annotations": annotations,
                    "categories": categories,
                }
            )
        )


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tf2onnx")
@pytest.mark.parametrize("command", RUN)
def test_command_runs(command, world, script, monkeypatch):
    """Ends as it should, and writes what it says."""
    if command.startswith("pip install"):
        _check_extras(command)
        return
    *feeders, command = command.split(" | ")
    for feeder in feeders:
        names = subprocess.run(
            feeder, shell=True, check=True, capture_output=True, text=True
        ).stdout
        monkeypatch.setattr(sys, "stdin", io.StringIO(names))
    found = OUR_PROGRAM.fullmatch(command)
    assert found, f"{command}: neither a command of ours nor in NOT_RUN"
    name = found[1] or found[2]
    arguments = smaller(name, shlex.split(found[3], comments=True))
    outputs = _outputs(name, arguments)
    for path in outputs:
        shutil.rmtree(path, ignore_errors=True)
    status, out, err = script(name, *arguments)
    # The data of `cells` are damaged.
    assert status == ("--data_dir=cells" in command), (out, err)
    for path in outputs:
        assert path.is_file() or list(path.iterdir()), f"{path} is not written"
    if name == "train":
        assert (outputs[0] / "report.html").stat().st_size > 10_000


def _outputs(name: str, arguments: list[str]) -> list[pathlib.Path]:
    flag_values = dict(
        argument[2:].split("=", 1) for argument in arguments if "=" in argument
    )
    names = OUTPUT_FLAGS[name != "train" :]  # others read a run
    return [pathlib.Path(flag_values[n]) for n in names if n in flag_values]


def _check_extras(command: str) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = re.fullmatch(r'pip install -e "\.\[([\w,]+)\]"', command)[1]
    assert set(extras.split(",")) <= set(setup["options.extras_require"])


@pytest.mark.parametrize("command", NOT_RUN)
def test_what_is_not_run_is_shown(command):
    """And a test that is named is there."""
    assert command in SHOWN, "no page shows it any more"
    for path in re.findall(r"tests/[\w/.]+\.py", NOT_RUN[command]):
        assert (ROOT / path).is_file()


def test_flags_are_known_as_they_are_shown():
    """Those of trainings before they are made smaller, too."""
    found = [OUR_PROGRAM.fullmatch(c.split(" | ")[-1]) for c in SHOWN]
    assert sum(match is not None for match in found) > 40
    for match in filter(None, found):
        values = flags.FlagValues()
        commands.COMMANDS[match[1] or match[2]].define_flags(values)
        parse(values, shlex.split(match[3], comments=True))


def test_each_fence_has_a_language():
    known = {"bash", "console", "python", *OTHER_LANGUAGES}
    for fence in FENCES:
        assert fence.language in known, fence
    assert {fence.title for fence in FENCES} == {"", *THEIRS}
    assert {fence.language for fence in FENCES} == known


PYTHON_PAGES = {
    page: [
        fence.text
        for fence in FENCES
        if (fence.page, fence.language, fence.title) == (page, "python", "")
    ]
    for page in dict.fromkeys(fence.page for fence in FENCES)
}


@pytest.mark.parametrize("page", [p for p, v in PYTHON_PAGES.items() if v])
def test_python_runs(page, world):
    """The pieces of a page one after the other, as in a notebook."""
    names = {"__name__": "shown"}
    first_lines = [text.splitlines()[0] for text in PYTHON_PAGES[page]]
    for first, text in zip(first_lines, PYTHON_PAGES[page], strict=True):
        if first not in PYTHON_NOT_RUN:
            exec(compile(text, page, "exec"), names)


def test_python_that_is_not_run_is_shown():
    texts = [text for texts in PYTHON_PAGES.values() for text in texts]
    assert set(PYTHON_NOT_RUN) <= {text.splitlines()[0] for text in texts}


def test_the_pages_are_read():
    assert len(SHOWN) > 50 and len(RUN) > 30
