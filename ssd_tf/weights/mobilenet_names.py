"""Names of SSD's layers on MobileNets in three projects, and ours.

All projects predict box by box, then coordinate by coordinate or class by
class, with background first, so that heads need no change of order.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

from ssd_tf.weights.layer_names import (
    NamedLayers,
    Source,
    collect,
    convolution,
    normalized,
)
from ssd_tf.weights.weight_file import WeightFile

_NUM_LEVELS = 6
_UNUSED = (".num_batches_tracked",)


@dataclasses.dataclass(frozen=True)
class MobileNames:
    """One network of one project.

    Attributes:
      project: its name.
      preset: a key of `ssd_tf.presets.PRESETS`, the same network.
      mark: a name that no other network's file has.
      sources: () -> where all layers are.
    """

    project: str
    preset: str
    mark: str
    sources: Callable[[], dict[str, Source]]


def find(weights: WeightFile) -> MobileNames | None:
    """The network whose names a file has; None where it is none of these."""
    if weights.format != "pytorch":
        return None
    for names in NETWORKS:
        if names.mark in weights.tensors:
            return names
    return None


def to_layers(names: MobileNames, weights: WeightFile) -> NamedLayers:
    """Gives the weights of a file our names and order.

    Args:
      names: as `find` returns them.
      weights: as `ssd_tf.weights.read` returns them.

    Raises:
      InputError: not all names are there, or there are more.
    """
    return collect(
        names.project, names.sources(), weights.tensors, unused=_UNUSED
    )


def _block(ours: str, theirs: Mapping[str, tuple[str, str]]):
    """The parts of an inverted residual: {part: (convolution, norm)}."""
    result: dict[str, Source] = {}
    for part, (kernel, norm) in theirs.items():
        result |= normalized(f"{ours}_{part}", kernel, norm)
    return result


def _parts(prefix: str, *indices: tuple[str, str]):
    """Names within one block, of which the first does not expand if short."""
    parts = ("expand", "depthwise", "project")[-len(indices) :]
    return {
        part: (f"{prefix}.{kernel}", f"{prefix}.{norm}")
        for part, (kernel, norm) in zip(parts, indices, strict=True)
    }


def _separable_heads(heads: Mapping[str, str], inner: str):
    """Heads of `ssdlite_pointwise_last`: {kind: names}, by level {k}."""
    result: dict[str, Source] = {}
    for kind, template in heads.items():
        for k in range(_NUM_LEVELS):
            ours, theirs = f"level{k}_mbox_{kind}", template.format(k=k)
            if k == _NUM_LEVELS - 1:
                result |= convolution(ours, theirs)
                continue
            theirs += inner
            result |= normalized(
                f"{ours}_depthwise", f"{theirs}.0", f"{theirs}.1", has_bias=True
            )
            result |= convolution(ours, f"{theirs}.3")
    return result


def _mobilenet_v2(base: str, extras: str, full, short, heads, inner):
    """MobileNetV2 of lufficc or qfgaohao.

    `full` and `short` are the places of convolution and normalisation in a
    block that expands, and in the first, which does not.
    """
    result = normalized("stem", f"{base}.0.0", f"{base}.0.1")
    for k in range(1, 18):
        places = short if k == 1 else full
        result |= _block(f"block{k}", _parts(f"{base}.{k}.conv", *places))
    result |= normalized("last", f"{base}.18.0", f"{base}.18.1")
    for k in range(4):
        result |= _block(f"extra{k + 1}", _parts(f"{extras}.{k}.conv", *full))
    return result | _separable_heads(heads, inner)


def _qfgaohao_v1() -> dict[str, Source]:
    result = normalized("stem", "base_net.0.0", "base_net.0.1")
    for k in range(1, 14):
        base = f"base_net.{k}"
        result |= normalized(f"block{k}_depthwise", f"{base}.0", f"{base}.1")
        result |= normalized(f"block{k}_pointwise", f"{base}.3", f"{base}.4")
    for k in range(4):
        result |= convolution(f"conv{6 + k}_1", f"extras.{k}.0")
        result |= convolution(f"conv{6 + k}_2", f"extras.{k}.2")
    for kind, theirs in _QFGAOHAO_HEADS.items():
        for k in range(_NUM_LEVELS):
            result |= convolution(f"level{k}_mbox_{kind}", theirs.format(k=k))
    return result


def _torchvision_v3() -> dict[str, Source]:
    base = "backbone.features"
    result = normalized("stem", f"{base}.0.0.0", f"{base}.0.0.1")
    for k in range(1, 16):
        # The expansion of block 13 is the end of the first half.
        half, place = (0, f"{k}.block") if k < 13 else (1, f"{k - 13}.block")
        prefix = f"{base}.{half}.{place}" if k != 13 else f"{base}.1.0"
        modules = ["expand", "depthwise", "se", "project"]
        if k in (1, 2, 3, 7, 8, 9, 10):
            modules.remove("se")
        if k == 1:
            modules.remove("expand")
        for index, part in enumerate(modules):
            theirs = f"{prefix}.{index}"
            if part == "se":
                result |= convolution(f"block{k}_se_reduce", f"{theirs}.fc1")
                result |= convolution(f"block{k}_se_expand", f"{theirs}.fc2")
                continue
            if k == 13 and part == "expand":
                theirs = f"{base}.0.13"
            result |= normalized(
                f"block{k}_{part}", f"{theirs}.0", f"{theirs}.1"
            )
    result |= normalized("last", f"{base}.1.3.0", f"{base}.1.3.1")
    for k in range(4):
        for index, part in enumerate(("reduce", "depthwise", "pointwise")):
            theirs = f"backbone.extra.{k}.{index}"
            result |= normalized(
                f"extra{k + 1}_{part}", f"{theirs}.0", f"{theirs}.1"
            )
    for kind, head in (("conf", "classification"), ("loc", "regression")):
        for k in range(_NUM_LEVELS):
            ours = f"level{k}_mbox_{kind}"
            theirs = f"head.{head}_head.module_list.{k}"
            result |= normalized(
                f"{ours}_depthwise", f"{theirs}.0.0", f"{theirs}.0.1"
            )
            result |= convolution(ours, f"{theirs}.1")
    return result


_QFGAOHAO_HEADS = {
    "conf": "classification_headers.{k}",
    "loc": "regression_headers.{k}",
}
_LUFFICC_HEADS = {
    "conf": "box_head.predictor.cls_headers.{k}",
    "loc": "box_head.predictor.reg_headers.{k}",
}
NETWORKS = (
    MobileNames(
        project="torchvision",
        preset="ssdlite320_mobilenet_v3_large",
        mark="backbone.features.0.0.0.weight",
        sources=_torchvision_v3,
    ),
    MobileNames(
        project="lufficc",
        preset="ssd320_mobilenet_v2",
        mark="backbone.features.2.conv.0.0.weight",
        sources=functools.partial(
            _mobilenet_v2,
            "backbone.features",
            "backbone.extras",
            (("0.0", "0.1"), ("1.0", "1.1"), ("2", "3")),
            (("0.0", "0.1"), ("1", "2")),
            _LUFFICC_HEADS,
            ".conv",
        ),
    ),
    MobileNames(
        project="qfgaohao",
        preset="ssdlite300_mobilenet_v2",
        mark="base_net.2.conv.0.weight",
        sources=functools.partial(
            _mobilenet_v2,
            "base_net",
            "extras",
            (("0", "1"), ("3", "4"), ("6", "7")),
            (("0", "1"), ("3", "4")),
            _QFGAOHAO_HEADS,
            "",
        ),
    ),
    MobileNames(
        project="qfgaohao",
        preset="ssd300_mobilenet_v1",
        mark="base_net.13.3.weight",
        sources=_qfgaohao_v1,
    ),
)
