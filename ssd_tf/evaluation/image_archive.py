"""Evaluated images as bytes: what a report is made of, without pixels."""

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssd_tf.evaluation.measurement import EvaluatedImage

_OF_OBJECTS = {
    "gt_boxes": (np.float32, (0, 4)),
    "gt_labels": (np.int32, (0,)),
    "gt_is_difficult": (bool, (0,)),
    "gt_is_crowd": (bool, (0,)),
    "gt_areas": (np.float32, (0,)),
}
_OF_DETECTIONS = {
    "boxes": (np.float32, (0, 4)),
    "scores": (np.float32, (0,)),
    "classes": (np.int32, (0,)),
}


def pack_images(images: Sequence[EvaluatedImage]) -> bytes:
    """A compressed .npz of the images in their order.

    Names and counts by image, all objects in a row, all detections in a row.
    """
    columns: dict[str, Any] = {}
    for group in (_OF_OBJECTS, _OF_DETECTIONS):
        for name, (dtype, shape) in group.items():
            parts = [getattr(image, name) for image in images]
            columns[name] = np.concatenate([np.zeros(shape, dtype), *parts])
    names = json.dumps([image.image_id for image in images]).encode()
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        image_ids=np.frombuffer(names, np.uint8),
        sizes=np.reshape([i.size for i in images], (-1, 2)).astype(np.int32),
        positions=np.array([i.position for i in images], np.int64),
        num_objects=np.array([len(i.gt_labels) for i in images], np.int64),
        num_detections=np.array([len(i.classes) for i in images], np.int64),
        **columns,
    )
    return buffer.getvalue()


def unpack_images(content: bytes) -> list[EvaluatedImage]:
    """The images that were packed.

    Raises:
      ValueError: the content is not what `pack_images` makes.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            values = dict(archive)
        names = json.loads(values["image_ids"].tobytes())
        objects = _split(values, _OF_OBJECTS, "num_objects")
        detections = _split(values, _OF_DETECTIONS, "num_detections")
        return [
            EvaluatedImage(
                name,
                tuple(size),
                **of_objects,
                **of_detections,
                position=position,
            )
            for name, size, position, of_objects, of_detections in zip(
                names,
                values["sizes"].tolist(),
                values["positions"].tolist(),
                objects,
                detections,
                strict=True,
            )
        ]
    # Whatever zipfile, zlib and NumPy say of a damaged file.
    except Exception as error:  # noqa: B902
        raise ValueError(f"not evaluated images: {error}") from error


def _split(values, group, counts: str) -> list[dict[str, np.ndarray]]:
    """The columns of a group -> a dict for each image."""
    ends = np.cumsum(values[counts])[:-1]  # of none: none
    parts = {name: np.split(values[name], ends) for name in group}
    return [
        {name: column[i] for name, column in parts.items()}
        for i in range(len(values[counts]))
    ]
