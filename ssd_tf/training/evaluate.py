"""Runs a detector over a split and measures it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from ssd_tf import console
from ssd_tf.data import pipeline
from ssd_tf.decoder import Decoder, Detections
from ssd_tf.evaluation import EvaluatedImage, Measurement

_BATCH_SIZE = 16

# Boxes [N, 4] yxyx in 0..1, scores [N] and classes [N] of one image.
ImageAnswer = tuple[np.ndarray, np.ndarray, np.ndarray]


def make_detect_function(model, decoder: Decoder) -> Callable:
    """A graph function from images [B, S, S, 3] to `Detections`."""

    # The last batch of a split is smaller: one trace serves all sizes.
    spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)

    @tf.function(input_signature=[spec])
    def detect(images) -> Detections:
        return decoder(model(images, training=False))

    return detect


def detect_split(
    detect: Callable, source, split: str, *, image_size: int
) -> Iterator[EvaluatedImage]:
    """Detects on every image of a split, in order, with a progress bar.

    Args:
      detect: from `make_detect_function`.
      source: `ssd_tf.data.sources.base.Source`.
      split: one of its splits.
      image_size: side of the network's input.

    Raises:
      InputError: an image does not decode.
    """

    def answer(batch: pipeline.EvaluationBatch) -> Iterator[ImageAnswer]:
        found = Detections(*(v.numpy() for v in detect(batch.images)))
        for i, count in enumerate(found.num_detections):
            # Caffe clips when it writes results, not before NMS.
            boxes = np.clip(found.boxes[i, :count], 0.0, 1.0)
            yield boxes, found.scores[i, :count], found.classes[i, :count]

    return _evaluated_images(answer, source, split, image_size=image_size)


def predict_split(
    predict: Callable[[list[bytes]], Sequence[ImageAnswer]],
    source,
    split: str,
    *,
    image_size: int,
) -> Iterator[EvaluatedImage]:
    """As `detect_split`, with a model that takes images as they are stored.

    Args:
      predict: encoded images -> what it finds in each of them;
        `ssd_tf.serving.Predictor.detect_batch`.
      source: `ssd_tf.data.sources.base.Source`.
      split: one of its splits.
      image_size: side of `EvaluatedImage.pixels`.

    Raises:
      InputError: an image does not decode.
    """

    def answer(batch: pipeline.EvaluationBatch) -> Sequence[ImageAnswer]:
        return predict(batch.encoded_images.numpy().tolist())

    return _evaluated_images(answer, source, split, image_size=image_size)


def _evaluated_images(
    answer: Callable[[pipeline.EvaluationBatch], Iterable[ImageAnswer]],
    source,
    split: str,
    *,
    image_size: int,
) -> Iterator[EvaluatedImage]:
    """The images of a split beside the answers to them."""
    batches = pipeline.evaluation_batches(
        source, split, image_size=image_size, batch_size=_BATCH_SIZE
    )
    progress = tqdm(
        desc=f"evaluate {split}",
        total=source.num_examples(split),
        leave=False,
        mininterval=console.bar_interval(),
    )
    with progress, pipeline.naming_undecodable(source, split):
        for batch in batches:
            arrays = pipeline.EvaluationBatch(*(v.numpy() for v in batch))
            for i, (boxes, scores, classes) in enumerate(answer(batch)):
                real = arrays.gt_labels[i] > 0
                yield EvaluatedImage(
                    image_id=arrays.image_ids[i].decode(),
                    pixels=arrays.images[i],
                    size=tuple(arrays.image_sizes[i].tolist()),
                    gt_boxes=arrays.gt_boxes[i][real],
                    gt_labels=arrays.gt_labels[i][real],
                    gt_is_difficult=arrays.gt_is_difficult[i][real],
                    gt_is_crowd=arrays.gt_is_crowd[i][real],
                    gt_areas=arrays.gt_areas[i][real],
                    boxes=boxes,
                    scores=scores,
                    classes=classes,
                )
                progress.update()


def evaluate(
    detect: Callable,
    source,
    split: str,
    *,
    image_size: int,
    num_samples: int = 0,
) -> tuple[dict[str, Any], list[EvaluatedImage]]:
    """Measures a detector on a split.

    Args:
      detect: from `make_detect_function`.
      source: `ssd_tf.data.sources.base.Source`.
      split: one of its splits.
      image_size: side of the network's input.
      num_samples: images to hand back for a picture.

    Returns:
      `(metrics, samples)`: {"mAP": at IoU .5, area under the curve, "AP": the
      same per class, "coco": the result of `CocoEvaluator`, "num_images"},
      and the first images.
    """
    measurement = Measurement(source.class_names)
    samples: list[EvaluatedImage] = []
    for image in detect_split(detect, source, split, image_size=image_size):
        measurement.add(image)
        if len(samples) < num_samples:
            samples.append(image)
    voc = measurement.voc.result()
    metrics = {
        **{key: voc[key] for key in ("mAP", "AP", "absent_classes")},
        "coco": measurement.coco.result(),
        "num_images": voc["num_images"],
    }
    return metrics, samples
