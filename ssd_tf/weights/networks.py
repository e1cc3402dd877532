"""Detectors of other projects: what their weights need to answer as they do.

Anchors, pixels and thresholds are those of the projects' published
configurations; each fact has its source beside it.
"""

import dataclasses
from typing import Any

import numpy as np

from ssd_tf import class_names
from ssd_tf.anchor_sizes import published_sizes_px
from ssd_tf.config import DetectorConfig
from ssd_tf.errors import InputError
from ssd_tf.presets import PRESETS
from ssd_tf.weights import mobilenet_names, vgg_names
from ssd_tf.weights.layer_names import NamedLayers
from ssd_tf.weights.weight_file import WeightFile

# Of ImageNet in 0..1, as torchvision/models/detection/ssd.py has it.
_TORCHVISION_MEAN = (255 * 0.48235, 255 * 0.45882, 255 * 0.40784)
_CLIPPED = {"clip_anchor_centers": True, "clip_anchor_sizes": True}
# What a number of classes says about their names.
_CLASSES: dict[int, dict[str, Any]] = {
    20: {"class_names": class_names.VOC_NAMES},
    80: {
        "class_names": tuple(class_names.COCO_CATEGORY_IDS),
        "class_ids": tuple(class_names.COCO_CATEGORY_IDS.values()),
    },
    90: {
        "class_names": class_names.COCO_NAMES_BY_ID,
        "class_ids": tuple(range(1, 91)),
    },
}


# nets/ssd_vgg_300.py and ssd_vgg_512.py: RGB, and sizes of COCO for VOC too.
_SSD_TENSORFLOW = {
    "scales": "coco",
    "channel_order": "rgb",
    "truncate_sizes": False,
}
_FEATURES_MARK = "features.28.weight"
# By project, in place of the values of Caffe's presets. "scales" are those of
# the anchors, whatever the classes.
_VGG: dict[str, dict[str, Any]] = {
    # models/detection/ssd.py, ssd300_vgg16.
    "torchvision": {
        "scales": "coco",
        "pixel_mean": _TORCHVISION_MEAN,
        "channel_order": "rgb",
        "clip_anchor_sizes": True,
    },
    # data/config.py, ssd.py, layers/functions/detection.py.
    "ssd.pytorch": {"channel_order": "rgb", "pre_nms_top_k": 200, **_CLIPPED},
    # ssd/config/defaults.py; no size is truncated.
    "lufficc": {
        "channel_order": "rgb",
        "max_detections": 100,
        "truncate_sizes": False,
        **_CLIPPED,
    },
    # vision/ssd/vgg_ssd.py, vision/ssd/config/vgg_ssd_config.py.
    "qfgaohao": {
        "backbone": "vgg16_batch_norm",
        "channel_order": "rgb",
        "pre_nms_top_k": 200,
        **_CLIPPED,
    },
    "caffe": {},
    # models/keras_ssd512.py; the model swaps RGB to BGR itself.
    "ssd_keras": {"truncate_sizes": False},
    "ssd_tensorflow_300": _SSD_TENSORFLOW,
    "ssd_tensorflow_512": _SSD_TENSORFLOW,
}


@dataclasses.dataclass(frozen=True)
class Network:
    """Another project's detector.

    Attributes:
      project: whose it is.
      detector_config: with which `build_detector` makes the same network.
      layers: {name of a layer: arrays that its `set_weights` takes}.
      unused: names in the file without a part in the network's answers.
      is_backbone: the layers are those of the backbone alone; the
        configuration is that of a detector around it.
    """

    project: str
    detector_config: DetectorConfig
    layers: dict[str, list[np.ndarray]]
    unused: tuple[str, ...] = ()
    is_backbone: bool = False


def identify(weights: WeightFile) -> Network:
    """The network that a file's weights belong to, and they under our names.

    Nothing but the file's names and shapes decides. The number of classes
    tells VOC (20) and COCO (80, or the 90 ids) apart, and with them the sizes
    of anchors where a project has two; other classes are taken for VOC's kind.

    Args:
      weights: as `ssd_tf.weights.read` returns them.

    Raises:
      InputError: the names are those of no known network, not all are there,
        or the heads' shapes contradict each other.
    """
    if _FEATURES_MARK in weights.tensors:
        named = vgg_names.to_features(weights)
        config = _vgg_config(named.project, PRESETS["ssd300_vgg16"], "voc")
        return Network(
            named.project, config, named.layers, named.unused, is_backbone=True
        )
    mobile = mobilenet_names.find(weights)
    if mobile is not None:
        named = mobilenet_names.to_layers(mobile, weights)
        config = PRESETS[mobile.preset]
        return _network(named, _with_classes(config, _count(named, config)))
    named = vgg_names.to_layers(weights)
    is_512 = "conv10_2" in named.layers
    config = PRESETS["ssd512_vgg16" if is_512 else "ssd300_vgg16"]
    count = _count(named, config)
    scales = "coco" if count in (80, 90) else "voc"
    config = _vgg_config(named.project, config, scales)
    return _network(named, _with_classes(config, count))


def _network(named: NamedLayers, config: DetectorConfig) -> Network:
    return Network(named.project, config, named.layers, named.unused)


def _count(named: NamedLayers, config: DetectorConfig) -> int:
    """The number of classes without background, from the heads' biases."""
    counts = {}
    heads = [n for n in named.layers if n.endswith("_mbox_conf")]
    for name, boxes in zip(heads, config.boxes_per_cell, strict=True):
        channels = len(named.layers[name][1])
        counts[name] = channels / boxes
        if channels % boxes or channels < 2 * boxes:
            raise InputError(
                f"has names of {named.project}, but {channels} channels in "
                f"{name}; expected {boxes} anchors times classes and background"
            )
    if len(set(counts.values())) != 1:
        found = ", ".join(f"{n}: {c:g}" for n, c in counts.items())
        raise InputError(
            f"has names of {named.project}, but heads of different numbers of "
            f"classes: {found}"
        )
    return int(max(counts.values())) - 1


def _with_classes(config: DetectorConfig, count: int) -> DetectorConfig:
    return dataclasses.replace(
        config, num_classes=count, **_CLASSES.get(count, {})
    )


def _vgg_config(
    project: str, config: DetectorConfig, scales: str
) -> DetectorConfig:
    """The preset with what a project does otherwise than Caffe."""
    values = dict(_VGG[project])
    scales = values.pop("scales", scales)
    size, levels = config.image_size, len(config.feature_sizes)
    min_sizes_px, max_sizes_px = published_sizes_px(scales, size, levels)
    config = dataclasses.replace(
        config, min_sizes_px=min_sizes_px, max_sizes_px=max_sizes_px
    )
    if project == "lufficc" and (scales, size) == ("voc", 512):
        # So in configs/vgg_ssd512_voc0712.yaml, where Caffe has 537.6.
        values["max_sizes_px"] = (*max_sizes_px[:-1], 537.65)
    return dataclasses.replace(config, **values)
