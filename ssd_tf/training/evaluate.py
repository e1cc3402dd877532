"""The evaluation: a detector over a split, of a training and of the command."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from ssd_tf import box_ops, console
from ssd_tf.data import pipeline
from ssd_tf.data.pictures import read_pictures
from ssd_tf.data.shuffling import Share
from ssd_tf.decoder import Decoder
from ssd_tf.evaluation import (
    EvaluatedImage,
    ImageDetections,
    Measurement,
    split_outputs,
)
from ssd_tf.training.workers import Workers

_BATCH_SIZE = 16


def make_detect_function(model, decoder: Decoder) -> Callable:
    """A graph function from images to outputs named as a SavedModel's.

    It takes [B, S, S, 3] float32 RGB 0..255 and gives "detection_boxes"
    [B, K, 4], clipped to the image, "detection_scores" [B, K],
    "detection_classes" [B, K] and "num_detections" [B].
    """

    # The last batch of a split is smaller: one trace serves all sizes.
    spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)

    @tf.function(input_signature=[spec])
    def detect(pixels) -> dict[str, tf.Tensor]:
        found = decoder(model(pixels, training=False))
        return {
            # Caffe clips when it writes results, not before NMS.
            "detection_boxes": box_ops.clip(found.boxes),
            "detection_scores": found.scores,
            "detection_classes": found.classes,
            "num_detections": found.num_detections,
        }

    return detect


def measure(
    detect: Callable,
    source,
    split: str,
    *,
    image_size: int | None,
    measurement: "Measurement | _Found",
    num_samples: int = 0,
    on_image: Callable[[EvaluatedImage], None] | None = None,
    share: Share = Share(),
) -> list[EvaluatedImage]:
    """Feeds a measurement with every image of a split, in order.

    Args:
      detect: from `make_detect_function`, or that of a `serving.Predictor`.
      source: `ssd_tf.data.sources.base.Source`.
      split: one of its splits.
      image_size: side of the network's input; None for a detector that takes
        whole images, [B, H, W, 3] uint8.
      measurement: gets the images.
      num_samples: images at the beginning to return, with their pixels as
        they are in the data; at most 16.
      on_image: gets the images, too.
      share: the part to detect in; see `pipeline.evaluation_batches`.

    Raises:
      InputError: an image does not decode.
    """
    batches = pipeline.evaluation_batches(
        source,
        split,
        image_size=image_size,
        # Whole images differ in size.
        batch_size=_BATCH_SIZE if image_size else 1,
        share=share,
    )
    progress = tqdm(
        desc=f"evaluate {split}",
        total=source.num_examples(split) // share.count,
        leave=False,
        mininterval=console.bar_interval(),
    )
    samples: list[EvaluatedImage] = []
    with progress, pipeline.naming_undecodable(source, split):
        for batch in batches:
            answers = split_outputs(detect(batch.images))
            facts = batch._replace(images=())  # pixels are not copied
            facts = facts._make(np.asarray(value) for value in facts)
            for i, found in enumerate(answers):
                image = _evaluated_image(facts, i, found)
                measurement.add(image)
                if on_image is not None:
                    on_image(image)
                if len(samples) < num_samples:
                    samples.append(image)
                progress.update()
    start = share.index * _BATCH_SIZE
    pixels = read_pictures(source, split, range(start, start + len(samples)))
    return [s._replace(pixels=pixels[s.image_id]) for s in samples]


def _evaluated_image(
    facts: pipeline.EvaluationBatch, i: int, found: ImageDetections
) -> EvaluatedImage:
    """Image i of a batch in NumPy, without the padding of its objects."""
    real = facts.gt_labels[i] > 0
    return EvaluatedImage(
        image_id=facts.image_ids[i].decode(),
        size=tuple(facts.image_sizes[i].tolist()),
        gt_boxes=facts.gt_boxes[i][real],
        gt_labels=facts.gt_labels[i][real],
        gt_is_difficult=facts.gt_is_difficult[i][real],
        gt_is_crowd=facts.gt_is_crowd[i][real],
        gt_areas=facts.gt_areas[i][real],
        **found._asdict(),
    )


def evaluate(
    detect: Callable,
    source,
    split: str,
    *,
    image_size: int | None,
    num_samples: int = 0,
    measurement: Measurement | None = None,
    on_image: Callable[[EvaluatedImage], None] | None = None,
    workers: Workers | None = None,
) -> tuple[dict[str, Any], list[EvaluatedImage]]:
    """Measures a detector as a training does: AP at IoU .5 is the area.

    Args as of `measure`; returns `Measurement.figures` and the samples. Where
    there are `workers`, they share out the images, and all get the figures;
    the samples are those of the first.
    """
    measurement = measurement or Measurement(source.class_names)
    if workers is not None and workers.are_many:
        found = _Found()
        samples = measure(
            detect,
            source,
            split,
            image_size=image_size,
            measurement=found,
            num_samples=num_samples,
            share=workers.share,
        )
        for image in found.of_all(workers):
            measurement.add(image)
            if on_image is not None:
                on_image(image)
        return measurement.figures(), samples
    samples = measure(
        detect,
        source,
        split,
        image_size=image_size,
        measurement=measurement,
        num_samples=num_samples,
        on_image=on_image,
    )
    return measurement.figures(), samples


class _Found(list[EvaluatedImage]):
    """Stands for a `Measurement` on a worker that has a share of the images."""

    add = list.append

    def of_all(self, workers: Workers) -> list[EvaluatedImage]:
        """The images of all workers, in the order of the split."""
        # Between workers of one training only; pixels stay where they are.
        mine = pickle.dumps([i._replace(pixels=None) for i in self])
        shares = [pickle.loads(share) for share in workers.gather(mine)]
        batches = range(-(-len(shares[0]) // _BATCH_SIZE))
        return [
            image
            for k in batches
            for share in shares
            for image in share[k * _BATCH_SIZE : (k + 1) * _BATCH_SIZE]
        ]
