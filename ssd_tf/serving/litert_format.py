"""The export format of LiteRT: <export_dir>/<detector>.tflite."""

import contextlib

import numpy as np
import tensorflow as tf

from ssd_tf.data import images
from ssd_tf.data.sources.base import Source
from ssd_tf.errors import InputError
from ssd_tf.serving.export_format import (
    DECODER_OPTIONS,
    NMS,
    PICTURE_OPTIONS,
    Exported,
    ExportFormat,
    ExportOption,
    ExportRequest,
)
from ssd_tf.serving.litert import (
    QUANTIZATIONS,
    export_litert,
    predictor_of_litert,
)


def representative_images(
    source: Source, split: str, *, image_size: int, count: int = 100
) -> list[np.ndarray]:
    """Images from the whole of a split, evenly; all if there are fewer.

    Returns:
      [S, S, 3] float32 RGB 0..255 each, S being `image_size`.

    Raises:
      InputError: the split is missing or has no images that can be decoded.
    """
    number = source.num_examples(split)
    if number == 0:
        raise InputError(f"split {split!r} of {source.name} has no images")
    dataset = source.dataset(split).shard(max(1, number // count), 0)
    pictures = []
    for example in dataset.ignore_errors().take(count):
        with contextlib.suppress(tf.errors.InvalidArgumentError):
            pixels = images.decode(example["image"])
            pictures.append(images.resize(pixels, image_size).numpy())
    if not pictures:
        raise InputError(
            f"no image of split {split!r} of {source.name} can be decoded"
        )
    return pictures


def _export(request: ExportRequest) -> Exported:
    options = request.options
    quantization, with_nms = options["quantization"], options["nms"]
    pictures = None
    if quantization == "int8":
        source, (train_split, _) = request.open_pictures()
        pictures = representative_images(
            source,
            options["representative_split"] or train_split,
            image_size=request.detector_config.image_size,
            count=options["representative_images"],
        )
    kind = "" if quantization == "none" else f"_{quantization}"
    path = export_litert(
        request.detector_config,
        request.model,
        request.file(f"{kind}.tflite"),
        decoder=request.decoder,
        quantization=quantization,
        representative_images=pictures,
        with_nms=with_nms,
    )
    return Exported(path, path if with_nms else None)


_OF_INT8 = (("quantization", "int8"),)
_OPTIONS = (
    ExportOption(
        *("quantization", str, "none"),
        "float16 halves the file; int8 also calculates in 8 bits, with ranges "
        "from images of the data set.",
        group="litert",
        choices=tuple(QUANTIZATIONS),
    ),
    ExportOption(
        *("representative_split", str, None),
        "Split of those images (default: the one trained on).",
        group="litert",
        needs=_OF_INT8,
    ),
    ExportOption(
        *("representative_images", int, 100),
        "Number of those images.",
        group="litert",
        bounds=(1, None),
        needs=_OF_INT8,
    ),
)
LITERT = ExportFormat(
    name="litert",
    suffix=".tflite",
    options=(NMS, *DECODER_OPTIONS, *PICTURE_OPTIONS, *_OPTIONS),
    export=_export,
    load=predictor_of_litert,
)
