"""The configuration of a detector."""

import dataclasses
import math
from typing import Any

from ssd_tf.config.base import Config
from ssd_tf.errors import InputError

_PER_LEVEL = ("steps_px", "min_sizes_px", "max_sizes_px", "aspect_ratios")


@dataclasses.dataclass(frozen=True)
class DetectorConfig(Config):
    """Everything needed to rebuild a detector except its weights.

    Attributes:
      backbone: a key of `ssd_tf.models.BACKBONES`.
      image_size: side of the square input, in pixels.
      num_classes: object classes; background is implicit, index 0.
      class_names: names in index order (1..C), or empty.
      class_ids: category ids in index order, as COCO's; empty for 1..C.
      pixel_mean: R, G, B of 0..255 to take from the pixels; None for what the
        backbone was made for, as in the next two.
      pixel_scale: by which the pixels are multiplied then.
      channel_order: "rgb" or "bgr" for the backbone; images are always RGB.
      feature_sizes: cells per side of each level, fine to coarse.
      steps_px: distance between cell centres of each level, in pixels.
      min_sizes_px: side of each level's small square anchor, in pixels.
      max_sizes_px: the large square anchor has side sqrt(min * max).
      aspect_ratios: of each level; r stands for r and 1/r.
      head: a key of `ssd_tf.models.HEADS`.
      extras: a key of `ssd_tf.models.EXTRAS`, the levels behind the backbone.
      neck: a key of `ssd_tf.models.NECKS`, between the levels and the heads.
      clip_anchors: clip the anchors' corners to the image, as Caffe.
      clip_anchor_centers: move centres outside of the image to its edge.
      clip_anchor_sizes: cut widths and heights to those of the image, as
        torchvision; with the former too, as ssd.pytorch.
      truncate_sizes: truncate sizes to whole pixels, as Caffe's prior box
        layer does in training too. The published sizes at 300 are whole; those
        at 512 are not, and other ports leave them as they are.
      variances: of the box code's cx, cy, w, h.
      encode_variance_in_target: leave the variances out of the targets and
        let the loss divide by them, as Caffe's parameter of this name.
      matcher: a key of `ssd_tf.matchers.MATCHERS`.
      matcher_params: the matcher's parameters as (name, value) pairs.
      score_threshold: detections score above it.
      nms_iou_threshold: boxes of a class overlapping more are suppressed.
      pre_nms_top_k: boxes per class that enter NMS.
      max_detections: detections per image.
    """

    backbone: str
    image_size: int
    feature_sizes: tuple[int, ...]
    steps_px: tuple[float, ...]
    min_sizes_px: tuple[float, ...]
    max_sizes_px: tuple[float, ...]
    aspect_ratios: tuple[tuple[float, ...], ...]
    num_classes: int = 20
    class_names: tuple[str, ...] = ()
    class_ids: tuple[int, ...] = ()
    pixel_mean: tuple[float, float, float] | None = None
    pixel_scale: float | None = None
    channel_order: str = ""
    head: str = "conv"
    extras: str = "backbone"
    neck: str = "none"
    clip_anchors: bool = False
    clip_anchor_centers: bool = False
    clip_anchor_sizes: bool = False
    truncate_sizes: bool = False
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    encode_variance_in_target: bool = False
    matcher: str = "ssd"
    matcher_params: tuple[tuple[str, Any], ...] = ()
    score_threshold: float = 0.01
    nms_iou_threshold: float = 0.45
    pre_nms_top_k: int = 400
    max_detections: int = 200

    def __post_init__(self):
        if self.num_classes < 1:
            raise InputError(
                f"num_classes must be at least 1, got {self.num_classes}"
            )
        if self.class_names and len(self.class_names) != self.num_classes:
            raise InputError(
                f"num_classes is {self.num_classes}, but class_names has "
                f"{len(self.class_names)}: {', '.join(self.class_names)}"
            )
        self._check_class_ids()
        self._check_pixels()
        if self.image_size < 1:
            raise InputError(
                f"image_size must be above 0, got {self.image_size}"
            )
        if len(self.variances) != 4 or min(self.variances) <= 0.0:
            raise InputError(
                f"variances must be four numbers above 0, got {self.variances}"
            )
        for name in ("score_threshold", "nms_iou_threshold"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(
                    f"{name} must be in 0..1, got {getattr(self, name)}"
                )
        levels = len(self.feature_sizes)
        for name in _PER_LEVEL:
            if len(getattr(self, name)) != levels:
                raise InputError(
                    f"{name} must have one entry for each of the {levels} "
                    f"feature_sizes, got {getattr(self, name)}"
                )

    def _check_class_ids(self):
        ids = self.class_ids
        if ids and (len(ids), len(set(ids))) != (self.num_classes,) * 2:
            raise InputError(
                f"class_ids must be one for each of the {self.num_classes} "
                f"classes, and no two the same, got {ids}"
            )

    def _check_pixels(self):
        mean, scale = self.pixel_mean, self.pixel_scale
        if mean is not None and not (
            len(mean) == 3 and all(map(math.isfinite, mean))
        ):
            raise InputError(f"pixel_mean must be three numbers, got {mean}")
        if scale is not None and not 0.0 < scale < math.inf:
            raise InputError(f"pixel_scale must be above 0, got {scale}")
        if self.channel_order not in ("", "rgb", "bgr"):
            raise InputError(
                f"channel_order must be 'rgb' or 'bgr', got "
                f"{self.channel_order!r}"
            )

    @property
    def boxes_per_cell(self) -> tuple[int, ...]:
        """Anchors in one cell of each level: 2 + 2 per listed ratio."""
        return tuple(2 + 2 * len(ratios) for ratios in self.aspect_ratios)
