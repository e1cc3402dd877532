"""Runs a detector over a split and measures it."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from ssd_tf import console
from ssd_tf.data import pipeline
from ssd_tf.data.images import naming_undecodable
from ssd_tf.decoder import Decoder, Detections
from ssd_tf.evaluation import CocoEvaluator, VocEvaluator

_BATCH_SIZE = 16


class EvaluatedImage(NamedTuple):
    """One image of the split with its objects and detections, in NumPy.

    Attributes:
      image_id: name.
      pixels: [S, S, 3] float32, as the network sees it.
      size: (height, width) of the original in pixels.
      gt_boxes: [M, 4] float32 yxyx, normalised.
      gt_labels: [M] int32.
      gt_is_difficult: [M] bool.
      boxes: [N, 4] float32 yxyx, normalised and clipped to the image.
      scores: [N] float32.
      classes: [N] int32.
    """

    image_id: str
    pixels: np.ndarray
    size: tuple[int, int]
    gt_boxes: np.ndarray
    gt_labels: np.ndarray
    gt_is_difficult: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


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
    """Detects on every image of a split, in order.

    Raises:
      InputError: an image does not decode.
    """
    batches = pipeline.evaluation_batches(
        source, split, image_size=image_size, batch_size=_BATCH_SIZE
    )
    with naming_undecodable(source, split):
        for batch in batches:
            yield from _detect_batch(detect, batch)


def _detect_batch(detect: Callable, batch) -> Iterator[EvaluatedImage]:
    found = Detections(*(v.numpy() for v in detect(batch.images)))
    arrays = pipeline.EvaluationBatch(*(v.numpy() for v in batch))
    for i, image_id in enumerate(arrays.image_ids):
        real = arrays.gt_labels[i] > 0
        count = found.num_detections[i]
        yield EvaluatedImage(
            image_id=image_id.decode(),
            pixels=arrays.images[i],
            size=tuple(arrays.image_sizes[i].tolist()),
            gt_boxes=arrays.gt_boxes[i][real],
            gt_labels=arrays.gt_labels[i][real],
            gt_is_difficult=arrays.gt_is_difficult[i][real],
            # Caffe clips when it writes results, not before NMS.
            boxes=np.clip(found.boxes[i, :count], 0.0, 1.0),
            scores=found.scores[i, :count],
            classes=found.classes[i, :count],
        )


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
      source: `ssd_tf.data.source.Source`.
      split: one of its splits.
      image_size: side of the network's input.
      num_samples: images to hand back for a picture.

    Returns:
      `(metrics, samples)`: {"mAP": at IoU .5, area under the curve, "AP": the
      same per class, "coco": the result of `CocoEvaluator`, "num_images"},
      and the first images.
    """
    voc = VocEvaluator(source.class_names)
    coco = CocoEvaluator(source.class_names)
    samples: list[EvaluatedImage] = []
    images = detect_split(detect, source, split, image_size=image_size)
    total = source.num_examples(split)
    for image in tqdm(
        images,
        f"evaluate {split}",
        total,
        leave=False,
        mininterval=console.bar_interval(),
    ):
        scale = np.array(image.size * 2, np.float32)
        for evaluator in (voc, coco):
            evaluator.update(
                image.gt_boxes * scale,
                image.gt_labels,
                image.gt_is_difficult,
                image.boxes * scale,
                image.scores,
                image.classes,
            )
        if len(samples) < num_samples:
            samples.append(image)
    result = voc.result()
    metrics = {
        "mAP": result["mAP"],
        "AP": result["AP"],
        "absent_classes": result["absent_classes"],
        "coco": coco.result(),
        "num_images": total,
    }
    return metrics, samples
