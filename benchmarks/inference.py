"""Milliseconds from bytes to boxes, apart and together, in every format.

    python benchmarks/inference.py --preset=ssd300_vgg16
    python benchmarks/inference.py --run_dir=RUN --images=FOLDER

Parts, each for batches of 1 and 8:

    image     JPEG 500 x 375 decoded and resized, in graph
    decode    the network's outputs to detections, with NMS
    forward   the network
    whole     bytes to boxes

`keras` is the Keras model in a graph with its variables, `saved_model` the
export that TF Serving loads, `litert` and `onnx` the files that export.py
writes, the latter two with images decoded outside of the model. With --preset
the weights are random and biased to background, so that `whole` finds
nothing; `decode` then runs on outputs made like those of a trained detector of
20 classes. With --run_dir everything is as trained, on the pictures given.

All are measured in turns in one process. A large matrix product, measured
between them, tells what the machine gave. Prints a table and one JSON line.
"""

import dataclasses
import itertools
import json
import os
import pathlib
import tempfile
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import app, flags
from formats import FORMATS, prepare_function
from photographs import photograph_like, to_jpeg

import ssd_tf
from ssd_tf import training
from ssd_tf.errors import InputError

_PRESET = flags.DEFINE_enum(
    "preset", "ssd300_tiny", list(ssd_tf.PRESETS), "Detector to measure."
)
_RUN_DIR = flags.DEFINE_string("run_dir", None, "A run, instead of a preset.")
_IMAGES = flags.DEFINE_string(
    "images", None, "Folder of JPEG files (default: made, 500 x 375)."
)
_BATCHES = flags.DEFINE_list("batches", ["1", "8"], "Batch sizes.")
_ROUNDS = flags.DEFINE_integer("rounds", 30, "Calls of each, at batch 1.")
_FORMATS = flags.DEFINE_list("formats", list(FORMATS), "What to measure.")
flags.register_validator(
    "formats",
    lambda names: set(names) <= set(FORMATS),
    message=f"expected some of {', '.join(FORMATS)}",
)
_MATRIX = 2048
_PRODUCT = "matmul"


def load() -> tuple[ssd_tf.DetectorConfig, object]:
    """The detector to measure."""
    if _RUN_DIR.value:
        config, _, model = training.load_run(_RUN_DIR.value)
        return config, model
    config = ssd_tf.PRESETS[_PRESET.value]
    names = tuple(f"class {i}" for i in range(1, config.num_classes + 1))
    config = dataclasses.replace(config, class_names=names)
    model = ssd_tf.build_detector(config)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        # A bias of zero is optimised away, which no training leaves.
        if variable.path.endswith("/bias"):
            variable.assign(rng.normal(0, 0.01, variable.shape))
        if variable.path.endswith("_mbox_conf/bias"):
            background = np.arange(variable.shape[0]) % (config.num_classes + 1)
            variable.assign_add(30.0 * (background == 0))
    return config, model


def pictures() -> list[bytes]:
    """Encoded images."""
    if _IMAGES.value:
        files = sorted(pathlib.Path(_IMAGES.value).iterdir())
        kept = [f for f in files if f.suffix.lower() in (".jpg", ".jpeg")]
        if not kept:
            raise InputError(f"{_IMAGES.value} has no JPEG file")
        return [file.read_bytes() for file in kept[:8]]
    rng = np.random.default_rng(0)
    return [to_jpeg(photograph_like(rng)) for _ in range(8)]


def trained_like(config, batch_size: int) -> dict[str, tf.Tensor]:
    """Outputs of a detector that sees 8 objects among much background."""
    rng = np.random.default_rng(0)
    num_anchors = len(ssd_tf.build_anchors(config))
    shape = (batch_size, num_anchors, config.num_classes + 1)
    logits = rng.normal(0, 1, shape)
    logits[..., 0] += 9 + rng.normal(0, 1, shape[:2])
    for image in logits:
        for first in rng.integers(0, num_anchors - 60, 8):
            near = slice(first, first + rng.integers(5, 60))
            label = rng.integers(1, config.num_classes + 1)
            image[near, label] += rng.uniform(3, 14)
    return {
        "logits": tf.constant(logits, tf.float32),
        "localisations": tf.constant(
            rng.normal(0, 1, (*shape[:2], 4)), tf.float32
        ),
    }


def milliseconds(call: Callable, argument) -> float:
    """Wall time of one call, to the last value."""
    start = time.perf_counter()
    for value in tf.nest.flatten(call(argument)):
        np.asarray(value)
    return 1e3 * (time.perf_counter() - start)


def measure(formats, arguments, rounds: int) -> dict[str, dict[str, float]]:
    """p50 and p95 of each call by "part format"; all take turns."""
    times: dict[str, list[float]] = {_PRODUCT: []}
    for _ in range(rounds + 2):  # the first two warm up
        for name, calls in formats.items():
            # Threads of other runtimes wait for work by spinning, a while.
            times[_PRODUCT].append(
                min(milliseconds(*arguments[_PRODUCT]) for _ in range(3))
            )
            for part, call in calls.items():
                if (
                    part == "forward"
                    and name == "litert"
                    and len(arguments[part]) > 1
                ):
                    continue
                elapsed = milliseconds(call, arguments[part])
                times.setdefault(f"{part} {name}", []).append(elapsed)
    return {
        name: {
            "p50": round(float(np.percentile(values[2:], 50)), 2),
            "p95": round(float(np.percentile(values[2:], 95)), 2),
        }
        for name, values in times.items()
    }


def main(_):
    """Measures the formats and prints."""
    config, model = load()
    encoded, prepare = pictures(), prepare_function(config)
    figures = {}
    matrix = tf.random.stateless_uniform([_MATRIX, _MATRIX], [0, 0])
    with tempfile.TemporaryDirectory() as folder:
        formats = {
            name: FORMATS[name](config, model, pathlib.Path(folder))
            for name in _FORMATS.value
        }
        for batch_size in map(int, _BATCHES.value):
            batch = itertools.islice(itertools.cycle(encoded), batch_size)
            files = tf.constant(list(batch))
            pixels = prepare(files)
            outputs = (
                model(pixels, training=False)
                if _RUN_DIR.value
                else trained_like(config, batch_size)
            )
            arguments = {
                "image": files,
                "whole": files,
                "forward": pixels,
                "decode": outputs,
                _PRODUCT: (lambda x: tf.matmul(x, x), matrix),
            }
            rounds = max(3, _ROUNDS.value // batch_size)
            figures[batch_size] = measure(formats, arguments, rounds)
    print("| what | " + " | ".join(f"batch {b}" for b in figures) + " |")
    for name in figures[min(figures)]:
        cells = (
            "{p50:.1f} / {p95:.1f}".format(**f[name]) if name in f else "-"
            for f in figures.values()
        )
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(
        json.dumps(
            {
                "benchmark": "inference",
                "detector": model.name,
                "cores": len(os.sched_getaffinity(0)),
                "gflop_per_second": {
                    b: round(2e-6 * _MATRIX**3 / f[_PRODUCT]["p50"], 1)
                    for b, f in figures.items()
                },
                "tensorflow": tf.__version__,
                "milliseconds": figures,
            }
        )
    )


if __name__ == "__main__":
    app.run(main)
