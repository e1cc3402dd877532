"""Names of SSD's layers on VGG16 in seven projects, and ours.

Our names are Caffe's. All projects predict box by box, then coordinate by
coordinate or class by class, with background first, so that heads need no
change of order.
"""

import collections
import dataclasses

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.weights.layer_names import (
    NamedLayers,
    Source,
    as_keras,
    collect,
    convolution,
)
from ssd_tf.weights.weight_file import WeightFile, shown

NORM = "conv4_3_norm"
_BLOCKS = ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
_BASE = (
    *(f"conv{block}_{k + 1}" for block, n in _BLOCKS for k in range(n)),
    *("fc6", "fc7"),
)
# Positions of the convolutions in PyTorch's VGG16 with pool5, fc6 and fc7.
_TORCH = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33)
_NUM_LEVELS = (6, 7)  # of 300 and 512 pixels
_KINDS = ("weight", "bias")


@dataclasses.dataclass(frozen=True)
class VggNames:
    """One project's names; the text stands before a weight's own suffix.

    Attributes:
      format: of the project's files, a key of `ssd_tf.weights.formats.FORMATS`.
      base: of conv1_1 to conv5_3, fc6 and fc7.
      extras: of the two layers of pair {n}; {even} and {odd} are 2n, 2n + 1.
      heads: of offsets and classes of level {k}; {level} is our name of it,
        {block} that of SSD-Tensorflow.
      norm: all weights of the layer behind conv4_3.
      suffixes: of kernel and bias.
      is_hwio: kernels have Keras' order already.
      unused: ends of the names without a part in the network's answers.
      last_extra: the second layer of the last pair at 512 pixels, where its
        name differs.
    """

    format: str
    base: tuple[str, ...]
    extras: tuple[str, str]
    heads: tuple[str, str]
    norm: tuple[str, ...]
    suffixes: tuple[str, str] = (".weight", ".bias")
    is_hwio: bool = False
    unused: tuple[str, ...] = ()
    last_extra: str = ""


# As of Caffe; those of Keras are made the same, see `_by_position`.
_CAFFE = VggNames(
    format="caffe",
    base=_BASE,
    extras=("conv{number}_1", "conv{number}_2"),
    heads=("{level}_mbox_loc", "{level}_mbox_conf"),
    norm=(f"{NORM}/0",),
    suffixes=("/0", "/1"),
)


def _ssd_tensorflow(net: str) -> VggNames:
    return VggNames(
        format="tensorflow",
        base=(
            *(f"{net}/conv{name[4]}/{name}" for name in _BASE[:-2]),
            *(f"{net}/conv6", f"{net}/conv7"),
        ),
        extras=(net + "/block{block}/conv1x1", net + "/block{block}/conv3x3"),
        heads=(net + "/block{block}_box/conv_loc",)
        + (net + "/block{block}_box/conv_cls",),
        norm=(f"{net}/block4_box/L2Normalization/gamma",),
        suffixes=("/weights", "/biases"),
        is_hwio=True,
        last_extra=f"{net}/block12/conv4x4",
    )


PROJECTS = {
    "torchvision": VggNames(
        format="pytorch",
        base=(
            *(f"backbone.features.{index}" for index in _TORCH[:10]),
            *(f"backbone.extra.0.{index}" for index in ("1", "3", "5")),
            *("backbone.extra.0.7.1", "backbone.extra.0.7.3"),
        ),
        extras=("backbone.extra.{next}.0", "backbone.extra.{next}.2"),
        heads=(
            "head.regression_head.module_list.{k}",
            "head.classification_head.module_list.{k}",
        ),
        norm=("backbone.scale_weight",),
    ),
    "ssd.pytorch": VggNames(
        format="pytorch",
        base=tuple(f"vgg.{index}" for index in _TORCH),
        extras=("extras.{even}", "extras.{odd}"),
        heads=("loc.{k}", "conf.{k}"),
        norm=("L2Norm.weight",),
    ),
    "lufficc": VggNames(
        format="pytorch",
        base=tuple(f"backbone.vgg.{index}" for index in _TORCH),
        extras=("backbone.extras.{even}", "backbone.extras.{odd}"),
        heads=(
            "box_head.predictor.reg_headers.{k}",
            "box_head.predictor.cls_headers.{k}",
        ),
        norm=("backbone.l2_norm.weight",),
    ),
    "qfgaohao": VggNames(
        format="pytorch",
        base=tuple(f"base_net.{index}" for index in _TORCH),
        extras=("extras.{n}.0", "extras.{n}.2"),
        heads=("regression_headers.{k}", "classification_headers.{k}"),
        # Batch normalisation in the order of Keras, where others scale the
        # length to a factor.
        norm=tuple(
            f"source_layer_add_ons.0.{name}"
            for name in ("weight", "bias", "running_mean", "running_var")
        ),
        unused=(".num_batches_tracked",),
    ),
    "caffe": _CAFFE,
    "ssd_keras": dataclasses.replace(_CAFFE, format="keras", is_hwio=True),
    "ssd_tensorflow_300": _ssd_tensorflow("ssd_300_vgg"),
    "ssd_tensorflow_512": _ssd_tensorflow("ssd_512_vgg"),
}


def layer_names(names: VggNames, num_levels: int) -> dict[str, tuple[str, ...]]:
    """Their names of the weights of each of our layers.

    Args:
      names: a value of `PROJECTS`.
      num_levels: 6 for 300 pixels, 7 for 512.
    """
    theirs = dict(zip(_BASE, names.base, strict=True))
    levels = [NORM, "fc7"]
    for n in range(num_levels - 2):
        fields = {"n": n, "next": n + 1, "even": 2 * n, "odd": 2 * n + 1}
        fields |= {"number": 6 + n, "block": 8 + n}
        for k, template in enumerate(names.extras, start=1):
            theirs[f"conv{6 + n}_{k}"] = template.format(**fields)
        levels.append(f"conv{6 + n}_2")
    if num_levels == 7 and names.last_extra:
        theirs[levels[-1]] = names.last_extra
    for k, level in enumerate(levels):
        block = 4 if k == 0 else 6 + k
        for ours, template in zip(("loc", "conf"), names.heads, strict=True):
            theirs[f"{level}_mbox_{ours}"] = template.format(
                k=k, level=level, block=block
            )
    kernel, bias = names.suffixes
    result = {
        ours: (f"{t}{kernel}", f"{t}{bias}") for ours, t in theirs.items()
    }
    return {**result, NORM: names.norm}


def to_layers(weights: WeightFile) -> NamedLayers:
    """Gives the weights of an SSD on VGG16 our names and order.

    Args:
      weights: as `ssd_tf.weights.read` returns them.

    Raises:
      InputError: the names are those of no project, or not all are there, or
        there are more.
    """
    tensors = weights.tensors
    if weights.format == "keras":
        tensors = _by_position(tensors)
    project, theirs = _find_project(weights.format, tensors)
    names = PROJECTS[project]
    convert = _as_they_are if names.is_hwio else as_keras
    sources = {ours: Source(layer, convert) for ours, layer in theirs.items()}
    return collect(project, sources, tensors, unused=names.unused)


def to_features(weights: WeightFile) -> NamedLayers:
    """Gives the convolutions of torchvision's VGG16 our names and order.

    The published file that SSD begins with has no values for the classifier
    (torchvision/models/vgg.py, IMAGENET1K_FEATURES).

    Raises:
      InputError: not all convolutions are there, or there is more, or a
        classifier that was trained on other pixels.
    """
    classes = weights.tensors.get("classifier.6.bias")
    if classes is not None and np.isfinite(classes).all() and classes.any():
        raise InputError(
            "is torchvision's VGG16 with its classifier, whose pixels are "
            "divided by a deviation for each channel; expected the weights "
            "vgg16_features-amdegroot"
        )
    sources: dict[str, Source] = {}
    for ours, index in zip(_BASE[:-2], _TORCH[:-2], strict=True):
        sources |= convolution(ours, f"features.{index}")
    unused = [f"classifier.{k}.{v}" for k in (0, 3, 6) for v in _KINDS]
    return collect("torchvision", sources, weights.tensors, unused=unused)


def _by_position(tensors):
    """Keras' "LAYER/ANY/NAME" as "LAYER/INDEX".

    A weight's own name depends on what else was built before it.
    """
    result = {}
    counts: collections.Counter[str] = collections.Counter()
    for name, array in tensors.items():
        layer = name.partition("/")[0]
        result[f"{layer}/{counts[layer]}"] = array
        counts[layer] += 1
    return result


def _find_project(file_format, tensors):
    """The project's name, and its names of our layers' weights."""
    for project, names in PROJECTS.items():
        first = f"{names.base[0]}{names.suffixes[0]}"
        if names.format == file_format and {first, names.norm[0]} <= set(
            tensors
        ):
            maps = [layer_names(names, levels) for levels in _NUM_LEVELS]
            last = maps[1]["conv10_2_mbox_loc"][0]
            return project, maps[1] if last in tensors else maps[0]
    raise InputError(
        f"is no SSD of {', '.join(PROJECTS)}: its weights are named "
        f"{shown(', '.join(list(tensors)[:3]))}"
    )


def _as_they_are(*arrays):
    return list(arrays)
