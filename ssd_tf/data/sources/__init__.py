"""Sources of annotated images: every layout of data yields the same facts."""

from ssd_tf.data.sources.base import (
    NumberedImages,
    Source,
    usable_class_names,
)
from ssd_tf.data.sources.registry import SOURCES, build_source

__all__ = [
    "NumberedImages",
    "SOURCES",
    "Source",
    "build_source",
    "usable_class_names",
]
