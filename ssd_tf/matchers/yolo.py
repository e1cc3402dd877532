"""The assignments of YOLOv2 and YOLOv3, by an object's cell and shape."""

import dataclasses

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.errors import InputError
from ssd_tf.matchers import base, overlaps


class _YoloMatcher(base.Matcher):
    """Ignores what overlaps an object much; the claims are the subclass'."""

    ignore_iou: float | None
    static_ignore: bool

    def __post_init__(self):
        base.check_range("ignore_iou", self.ignore_iou, 0, 1)

    @property
    def prediction_ignore_iou(self) -> float | None:  # type: ignore[override]
        return self.ignore_iou

    def in_training(self) -> "_YoloMatcher":
        return dataclasses.replace(self, static_ignore=False)  # type: ignore

    def _match_claims(
        self, gt_boxes, claimed, score, anchors
    ) -> base.MatchResult:
        """Resolves claims on anchors [M, N] by shape IoUs [M, N]."""
        iou = overlaps.anchor_iou(gt_boxes, anchors)  # [A, M]
        match = base.with_quality(
            iou,
            tf.reduce_max(iou, axis=1),
            base.match_best_claim(claimed, score, len(anchors)),
        )
        if self.ignore_iou is None or not self.static_ignore:
            return match
        ignored = (match.gt_index == base.UNMATCHED) & (
            match.quality > self.ignore_iou
        )
        return match._replace(
            gt_index=tf.where(ignored, base.IGNORED, match.gt_index)
        )


@dataclasses.dataclass(frozen=True)
class Yolov2Matcher(_YoloMatcher):
    """YOLOv2 (pjreddie/darknet, region_layer.c, yolov2.cfg).

    An object goes to the cell that holds its centre, there to the anchor
    whose shape is most like its own. YOLOv2 has one grid; so one level is
    used, or each as if it were the only one. An anchor that several objects
    claim goes to the one most like it in shape (darknet: the last).

    Attributes:
      level: the level to use, 0 the finest; None uses each. Level 2 has
        10x10 cells at 300 pixels, the nearest to YOLOv2's 13x13.
      ignore_iou, static_ignore: as in `Yolov3Matcher`.
    """

    level: int | None = 2
    ignore_iou: float | None = 0.6
    static_ignore: bool = True

    def __post_init__(self):
        super().__post_init__()
        base.check_range("level", self.level, 0, tf.int32.max)

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        levels = base.grids(anchors, "yolov2")
        if self.level is not None:
            if self.level >= len(levels):
                raise InputError(
                    f"level must be below {len(levels)}, the number of "
                    f"levels, got {self.level}"
                )
            levels = levels[self.level : self.level + 1]
        claims = [_claim(boxes, (level,)) for level in levels]
        claimed, scores = (tf.stack(v, axis=1) for v in zip(*claims))
        return self._match_claims(boxes, claimed, scores, anchors)


@dataclasses.dataclass(frozen=True)
class Yolov3Matcher(_YoloMatcher):
    """YOLOv3 (arXiv:1804.02767; pjreddie/darknet, yolo_layer.c).

    Of the shapes of all levels an object takes the one most like its own, in
    the cell of that level that holds its centre: one anchor per object. One
    that several objects claim goes to the one most like it in shape.

    Attributes:
      ignore_iou: other anchors are ignored if their box overlaps an object
        more; None ignores none. In training the box is the predicted one.
        0.5 as in the paper; yolov3.cfg has 0.7.
      static_ignore: ignore by the anchors' own boxes, where no predictions
        are known; training turns it off.
    """

    ignore_iou: float | None = 0.5
    static_ignore: bool = True

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        claimed, score = _claim(boxes, base.grids(anchors, "yolov3"))
        return self._match_claims(
            boxes, claimed[:, None], score[:, None], anchors
        )


def _claim(boxes, levels):
    """The anchor most like each box in shape, and its shape IoU: [M], [M]."""
    shapes = np.concatenate([level.shapes for level in levels])  # [S, 2]
    score = _shape_iou(boxes, shapes)  # [M, S]
    best = tf.argmax(score, axis=1, output_type=tf.int32)  # [M]
    return _anchor_of_shape(boxes, best, levels), tf.reduce_max(score, axis=1)


def _shape_iou(boxes, shapes):
    """IoU [M, S] of boxes with shapes [S, 2] of w, h at equal corners."""
    shapes = shapes.astype(np.float32)
    height, width = tf.split(boxes[:, 2:] - boxes[:, :2], 2, axis=1)  # [M, 1]
    intersection = tf.minimum(width, shapes[:, 0]) * tf.minimum(
        height, shapes[:, 1]
    )  # [M, S]
    union = width * height + shapes[:, 0] * shapes[:, 1] - intersection
    return tf.math.divide_no_nan(intersection, union)


def _anchor_of_shape(boxes, shape, levels):
    """The anchor [M] of a shape in the cell that holds each box's centre.

    `shape` [M] int32 counts through the shapes of all `levels`.
    """
    count = [level.boxes_per_cell for level in levels]
    step = np.repeat([level.step for level in levels], count)
    size = np.repeat([level.feature_size for level in levels], count)
    first = np.concatenate(
        [level.start + np.arange(level.boxes_per_cell) for level in levels]
    ).astype(np.int32)
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    cells = tf.gather(size.astype(np.int32), shape)  # [M]
    # 3 steps of 100 pixels end at 300, but a centre may lie there.
    last = tf.cast(cells - 1, tf.float32)
    column, row = (
        tf.cast(
            tf.clip_by_value(
                tf.floor(center / tf.gather(step.astype(np.float32), shape)),
                0.0,
                last,
            ),
            tf.int32,
        )
        for center in ((xmin + xmax) / 2, (ymin + ymax) / 2)
    )  # [M], [M]
    boxes_per_cell = tf.gather(np.repeat(count, count).astype(np.int32), shape)
    return tf.gather(first, shape) + (row * cells + column) * boxes_per_cell


def ignore_by_prediction(
    decoded_boxes, gt_boxes, gt_labels, gclasses, threshold: float
):
    """Finds anchors to ignore because their prediction overlaps an object.

    The rule of YOLOv2 and YOLOv3 in training (pjreddie/darknet,
    region_layer.c and yolo_layer.c): a prediction that overlaps any object
    more than the threshold is no background. No gradient passes.

    From predicted boxes [B, A, 4] yxyx, objects [B, M, 4] and [B, M], and
    gclasses [B, A], of which positives are never ignored -> [B, A] bool.
    """
    valid = base.valid_objects(gt_boxes, gt_labels)  # [B, M]
    boxes = tf.where(valid[..., None], gt_boxes, 0.0)
    predicted = tf.stop_gradient(decoded_boxes)
    iou = box_ops.pairwise_iou(boxes, predicted)  # [B, M, A]
    return tf.reduce_any(iou > threshold, axis=1) & (gclasses <= 0)
