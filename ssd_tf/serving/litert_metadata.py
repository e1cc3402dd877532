"""LiteRT metadata: descriptions of the tensors, and the file of labels.

The tables are those of metadata_schema.fbs (tensorflow/tflite-support, schema
1.1.0), which no package that installs beside TensorFlow 2.21 can write. The
labels are the file `labels.txt` of a ZIP archive behind the flatbuffer, where
MediaPipe and the TFLite Task Library look for them.
"""

import io
import zipfile
from collections.abc import Sequence

import flatbuffers
import numpy as np

from ssd_tf.serving import litert_graph
from ssd_tf.serving.files import (
    LABELS_FILE,
    labels_from_text,
    labels_to_text,
)

# Numbers of enumerations and of the members of unions in the schema.
_RGB = np.uint8(1)
_FEATURE, _IMAGE, _BOUNDING_BOX = np.uint8(1), np.uint8(2), np.uint8(3)
_NORMALIZATION = np.uint8(1)
_BOUNDARIES = np.uint8(1)
_VALUE_LABELS = np.uint8(3)
_PREPEND_SCALAR = {
    np.int32: flatbuffers.Builder.PrependInt32Slot,
    np.uint8: flatbuffers.Builder.PrependUint8Slot,
    np.uint32: flatbuffers.Builder.PrependUint32Slot,
}


def write_described(
    model, name: str, *, image_size: int, class_names: Sequence[str]
) -> bytes:
    """The flatbuffer of a detection model with its metadata and its labels.

    The model, as `litert_graph.read` gives it, gets the metadata in place.
    """
    has_labels = bool(class_names)
    metadata = _detection_metadata(name, image_size, has_labels=has_labels)
    litert_graph.add_metadata(model, "TFLITE_METADATA", metadata)
    file = io.BytesIO(litert_graph.write(model))
    if has_labels:
        # Readers map the labels into memory: stored, not compressed.
        with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
            lines = labels_to_text(class_names)
            archive.writestr(zipfile.ZipInfo(LABELS_FILE), lines)
    return file.getvalue()


def read_labels(content: bytes) -> tuple[str, ...]:
    """Names of the classes in a model; () where it has none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return labels_from_text(archive.read(LABELS_FILE).decode())
    except (KeyError, zipfile.BadZipFile):
        return ()


def _detection_metadata(
    name: str, image_size: int, *, has_labels: bool
) -> bytes:
    """A flatbuffer with the identifier M001.

    A table is a tuple of its fields in the order of the schema, where None is
    left out; a vector is a list or an array.
    """
    size = (np.uint32(image_size), np.uint32(image_size))
    # The network normalises the pixels; nothing is left to do outside.
    identity = (np.array([0], np.float32), np.array([1], np.float32))
    image = (
        "image",
        "RGB image, values 0..255.",
        None,
        (_IMAGE, (_RGB, size)),
        [(_NORMALIZATION, identity)],
        (np.array([255], np.float32), np.array([0], np.float32)),
    )
    # Places of left, top, right and bottom.
    box = (np.array([1, 0, 3, 2], np.uint32), _BOUNDARIES)
    last_axis = (np.int32(2), np.int32(2))
    feature = (_FEATURE, ())
    label_file = (LABELS_FILE, "Names of the classes.", _VALUE_LABELS)
    outputs = [
        (
            "location",
            "Boxes: ymin, xmin, ymax, xmax in 0..1.",
            None,
            (_BOUNDING_BOX, box, last_axis),
        ),
        (
            *("category", "Classes, 0 for the first line of the labels."),
            *(None, feature, None, None, [label_file] if has_labels else None),
        ),
        ("score", "Scores in 0..1, highest first.", None, feature),
        ("number of detections", "The rest is padding.", None, feature),
    ]
    subgraph = (None, None, [image], outputs)
    model = (
        *(name, "SSD object detector.", None, [subgraph]),
        *(None, None, None, "1.0.0"),  # the oldest parser that will do
    )
    builder = flatbuffers.Builder()
    builder.Finish(_write(builder, model), file_identifier=b"M001")
    return bytes(builder.Output())


def _write(builder: flatbuffers.Builder, value) -> int:
    """Writes a string, a vector or a table; returns its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, list):
        offsets = [_write(builder, item) for item in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    # What a table refers to has to be written before it.
    fields = [
        v if v is None or isinstance(v, np.generic) else _write(builder, v)
        for v in value
    ]
    builder.StartObject(len(fields))
    for slot, field in enumerate(fields):
        if isinstance(field, np.generic):
            _PREPEND_SCALAR[type(field)](builder, slot, field, 0)
        elif field is not None:
            builder.PrependUOffsetTRelativeSlot(slot, field, 0)
    return builder.EndObject()
