"""Images of a data set that show a quantised network what it will see."""

import numpy as np

from ssd_tf.data import images, pipeline
from ssd_tf.data.sources.base import Source
from ssd_tf.errors import InputError


def representative_images(
    source: Source, split: str, *, image_size: int, count: int = 100
) -> list[np.ndarray]:
    """Images from the whole of a split, evenly.

    Args:
      source: data set.
      split: one of its splits, best the one that was trained on.
      image_size: side S of the network's input.
      count: number of images; all where the split has fewer.

    Returns:
      [S, S, 3] float32 RGB 0..255 each.

    Raises:
      InputError: the split is missing or has no images, or an image cannot be
        decoded.
    """
    number = source.num_examples(split)
    if number == 0:
        raise InputError(f"split {split!r} of {source.name} has no images")
    dataset = source.dataset(split).shard(max(1, number // count), 0)
    with pipeline.naming_undecodable(source, split):
        return [
            images.resize(images.decode(example["image"]), image_size).numpy()
            for example in dataset.take(count)
        ]
