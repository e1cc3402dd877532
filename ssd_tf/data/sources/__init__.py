"""Sources of annotated images: every layout of data yields the same facts."""

from ssd_tf.data.sources.base import (
    DigestedObjects,
    ImageFile,
    ImageFiles,
    NumberedImages,
    RawImage,
    RawObject,
    Source,
    usable_class_names,
)
from ssd_tf.data.sources.divided_folder import evaluation_of
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.registry import (
    SOURCES,
    build_source,
    build_source_of_run,
    data_dir_of_run,
    layout_of,
)
from ssd_tf.data.sources.rules import (
    cached_objects,
    class_presence,
    count_shared_files,
    drop_unlabelled,
    has_objects,
    labels_to_learn,
    objects_to_learn,
)

__all__ = [
    "DigestedObjects",
    "FolderSource",
    "ImageFile",
    "ImageFiles",
    "NumberedImages",
    "RawImage",
    "RawObject",
    "SOURCES",
    "Source",
    "build_source",
    "build_source_of_run",
    "cached_objects",
    "class_presence",
    "count_shared_files",
    "data_dir_of_run",
    "drop_unlabelled",
    "evaluation_of",
    "has_objects",
    "labels_to_learn",
    "layout_of",
    "objects_to_learn",
    "usable_class_names",
]
