"""The MultiBox loss of SSD, as Caffe computes it.

Source: SSD paper, section 2.2; weiliu89/caffe, bbox_util.cpp
(MineHardExamples) and multibox_loss_layer.cpp. In `keras.ops`, so it runs on
every Keras backend.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from ssd_tf.box_losses import OVERLAP_LOSSES
from ssd_tf.errors import InputError

BOX_LOSSES = ("smooth_l1", *OVERLAP_LOSSES)


class Losses(NamedTuple):
    """Scalars, float32, already divided by the number of positives."""

    total: Any
    classification: Any
    localisation: Any


class MultiBoxLoss:
    """Softmax cross-entropy with hard negatives, and a loss of the boxes.

    (sum of cross-entropy over positives and mined negatives + alpha * sum over
    the positives of their box loss) / max(1, positives). That is by default
    smooth L1, summed over the four offsets. The
    negatives of an image are those of largest background loss, at most
    `negative_ratio` for each of its positives. Ignored anchors, of class 0
    with a `gscores` of -1, are in neither. There is no IoU threshold here.

    Args:
      alpha: weight of the localisation loss.
      negative_ratio: mined negatives per positive.
      divide_by: four variances that divide predicted and target offsets, for
        `encode_variance_in_target`; None where the targets hold them.
      box_loss: one of `BOX_LOSSES`; "giou" and "ciou" compare boxes instead
        of offsets.
      decode: offsets [B, A, 4] -> boxes [B, A, 4] yxyx, for these two.

    Raises:
      InputError: the box loss is unknown.
      ValueError: it needs `decode`.
    """

    def __init__(
        self,
        *,
        alpha=1.0,
        negative_ratio=3.0,
        divide_by=None,
        box_loss: str = "smooth_l1",
        decode: Callable | None = None,
    ):
        if box_loss not in BOX_LOSSES:
            raise InputError(
                f"unknown box_loss {box_loss!r}; known: {', '.join(BOX_LOSSES)}"
            )
        self._overlap_loss = OVERLAP_LOSSES.get(box_loss)
        if self._overlap_loss and decode is None:
            raise ValueError(f"box_loss {box_loss!r} needs decode, got None")
        self._decode = decode
        self.alpha = alpha
        self.negative_ratio = negative_ratio
        self.divide_by = divide_by

    def __call__(
        self, targets, outputs, *, num_positives=None, localisation_weights=None
    ) -> Losses:
        """Computes the loss of a batch.

        Args:
          targets: `EncodedTargets` of B images.
          outputs: "logits" [B, A, C + 1] and "localisations" [B, A, 4].
          num_positives: scalar, those of the global batch; None counts them.
          localisation_weights: [B, A] float32 of the positives; None is one.
        """
        positive = targets.gclasses > 0  # [B, A]
        positive_mask = ops.cast(positive, "float32")
        box_loss = self._box_loss(targets, outputs)  # [B, A]
        if localisation_weights is not None:
            box_loss = box_loss * localisation_weights
        if num_positives is None:
            num_positives = ops.sum(positive_mask)
        normalizer = ops.maximum(ops.cast(num_positives, "float32"), 1.0)
        cross_entropy = self._cross_entropy(targets, outputs, positive)
        classification = cross_entropy / normalizer
        localisation = ops.sum(box_loss * positive_mask) / normalizer
        total = classification + self.alpha * localisation
        return Losses(total, classification, localisation)

    def _cross_entropy(self, targets, outputs, positive):
        """Sum of cross-entropy over positives and mined negatives."""
        negative = ops.logical_and(
            targets.gclasses == 0, targets.gscores >= 0
        )  # [B, A]
        logits = ops.cast(outputs["logits"], "float32")
        log_sum = ops.logsumexp(logits, axis=-1)  # [B, A]
        background_loss = log_sum - logits[..., 0]  # [B, A]
        mined = hardest_negatives(
            background_loss,
            positive,
            negative,
            negative_ratio=self.negative_ratio,
        )
        target_logits = ops.squeeze(
            ops.take_along_axis(logits, targets.gclasses[..., None], axis=-1),
            axis=-1,
        )  # [B, A]
        in_loss = ops.cast(ops.logical_or(positive, mined), "float32")
        return ops.sum((log_sum - target_logits) * in_loss)

    def _box_loss(self, targets, outputs):
        """The loss of every anchor's box or of its four offsets: [B, A]."""
        offsets = ops.cast(outputs["localisations"], "float32")  # [B, A, 4]
        if self._overlap_loss and self._decode:
            return self._overlap_loss(
                self._decode(offsets), self._decode(targets.glocalisations)
            )
        difference = targets.glocalisations - offsets
        if self.divide_by is not None:
            difference = difference / ops.convert_to_tensor(
                self.divide_by, dtype="float32"
            )
        return ops.sum(smooth_l1(difference), axis=-1)


def smooth_l1(difference):
    """0.5 d^2 below 1, |d| - 0.5 above; keeps the shape."""
    magnitude = ops.abs(difference)
    return ops.where(
        magnitude < 1.0, 0.5 * ops.square(difference), magnitude - 0.5
    )


def hardest_negatives(background_loss, positive, negative, *, negative_ratio):
    """Chooses each image's negatives of largest background loss.

    A background loss above the k-th largest is taken; of those equal to it,
    which an untrained network has many of, the first until there are k.

    From -ln p(background), and bool masks of positives and of negatives that
    may be chosen, all [B, A] -> [B, A] bool with exactly
    min(floor(negative_ratio * positives), negatives) per image.
    """
    count = ops.floor(
        negative_ratio * ops.sum(ops.cast(positive, "float32"), axis=1)
    )
    count = ops.cast(count, "int32")[:, None]  # [B, 1]
    # A loss is never below zero; with -1 the other anchors are behind every
    # negative.
    score = ops.where(
        negative, ops.stop_gradient(background_loss), -1.0
    )  # [B, A]
    threshold = kth_largest(score, count)  # [B, 1]
    above = score > threshold
    equal = ops.logical_and(score == threshold, negative)
    room = count - ops.sum(ops.cast(above, "int32"), axis=1, keepdims=True)
    first_equal = ops.cumsum(ops.cast(equal, "int32"), axis=1) <= room
    return ops.logical_or(above, ops.logical_and(equal, first_equal))


def kth_largest(values, count):
    """The k-th largest of each row's values that are not below zero.

    k differs between the rows, which `top_k` cannot do, and is a small part
    of them, for which a sort is too much (3 times this on a CPU). Instead the
    largest number that k values reach is found bit by bit: the bits of
    floats above zero, read as integers, have the order of the floats.

    From [B, A] float32 and [B, 1] int32 -> [B, 1] float32; zero where fewer
    than k are not below zero, and NaN, below which nothing is, for k of 0.
    """
    bits = ops.view(values, "int32")  # below 0 as the values are
    found = ops.zeros_like(count)  # [B, 1]
    for place in range(30, -1, -1):
        higher = ops.bitwise_or(found, 1 << place)
        reached = ops.sum(
            ops.cast(bits >= higher, "int32"), axis=1, keepdims=True
        )
        found = ops.where(reached >= count, higher, found)
    return ops.view(found, "float32")
