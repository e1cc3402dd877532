"""Decoding and resizing, the same in training, evaluation and serving."""

import tensorflow as tf

from ssd_tf.errors import InputError


def decode(image_bytes):
    """Decodes JPEG, PNG, GIF or BMP.

    Args:
      image_bytes: scalar string.

    Returns:
      [H, W, 3] uint8 RGB; of an animation the first frame.
    """
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def resize(image, size: int):
    """Warps [.., H, W, 3] to [.., size, size, 3] float32, bilinearly.

    The aspect ratio is not kept, as in the paper.
    """
    return tf.image.resize(image, [size, size])


def check_decodable(source, split: str) -> None:
    """Decodes every image of a split.

    Raises:
      InputError: naming the first image that cannot be read or decoded.
    """
    for example in source.dataset(split):
        try:
            decode(example["image"])
        except tf.errors.InvalidArgumentError as error:
            name = example["image_id"].numpy().decode()
            reason = error.message.split("[Op:")[0].strip().rstrip(".")
            raise InputError(
                f"image {name} of split {split!r} cannot be decoded: {reason}"
            ) from error
