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
    head: str = "conv",
    extras: str = "backbone",
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
        head=head,
        extras=extras,
        **grid,
    )


PRESETS = {
    "ssd300_vgg16": _preset("vgg16", 300),
    "ssd512_vgg16": _preset("vgg16", 512),
    "ssd300_resnet50": _preset("resnet50", 300),
    "ssd300_mobilenet_v2": _preset("mobilenet_v2", 300),
    # Boxes from 7% of the image: small data sets have small objects.
    "ssd300_tiny": _preset("tiny", 300, scales="coco"),
    "ssd300_efficientnet_lite0": _preset(
        "efficientnet_lite0",
        300,
        scales="coco",
        head="ssdlite",
        extras="ssdlite",
    ),
}
