"""Images per second of the training step, and how well it uses the machine.

    python benchmarks/train_step.py --preset=ssd300_tiny --batch=8
    python benchmarks/train_step.py --precision=mixed_bfloat16 --jit_compile
    KERAS_BACKEND=jax python benchmarks/train_step.py --preset=ssd300_vgg16

On TensorFlow it is the step of training: model, loss with mining, gradient,
optimiser and average of the weights as in the recipe. On JAX, for a machine
without TensorFlow, it is model, loss, gradient and SGD, compiled; of this
package it then needs `models` and `losses` only, and no TensorFlow.

A batch of noise with made targets is trained on again and again. FLOPs are
those of the convolutions: twice the multiplications forward, and where a layer
is trained as many for the gradient of its weights, and of its inputs save the
first such layer's. A product of two large matrices in the precision of the
layers, measured between the steps, tells what the machine gave. One case a
process, as memory is that of the process (of the device, where JAX tells it).
Prints one JSON line.
"""

import importlib
import json
import math
import os
import pathlib
import resource
import statistics
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from absl import app, flags

_PACKAGE = pathlib.Path(__file__).parents[1] / "ssd_tf"
if keras.backend.backend() != "tensorflow":
    # The package itself imports TensorFlow; `models` and `losses` do not.
    bare = types.ModuleType("ssd_tf")
    bare.__path__ = [str(_PACKAGE)]
    sys.modules["ssd_tf"] = bare
PRESETS = importlib.import_module("ssd_tf.presets").PRESETS
PRECISIONS = importlib.import_module("ssd_tf.config").PRECISIONS

_PRESET = flags.DEFINE_enum(
    "preset", "ssd300_tiny", list(PRESETS), "Detector to measure."
)
_BATCH = flags.DEFINE_integer("batch", 8, "Images per step.", lower_bound=1)
_PRECISION = flags.DEFINE_enum(
    "precision", "float32", PRECISIONS, "As of train."
)
_JIT = flags.DEFINE_bool("jit_compile", False, "As of train; JAX always does.")
_RECIPE = flags.DEFINE_string(
    "recipe", "small_data", "Whose optimiser to take (TensorFlow)."
)
_ROUNDS = flags.DEFINE_integer("rounds", 10, "Steps to measure.")
_MATRIX = flags.DEFINE_integer(
    "matrix", 2048, "Side of the matrices; 8192 for a large GPU."
)


class Targets(NamedTuple):
    """As `ssd_tf.EncodedTargets`."""

    gclasses: np.ndarray
    glocalisations: np.ndarray
    gscores: np.ndarray


def make_batch(config, batch_size: int):
    """Pixels, and targets of one positive anchor in a hundred, as arrays."""
    rng = np.random.default_rng(0)
    side, cells = config.image_size, config.feature_sizes
    num_anchors = sum(
        n * f * f for n, f in zip(config.boxes_per_cell, cells, strict=True)
    )
    shape = (batch_size, num_anchors)
    positive = rng.random(shape) < 0.01
    classes = rng.integers(1, config.num_classes + 1, shape) * positive
    targets = Targets(
        classes.astype(np.int32),
        (rng.normal(size=(*shape, 4)) * positive[..., None]).astype(np.float32),
        np.where(positive, 0.6, 0.1).astype(np.float32),
    )
    pixels = rng.uniform(0, 255, (batch_size, side, side, 3))
    return pixels.astype(np.float32), targets


def on_tensorflow(config, batch) -> tuple[keras.Model, Callable, Callable]:
    """The model, its step, and the matrix product."""
    import tensorflow as tf

    import ssd_tf
    from ssd_tf.data.pipeline import TrainingBatch
    from ssd_tf.training import RECIPES
    from ssd_tf.training.step import Trainer

    train_config = ssd_tf.TrainConfig(
        **RECIPES[_RECIPE.value].to_dict(),
        precision=_PRECISION.value,
        jit_compile=_JIT.value,
    )
    trainer = Trainer(config, train_config, tf.distribute.get_strategy())
    pixels, targets = batch
    whole = TrainingBatch(
        tf.constant(pixels),
        ssd_tf.EncodedTargets(*map(tf.constant, targets)),
        tf.zeros([len(pixels), 1, 4]),
        tf.zeros([len(pixels), 1], tf.int32),
    )
    spec = tf.data.Dataset.from_tensors(whole).element_spec
    step = trainer.compile_step(spec)
    product = tf.function(tf.matmul, jit_compile=_JIT.value)
    return trainer.model, lambda: step(whole).total, product


def on_jax(config, batch) -> tuple[keras.Model, Callable, Callable]:
    """The same, of Keras' own SGD."""
    import jax

    from ssd_tf.losses import MultiBoxLoss
    from ssd_tf.models import build_detector

    model = build_detector(config, precision=_PRECISION.value)
    loss = MultiBoxLoss()
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9)
    optimizer.build(model.trainable_variables)

    def losses(weights, others, pixels, targets):
        outputs, others = model.stateless_call(
            weights, others, pixels, training=True
        )
        return loss(targets, outputs).total, others

    @jax.jit
    def step(state, pixels, targets):
        weights, others, slots = state
        (total, others), gradients = jax.value_and_grad(losses, has_aux=True)(
            weights, others, pixels, targets
        )
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        return total, (weights, others, slots)

    state = [
        [jax.numpy.array(v.value) for v in variables]
        for variables in (
            *(model.trainable_variables, model.non_trainable_variables),
            optimizer.variables,
        )
    ]
    arguments = jax.device_put(batch)

    def train():
        nonlocal state
        total, state = step(state, *arguments)
        return total

    return model, train, jax.jit(jax.numpy.matmul)


BACKENDS = {"tensorflow": on_tensorflow, "jax": on_jax}


def count_flops(model: keras.Model) -> tuple[float, float]:
    """Operations of the convolutions for an image: forward, and in a step."""
    counts = [
        (layer, math.prod(kernel.shape) * math.prod(layer.output.shape[1:3]))
        for layer in model.layers
        for kernel in layer.weights
        if kernel.path.endswith("kernel") and len(kernel.shape) == 4
    ]
    forward = 2.0 * sum(count for _, count in counts)
    trained = [2.0 * count for layer, count in counts if layer.trainable]
    return forward, forward + 2.0 * sum(trained) - trained[0]


def seconds(call: Callable, *arguments) -> float:
    """Wall time of a call, to its last value."""
    start = time.perf_counter()
    # NumPy reads no bfloat16.
    value = keras.ops.cast(call(*arguments), "float32")
    float(np.ravel(keras.ops.convert_to_numpy(value))[0])
    return time.perf_counter() - start


def peak_bytes() -> tuple[int, str]:
    """Peak of memory, and whose it is."""
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        statistics_of_device = device.memory_stats() or {}
        if "peak_bytes_in_use" in statistics_of_device:
            peak = statistics_of_device["peak_bytes_in_use"]
            return peak, str(device.device_kind)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * kibibytes, "process"


def main(_):
    config = PRESETS[_PRESET.value]
    batch = make_batch(config, _BATCH.value)
    model, step, product = BACKENDS[keras.backend.backend()](config, batch)
    half = _PRECISION.value.removeprefix("mixed_")
    matrix = keras.random.normal((_MATRIX.value, _MATRIX.value), dtype=half)
    # A copy that waits for nothing but the one number that is read.
    small = keras.ops.sum
    first = seconds(step)
    steps, products = [], []
    for i in range(_ROUNDS.value + 2):  # the first two warm up
        times = seconds(lambda: small(product(matrix, matrix))), seconds(step)
        if i >= 2:
            products.append(times[0])
            steps.append(times[1])
    forward, trained = count_flops(model)
    flops = trained * _BATCH.value
    step_time = statistics.median(steps)
    rate = 2.0 * _MATRIX.value**3 / statistics.median(products)
    memory, owner = peak_bytes()
    figures: dict[str, Any] = {
        "benchmark": "train_step",
        "preset": _PRESET.value,
        "batch": _BATCH.value,
        "precision": _PRECISION.value,
        "jit_compile": _JIT.value or keras.backend.backend() == "jax",
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "cores": len(os.sched_getaffinity(0)),
        "first_step_seconds": round(first, 2),
        "step_seconds": round(step_time, 4),
        "fastest_step_seconds": round(min(steps), 4),
        "images_per_second": round(_BATCH.value / step_time, 1),
        "parameters": model.count_params(),
        "forward_gflop_of_an_image": round(1e-9 * forward, 2),
        "gflop": round(1e-9 * flops, 1),
        "matrix_gflop_per_second": round(1e-9 * rate, 1),
        "share_of_matrix_rate": round(flops / step_time / rate, 3),
        "peak_mib": round(memory / 2**20),
        "memory_of": owner,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    app.run(main)
