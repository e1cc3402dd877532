"""Data sources by name."""

from collections.abc import Callable

import tensorflow_datasets as tfds

from ssd_tf.data.sources.base import Source
from ssd_tf.data.sources.coco_categories import COCO_CATEGORY_IDS
from ssd_tf.data.sources.coco_folder import CocoFolder
from ssd_tf.data.sources.shapes import Shapes
from ssd_tf.data.sources.tfds_source import TfdsSource
from ssd_tf.data.sources.union_source import UnionSource
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.errors import InputError

ClassNames = tuple[str, ...] | None
Factory = Callable[[str | None, ClassNames], Source]


def _shapes(data_dir: str | None, class_names: ClassNames) -> Source:
    source = TfdsSource(Shapes(data_dir=data_dir), ("train", "test"))
    return _with_classes(source, class_names)


def _voc_2007(data_dir: str | None, class_names: ClassNames) -> Source:
    builder = tfds.builder("voc/2007", data_dir=data_dir)
    source = TfdsSource(builder, ("train+validation", "test"))
    return _with_classes(source, class_names)


def _voc_2012(data_dir: str | None, class_names: ClassNames) -> Source:
    builder = tfds.builder("voc/2012", data_dir=data_dir)
    source = TfdsSource(
        builder, ("train", "validation"), without_annotations=("test",)
    )
    return _with_classes(source, class_names)


def _voc_2007_2012(data_dir: str | None, class_names: ClassNames) -> Source:
    # 2012's test split has no annotations, so "test" is that of 2007.
    return UnionSource(
        "voc/2007+2012",
        (_voc_2007(data_dir, class_names), _voc_2012(data_dir, class_names)),
    )


def _coco_2017(data_dir: str | None, class_names: ClassNames) -> Source:
    source = TfdsSource(
        tfds.builder("coco/2017", data_dir=data_dir),
        ("train", "validation"),
        without_annotations=("test",),
        id_of_class=COCO_CATEGORY_IDS,
    )
    return _with_classes(source, class_names)


def _voc_folder(data_dir: str | None, class_names: ClassNames) -> Source:
    if not data_dir:
        raise InputError(
            "voc_folder needs data_dir: a folder with Annotations,"
            " ImageSets/Main, JPEGImages"
        )
    return VocFolder(data_dir, class_names)


def _coco_folder(data_dir: str | None, class_names: ClassNames) -> Source:
    if not data_dir:
        raise InputError(
            "coco_folder needs data_dir: a folder with COCO annotations, such"
            " as annotations/instances_train2017.json, and images"
        )
    return CocoFolder(data_dir, class_names)


def _with_classes(source: Source, class_names: ClassNames) -> Source:
    """The source, if the classes asked for are the ones it has."""
    if class_names and tuple(class_names) != source.class_names:
        raise InputError(
            f"{source.name} has the classes {', '.join(source.class_names)};"
            f" class_names asks for {', '.join(class_names)}"
        )
    return source


SOURCES: dict[str, Factory] = {
    "shapes": _shapes,
    "voc/2007": _voc_2007,
    "voc/2012": _voc_2012,
    "voc/2007+2012": _voc_2007_2012,
    "coco/2017": _coco_2017,
    "voc_folder": _voc_folder,
    "coco_folder": _coco_folder,
}


def build_source(
    dataset: str,
    *,
    data_dir: str | None = None,
    class_names: ClassNames = None,
) -> Source:
    """Builds the source of a data set.

    Args:
      dataset: a name in `SOURCES`.
      data_dir: the folder itself for `voc_folder` and `coco_folder`, else the
        folder where tensorflow_datasets keeps its data (by default
        ~/tensorflow_datasets).
      class_names: the classes in index order. A folder is read with these;
        other data sets have their own, which these must equal.

    Raises:
      InputError: the name is unknown, or the data cannot be used.
    """
    if dataset not in SOURCES:
        raise InputError(
            f"unknown dataset {dataset!r}; known: {', '.join(SOURCES)}"
        )
    return SOURCES[dataset](data_dir, class_names)
