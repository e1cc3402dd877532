"""Detectors by name."""

from typing import Any

from ssd_tf.anchor_sizes import published_sizes_px
from ssd_tf.config import DetectorConfig

_GRIDS: dict[int, dict[str, Any]] = {
    300: {
        "feature_sizes": (38, 19, 10, 5, 3, 1),
        "steps_px": (8, 16, 32, 64, 100, 300),
        "aspect_ratios": ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    },
    512: {
        "feature_sizes": (64, 32, 16, 8, 4, 2, 1),
        "steps_px": (8, 16, 32, 64, 128, 256, 512),
        "aspect_ratios": ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
        "truncate_sizes": True,
    },
}


def _preset(
    backbone: str,
    image_size: int,
    *,
    scales: str = "voc",
    **values: Any,
) -> DetectorConfig:
    grid = _GRIDS[image_size]
    min_sizes_px, max_sizes_px = published_sizes_px(
        scales, image_size, len(grid["feature_sizes"])
    )
    return DetectorConfig(
        backbone=backbone,
        image_size=image_size,
        min_sizes_px=min_sizes_px,
        max_sizes_px=max_sizes_px,
        **grid,
        **values,
    )


def _mobile_preset(
    backbone: str,
    image_size: int,
    steps_px: tuple[float, ...],
    sizes_px: tuple[float, ...],
    **values: Any,
) -> DetectorConfig:
    """Six levels of six anchors per cell, of which `sizes_px` has the sides.

    Each level's largest size is the smallest of the next.
    """
    cells = 19 if image_size == 300 else 20
    return DetectorConfig(
        backbone=backbone,
        image_size=image_size,
        feature_sizes=(cells, 10, 5, 3, 2, 1),
        steps_px=steps_px,
        min_sizes_px=sizes_px[:-1],
        max_sizes_px=sizes_px[1:],
        aspect_ratios=((2, 3),) * 6,
        clip_anchor_sizes=True,
        **values,
    )


_STEPS_300 = (16, 32, 64, 100, 150, 300)
_SIZES_PX = (60, 105, 150, 195, 240, 285, 330)

PRESETS = {
    "ssd300_vgg16": _preset("vgg16", 300),
    "ssd512_vgg16": _preset("vgg16", 512),
    "ssd300_resnet50": _preset("resnet50", 300),
    "ssd300_mobilenet_v2": _preset("mobilenet_v2", 300),
    # The networks of other projects' weights; anchors and what is clipped are
    # theirs. torchvision, models/detection/ssdlite.py: sizes of .2 to .95 of
    # the image, cells that divide it.
    "ssdlite320_mobilenet_v3_large": _mobile_preset(
        "mobilenet_v3_large",
        320,
        tuple(320 / cells for cells in (20, 10, 5, 3, 2, 1)),
        (64, 112, 160, 208, 256, 304, 320),
        head="ssdlite",
        score_threshold=0.001,
        nms_iou_threshold=0.55,
        pre_nms_top_k=300,
        max_detections=300,
    ),
    # lufficc/SSD, configs/mobilenet_v2_ssd320_voc0712.yaml.
    "ssd320_mobilenet_v2": _mobile_preset(
        "mobilenet_v2_bottleneck",
        320,
        (16, 32, 64, 107, 160, 320),
        _SIZES_PX,
        head="ssdlite_pointwise_last",
        clip_anchor_centers=True,
        max_detections=100,
    ),
    # qfgaohao/pytorch-ssd, vision/ssd/config/mobilenetv1_ssd_config.py.
    "ssd300_mobilenet_v1": _mobile_preset(
        "mobilenet_v1",
        300,
        _STEPS_300,
        _SIZES_PX,
        clip_anchor_centers=True,
        pre_nms_top_k=200,
    ),
    "ssdlite300_mobilenet_v2": _mobile_preset(
        "mobilenet_v2_expansion",
        300,
        _STEPS_300,
        _SIZES_PX,
        head="ssdlite_pointwise_last",
        clip_anchor_centers=True,
        pre_nms_top_k=200,
    ),
    # Boxes from 7% of the image: small data sets have small objects.
    "ssd300_tiny": _preset("tiny", 300, scales="coco"),
    # What is best for a few hundred pictures: benchmarks/README.md.
    "ssd300_efficientnet_lite0": _preset(
        "efficientnet_lite0",
        300,
        scales="coco",
        neck="fpn_lite",
        matcher="topk",
    ),
}
