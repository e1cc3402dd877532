"""Predictors: pictures -> detections in NumPy, whatever the format."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.class_names import is_used
from ssd_tf.config import DetectorConfig
from ssd_tf.data import images
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError
from ssd_tf.evaluation import ImageDetections, split_outputs
from ssd_tf.training import (
    RunDir,
    find_weights,
    load_run,
    make_detect_function,
)

DETECTION_OUTPUTS: tuple[str, ...] = (
    "detection_boxes",
    "detection_scores",
    "detection_classes",
    "num_detections",
)


class Predictor:
    """A detector of one of the formats, seen from outside.

    Attributes:
      detect: pixels -> outputs, tensors or arrays, named as in
        `ssd_tf.serving.saved_model`.
      class_names: of the classes 1..C.
      image_size: side S of what `detect` takes, [B, S, S, 3] float32 RGB
        0..255; None if it takes whole images, [B, H, W, 3] uint8.
      nms_iou_threshold: to merge what several looks at a picture have found.
    """

    def __init__(
        self,
        detect: Callable,
        class_names: Sequence[str],
        image_size: int | None = None,
        *,
        nms_iou_threshold: float = DetectorConfig.nms_iou_threshold,
    ):
        self.detect = detect
        self.class_names = tuple(class_names)
        self.image_size = image_size
        self.nms_iou_threshold = nms_iou_threshold

    def with_detect(self, detect: Callable, **changes) -> "Predictor":
        """The same with another `detect`, and other attributes by name."""
        values = {
            "class_names": self.class_names,
            "image_size": self.image_size,
            "nms_iou_threshold": self.nms_iou_threshold,
        }
        return Predictor(detect, **(values | changes))

    def __call__(self, encoded: bytes) -> ImageDetections:
        """Detects on one encoded image; raises as `detect_batch` does."""
        return self.detect_batch([encoded])[0]

    def detect_batch(self, encoded: Sequence[bytes]) -> list[ImageDetections]:
        """Detects on encoded images, which may differ in size and format.

        Raises:
          tf.errors.InvalidArgumentError: an image does not decode.
        """
        return self.detect_pixels([images.decode(one) for one in encoded])

    def detect_pixels(
        self, pixels: Sequence[np.ndarray]
    ) -> list[ImageDetections]:
        """Detects on [H, W, 3] uint8 RGB images, which may differ in size."""
        size = self.image_size
        batches = [one[None] for one in pixels]
        if size is not None and pixels:  # convolutions refuse a batch of none
            batches = [tf.stack([images.resize(one, size) for one in pixels])]
        return [
            found
            for batch in batches
            for found in split_outputs(self.detect(batch))
        ]

    def detect_frames(
        self, frames: Sequence[np.ndarray]
    ) -> list[ImageDetections]:
        """As `detect_pixels`, at once where all have one size."""
        if len({frame.shape for frame in frames}) != 1:
            return self.detect_pixels(frames)
        batch = np.stack(frames)
        if self.image_size is not None:
            batch = images.resize(batch, self.image_size)
        return split_outputs(self.detect(batch))

    def without_unused_classes(self) -> "Predictor":
        """The same detector without the numbers that COCO never used.

        torchvision's detectors have a class for each of the 90 ids; data sets
        have the 80 that are in use.
        """
        used = [
            k for k, name in enumerate(self.class_names, 1) if is_used(name)
        ]
        if len(used) == len(self.class_names):
            return self
        new_label = np.zeros(len(self.class_names) + 1, np.int32)
        new_label[used] = np.arange(1, len(used) + 1)

        def detect(pixels) -> dict[str, np.ndarray]:
            outputs = {k: np.asarray(v) for k, v in self.detect(pixels).items()}
            labels = new_label[outputs["detection_classes"].astype(np.int32)]
            # Padding has the label 0, and stays behind what is left.
            order = np.argsort(labels == 0, axis=1, kind="stable")  # [B, K]
            return {
                "detection_boxes": np.take_along_axis(
                    outputs["detection_boxes"], order[..., None], axis=1
                ),
                "detection_scores": np.take_along_axis(
                    outputs["detection_scores"], order, axis=1
                ),
                "detection_classes": np.take_along_axis(labels, order, axis=1),
                "num_detections": np.count_nonzero(labels, axis=1),
            }

        names = [self.class_names[k - 1] for k in used]
        return self.with_detect(detect, class_names=names)


def predictor_of_run(
    path, *, checkpoint: str = "best", agnostic_nms: bool = False
) -> Predictor:
    """The predictor of a run directory, as its training evaluates it.

    Args:
      path: the run directory.
      checkpoint: "best" or "last"; a line says if these are not the same.
      agnostic_nms: boxes of all classes suppress one another.

    Raises:
      InputError: it is no run directory, or has no checkpoint that fits.
    """
    run_dir = RunDir(path)
    run_dir.read_configs()  # first: without one it is no run directory
    found = find_weights(run_dir, checkpoint)
    if found.is_best and run_dir.last_step not in (None, found.step):
        logging.info(
            "%s: the weights of step %d, its best evaluation; "
            "--checkpoint=last takes those of step %d",
            *(path, found.step, run_dir.last_step),
        )
    detector_config, _, model = load_run(path, checkpoint=found)
    return Predictor(
        make_detect_function(
            model, Decoder(detector_config, agnostic_nms=agnostic_nms)
        ),
        detector_config.class_names,
        detector_config.image_size,
        nms_iou_threshold=detector_config.nms_iou_threshold,
    )


def check_export(
    path, outputs: Collection[str], class_names: Sequence[str], *, named_in: str
) -> None:
    """Checks what a model file gives and knows.

    Raises:
      InputError: its outputs are no detections, or it holds no names of
        classes, where `named_in` would have them.
    """
    if set(outputs) != set(DETECTION_OUTPUTS):
        raise InputError(
            f"{path} has no detections; expected an export of export.py"
        )
    if not class_names:
        raise InputError(
            f"{path} holds no {named_in}; expected an export of a detector "
            "whose classes have names"
        )
