"""Weights by the names of our layers, and how they come from a file's."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.weights.weight_file import shown


@dataclasses.dataclass(frozen=True)
class NamedLayers:
    """Weights by the names of our layers.

    Attributes:
      project: whose names the file has.
      layers: {our name: arrays as Keras orders and lays them out}.
      unused: names in the file without a part in the network's answers.
    """

    project: str
    layers: dict[str, list[np.ndarray]]
    unused: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a layer's weights are in a file.

    Attributes:
      names: of the file's tensors.
      convert: those tensors -> arrays as Keras orders and lays them out.
    """

    names: tuple[str, ...]
    convert: Callable[..., list[np.ndarray]]


def as_keras(*arrays: np.ndarray) -> list[np.ndarray]:
    """Kernels [O, I, H, W] -> [H, W, I, O]; vectors of any rank -> [C]."""
    # Caffe's vectors had four dimensions until 2014.
    return [
        (
            array.reshape(-1)
            if array.ndim != 4 or array.shape[:3] == (1, 1, 1)
            else array.transpose(2, 3, 1, 0)
        )
        for array in arrays
    ]


def depthwise_as_keras(kernel: np.ndarray) -> list[np.ndarray]:
    """A depthwise kernel [C, 1, H, W] -> [H, W, C, 1]."""
    return [kernel.transpose(2, 3, 0, 1)]


def _shift(bias, gamma, beta, mean, variance):
    """Batch normalisation that swallows the bias in front of it."""
    return [gamma, beta, mean - bias, variance]


def convolution(ours: str, theirs: str) -> dict[str, Source]:
    """A PyTorch convolution with a bias."""
    return {ours: Source((f"{theirs}.weight", f"{theirs}.bias"), as_keras)}


def normalized(
    ours: str, theirs: str, norm: str, *, has_bias: bool = False
) -> dict[str, Source]:
    """A PyTorch convolution and the batch normalisation behind it.

    Ours is depthwise if its name ends so, and never has a bias: as a constant
    before normalisation it is a part of the moving mean.
    """
    convert = depthwise_as_keras if ours.endswith("_depthwise") else as_keras
    statistics = tuple(
        f"{norm}.{name}"
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    if has_bias:
        bn = Source((f"{theirs}.bias", *statistics), _shift)
    else:
        bn = Source(statistics, as_keras)
    return {ours: Source((f"{theirs}.weight",), convert), f"{ours}_bn": bn}


def collect(
    project: str,
    sources: Mapping[str, Source],
    tensors: Mapping[str, np.ndarray],
    *,
    unused: Sequence[str] = (),
) -> NamedLayers:
    """Takes our layers from a file.

    Args:
      project: for `NamedLayers` and errors.
      sources: of all layers of the network, by our names.
      tensors: of the file.
      unused: ends of the names without a part in the network's answers.

    Raises:
      InputError: a tensor is missing, or nothing takes one, or one has
        another rank.
    """
    used = {name: None for source in sources.values() for name in source.names}
    missing = [name for name in used if name not in tensors]
    if missing:
        raise InputError(
            f"has names of {project}, but no {shown(', '.join(missing))}"
        )
    rest = tuple(name for name in tensors if name not in used)
    more = [name for name in rest if not name.endswith(tuple(unused))]
    if more:
        raise InputError(
            f"has names of {project}, but also {shown(', '.join(more))}"
        )
    layers = {}
    for ours, source in sources.items():
        arrays = [tensors[name] for name in source.names]
        try:
            layers[ours] = source.convert(*arrays)
        except ValueError as error:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise InputError(
                f"{shown(', '.join(source.names))}: have the shapes {shapes}, "
                f"which make no layer {ours}"
            ) from error
    return NamedLayers(project, layers, rest)
