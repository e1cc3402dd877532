"""Images for an export: those that warm a server up, those that calibrate."""

import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ssd_tf.data import images, pipeline
from ssd_tf.data.sources.base import Source
from ssd_tf.errors import InputError
from ssd_tf.serving.warmup import BATCH_SIZES

_MAX_BYTES_PER_IMAGE = 1 << 20
_EXAMPLES_LOOKED_AT = 64


def representative_images(
    source: Source, split: str, *, image_size: int, count: int = 100
) -> list[np.ndarray]:
    """Images from the whole of a split, evenly; all if there are fewer.

    Returns:
      [S, S, 3] float32 RGB 0..255 each, S being `image_size`.

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


def synthetic_images() -> list[bytes]:
    """Coloured blocks as JPEG, 375 x 500 pixels as most pictures of VOC."""
    rng = np.random.default_rng(0)
    return [
        tf.io.encode_jpeg(
            rng.integers(0, 256, (15, 20, 3), np.uint8)
            .repeat(25, axis=0)
            .repeat(25, axis=1)
        ).numpy()
        for _ in range(BATCH_SIZES[-1])
    ]


def real_images(source: Source, split: str) -> list[bytes]:
    """The first images of a split that decode and have at most 1 MiB, encoded.

    There are at most as many as in the largest request.

    Raises:
      InputError: there are none among the first 64 images.
    """
    found = list(
        itertools.islice(_usable_images(source, split), BATCH_SIZES[-1])
    )
    if not found:
        raise InputError(
            f"none of the first {_EXAMPLES_LOOKED_AT} images of split "
            f"{split!r} of {source.name} decodes and has at most 1 MiB"
        )
    return found


def _usable_images(source: Source, split: str) -> Iterator[bytes]:
    for example in source.dataset(split).take(_EXAMPLES_LOOKED_AT):
        encoded = example["image"].numpy()
        if len(encoded) > _MAX_BYTES_PER_IMAGE:
            continue
        try:
            images.decode(encoded)
        except tf.errors.InvalidArgumentError:
            continue
        yield encoded
