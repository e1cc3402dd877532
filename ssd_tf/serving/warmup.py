"""Warm-up requests: TF Serving runs them while it loads a version.

The file is a TFRecord of `PredictionLog` messages
(tensorflow_serving/apis/prediction_log.proto and predict.proto). Their few
fields are written here, so that an export needs no tensorflow-serving-api.
"""

import itertools
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from ssd_tf.data import images
from ssd_tf.data.sources.base import Source
from ssd_tf.errors import InputError
from ssd_tf.serving.saved_model import BYTES_SIGNATURE

# Pictures of the requests, ascending.
BATCH_SIZES = (1, 2, 4, 8)
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"

_MAX_BYTES_PER_IMAGE = 1 << 20
_EXAMPLES_LOOKED_AT = 64


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
    usable = _usable_images(source, split)
    found = list(itertools.islice(usable, BATCH_SIZES[-1]))
    if not found:
        raise InputError(
            f"none of the first {_EXAMPLES_LOOKED_AT} images of split "
            f"{split!r} of {source.name} decodes and has at most 1 MiB"
        )
    return found


def _usable_images(source: Source, split: str) -> Iterator[bytes]:
    examples = source.dataset(split).take(_EXAMPLES_LOOKED_AT)
    for example in examples.ignore_errors():
        encoded = example["image"].numpy()
        if len(encoded) > _MAX_BYTES_PER_IMAGE:
            continue
        try:
            images.decode(encoded)
        except tf.errors.InvalidArgumentError:
            continue
        yield encoded


def write_warmup(
    version_dir: pathlib.Path, encoded: Sequence[bytes], *, model_name: str
) -> None:
    """Writes a request of each of `BATCH_SIZES` into a version's folder.

    Of the encoded images there must be at least one, and all must decode: TF
    Serving refuses a version whose requests fail.
    """
    path = version_dir / WARMUP_FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for batch_size in BATCH_SIZES:
            repeated = itertools.cycle(encoded)
            batch = list(itertools.islice(repeated, batch_size))
            writer.write(prediction_log(batch, model_name=model_name))


def prediction_log(encoded: Sequence[bytes], *, model_name: str) -> bytes:
    """A `PredictionLog` of a request for `serving_default`.

    Its bytes are those that tensorflow-serving-api makes.
    """
    tensor = tf.make_tensor_proto(encoded, tf.string, [len(encoded)])
    model_spec = _field(1, model_name.encode()) + _field(
        3, BYTES_SIGNATURE.encode()
    )
    inputs = _field(1, b"input_tensor") + _field(2, tensor.SerializeToString())
    predict_request = _field(1, model_spec) + _field(2, inputs)
    predict_log = _field(1, predict_request)
    return _field(6, predict_log)


def _field(number: int, content: bytes) -> bytes:
    """A string or a message as a field of a protocol buffer message."""
    length_delimited = 2
    return (
        _varint(number << 3 | length_delimited)
        + _varint(len(content))
        + content
    )


def _varint(value: int) -> bytes:
    """Seven bits to a byte, the lowest first; all but the last have bit 8."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
