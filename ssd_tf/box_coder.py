"""Box coder: boxes <-> offsets relative to anchors, with variances.

The CENTER_SIZE code of Caffe (bbox_util.cpp, EncodeBBox and DecodeBBox), with
channels cx, cy, w, h:

    t = [(g_cx - d_cx) / (d_w v0), (g_cy - d_cy) / (d_h v1),
         ln(g_w / d_w) / v2, ln(g_h / d_h) / v3]
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops

# exp() of a larger log size overflows long before the image does: the limit
# of torchvision and Detectron, a factor of 62.5.
_MAX_LOG_SIZE = math.log(1000 / 16)


@dataclasses.dataclass(frozen=True)
class BoxCoder:
    """Encodes boxes relative to anchors and decodes them.

    Attributes:
      variances: of cx, cy, w and h; the targets are divided by them.
      encode_variance_in_target: leave the variances out of both directions
        (the loss then divides by them).
    """

    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    encode_variance_in_target: bool = False

    def encode(self, gt_boxes, anchor_boxes, *, pairs=None):
        """Encodes boxes as offsets cx, cy, w, h from anchors -> [P, 4] float32.

        Args:
          gt_boxes: [M, 4] float32 yxyx; those encoded have sides above zero.
          anchor_boxes: [A, 4] array yxyx, a constant.
          pairs: indices `(objects [P], anchors [P])` of what to encode; None
            takes one box per anchor, in order.
        """
        # The logarithms are taken once per box and once per anchor, whatever
        # the number of pairs.
        cx, cy, w, h = tf.unstack(box_ops.yxyx_to_cxcywh(gt_boxes), axis=-1)
        codes = tf.stack([cx, cy, tf.math.log(w), tf.math.log(h)], axis=-1)
        anchor_codes, scales = self._constants(anchor_boxes)
        if pairs is not None:
            objects, anchors = pairs
            codes = tf.gather(codes, objects)
            anchor_codes = tf.gather(anchor_codes, anchors)
            scales = tf.gather(scales, anchors)
        return (codes - anchor_codes) * scales

    def decode(self, localisations, anchor_boxes):
        """Decodes offsets [.., 4] from anchors [.., 4] into boxes [.., 4] yxyx.

        Not clipped; finite for finite offsets.
        """
        v_cx, v_cy, v_w, v_h = self.applied_variances()
        t_cx, t_cy, t_w, t_h = tf.unstack(localisations, axis=-1)
        d_cx, d_cy, d_w, d_h = tf.unstack(
            box_ops.yxyx_to_cxcywh(tf.convert_to_tensor(anchor_boxes)), axis=-1
        )
        cx = d_cx + v_cx * t_cx * d_w
        cy = d_cy + v_cy * t_cy * d_h
        w = d_w * tf.exp(tf.minimum(v_w * t_w, _MAX_LOG_SIZE))
        h = d_h * tf.exp(tf.minimum(v_h * t_h, _MAX_LOG_SIZE))
        return box_ops.cxcywh_to_yxyx(tf.stack([cx, cy, w, h], axis=-1))

    def applied_variances(self) -> tuple[float, ...]:
        """The divisors of the offsets of cx, cy, w and h."""
        if self.encode_variance_in_target:
            return (1.0, 1.0, 1.0, 1.0)
        return self.variances

    def _constants(self, anchor_boxes):
        """Codes and scales of anchors [A, 4]: t = (code - codes) * scales."""
        ymin, xmin, ymax, xmax = np.asarray(anchor_boxes, np.float64).T
        size = np.stack([xmax - xmin, ymax - ymin], axis=-1)  # [A, 2]
        centre = np.stack([xmin + xmax, ymin + ymax], axis=-1) / 2
        codes = np.concatenate([centre, np.log(size)], axis=-1)
        scales = np.concatenate([1 / size, np.ones_like(size)], axis=-1)
        scales /= np.array(self.applied_variances())
        return codes.astype(np.float32), scales.astype(np.float32)
