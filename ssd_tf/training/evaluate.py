"""The evaluation: a detector over a split, of a training and of the command."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from ssd_tf import box_ops, console
from ssd_tf.data import images, pipeline
from ssd_tf.data.pictures import read_pictures
from ssd_tf.data.shuffling import Share
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError
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
    usable: UsableImages | None = None,
) -> list[EvaluatedImage]:
    """Feeds a measurement with every image of a split, in order.

    An image that cannot be read or decoded is left out with a line.

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
      share: the part to detect in; see `pipeline.shared_positions`.
      usable: knows what to leave out, and learns of more.

    Raises:
      InputError: too many images cannot be used.
    """
    # Whole images differ in size.
    batch_size = _BATCH_SIZE if image_size else 1
    usable = usable or UsableImages(source)
    positions = pipeline.shared_positions(
        source.num_examples(split),
        batch_size=batch_size,
        share=share,
        left_out=usable.left_out(split),
    )
    progress = tqdm(
        desc=f"evaluate {split}",
        total=len(positions),
        leave=False,
        disable=None,  # where nobody looks at a terminal
        mininterval=console.bar_interval(),
    )
    samples: list[EvaluatedImage] = []
    with progress:
        for places, batch in _sound_batches(
            source,
            split,
            positions,
            usable=usable,
            image_size=image_size,
            batch_size=batch_size,
        ):
            answers = split_outputs(detect(batch.images))
            facts = batch._replace(images=())  # pixels are not copied
            facts = pipeline.EvaluationBatch(*map(np.asarray, facts))
            for i, found in enumerate(answers):
                image = _evaluated_image(facts, i, found, int(places[i]))
                measurement.add(image)
                if on_image is not None:
                    on_image(image)
                if len(samples) < num_samples:
                    samples.append(image)
                progress.update()
    pixels = read_pictures(source, split, [s.position for s in samples])
    return [
        s._replace(pixels=pixels[s.image_id])
        for s in samples
        if s.image_id in pixels
    ]


def _sound_batches(
    source,
    split: str,
    positions: np.ndarray,
    *,
    usable: UsableImages,
    image_size: int | None,
    batch_size: int,
) -> Iterator[tuple[np.ndarray, pipeline.EvaluationBatch]]:
    """Batches of the images at positions that can be used, with their places.

    Raises:
      InputError: too many cannot be used.
    """
    while len(positions):
        batches = pipeline.evaluation_batches(
            source,
            split,
            image_size=image_size,
            batch_size=batch_size,
            positions=positions,
        )
        try:
            for batch in batches:
                size = len(batch.image_ids)
                yield positions[:size], batch
                positions = positions[size:]
        except tf.errors.OpError as error:
            # A graph knows no file names.
            if not usable.find_more(split, positions[:batch_size].tolist()):
                raise InputError(
                    f"an image of split {split!r} cannot be read: "
                    f"{images.reason(error)}"
                ) from error
            is_lost = np.isin(positions, list(usable.left_out(split)))
            positions = positions[~is_lost]


def _evaluated_image(
    facts: pipeline.EvaluationBatch,
    i: int,
    found: ImageDetections,
    position: int,
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
        position=position,
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
    usable: UsableImages | None = None,
) -> tuple[dict[str, Any], list[EvaluatedImage]]:
    """Measures a detector as a training does: AP at IoU .5 is the area.

    Args as of `measure`; returns `Measurement.figures` and the samples. Where
    there are `workers`, they share out the images, and all get the figures;
    the samples are those of the first. The figures have "images_left_out" if
    some cannot be used.
    """
    measurement = measurement or Measurement(source.class_names)
    usable = usable or UsableImages(source)
    share = Share() if workers is None else workers.share
    found = _Found()
    samples = measure(
        detect,
        source,
        split,
        image_size=image_size,
        measurement=measurement if share.count == 1 else found,
        num_samples=num_samples,
        on_image=on_image if share.count == 1 else None,
        share=share,
        usable=usable,
    )
    left_out = len(usable.left_out(split))
    if workers is not None and share.count > 1:
        of_all = found.of_all(workers)
        for image in of_all:
            measurement.add(image)
            if on_image is not None:
                on_image(image)
        left_out = source.num_examples(split) - len(of_all)
    figures = measurement.figures()
    if left_out:
        figures["images_left_out"] = left_out
    return figures, samples


class _Found(list[EvaluatedImage]):
    """Stands for a `Measurement` on a worker that has a share of the images."""

    add = list.append

    def of_all(self, workers: Workers) -> list[EvaluatedImage]:
        """The images of all workers, in the order of the split."""
        # Between workers of one training only; pixels stay where they are.
        mine = pickle.dumps([i._replace(pixels=None) for i in self])
        shares = [pickle.loads(share) for share in workers.gather(mine)]
        return sorted(
            (image for share in shares for image in share),
            key=lambda image: image.position,
        )
