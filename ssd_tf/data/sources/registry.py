"""Data sources by name."""

import functools
from collections.abc import Callable, Mapping

import tensorflow_datasets as tfds

from ssd_tf.class_names import COCO_CATEGORY_IDS
from ssd_tf.data.sources.base import Source
from ssd_tf.data.sources.coco_folder import CocoFolder
from ssd_tf.data.sources.shapes import Shapes
from ssd_tf.data.sources.tfds_source import TfdsSource
from ssd_tf.data.sources.union_source import UnionSource
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.errors import InputError

ClassNames = tuple[str, ...] | None
Factory = Callable[[str | None, ClassNames], Source]


def _tfds(
    builder: Callable[..., tfds.core.DatasetBuilder],
    default_splits: tuple[str, str],
    *,
    without_annotations: tuple[str, ...] = (),
    id_of_class: Mapping[str, int] | None = None,
) -> Factory:
    """The factory of a data set of tensorflow_datasets; see `TfdsSource`."""

    def build(data_dir: str | None, class_names: ClassNames) -> Source:
        source = TfdsSource(
            builder(data_dir=data_dir),
            default_splits,
            without_annotations=without_annotations,
            id_of_class=id_of_class,
        )
        if class_names and tuple(class_names) != source.class_names:
            raise InputError(
                f"{source.name} has the classes"
                f" {', '.join(source.class_names)}; class_names asks for"
                f" {', '.join(class_names)}"
            )
        return source

    return build


_voc_2007 = _tfds(
    functools.partial(tfds.builder, "voc/2007"), ("train+validation", "test")
)
_voc_2012 = _tfds(
    functools.partial(tfds.builder, "voc/2012"),
    ("train", "validation"),
    without_annotations=("test",),
)


def _voc_2007_2012(data_dir: str | None, class_names: ClassNames) -> Source:
    # 2012's test split has no annotations, so "test" is that of 2007.
    return UnionSource(
        "voc/2007+2012",
        (_voc_2007(data_dir, class_names), _voc_2012(data_dir, class_names)),
    )


# (data_dir, class_names) -> source. A folder layout is its class.
SOURCES: dict[str, Factory] = {
    "shapes": _tfds(Shapes, ("train", "test")),
    "voc/2007": _voc_2007,
    "voc/2012": _voc_2012,
    "voc/2007+2012": _voc_2007_2012,
    "coco/2017": _tfds(
        functools.partial(tfds.builder, "coco/2017"),
        ("train", "validation"),
        without_annotations=("test",),
        id_of_class=COCO_CATEGORY_IDS,
    ),
    "voc_folder": VocFolder,
    "coco_folder": CocoFolder,
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
      data_dir: the folder itself for a folder layout, else that of
        tensorflow_datasets (by default ~/tensorflow_datasets).
      class_names: the classes in index order. A folder is read with these;
        other data sets have their own, which these must equal.

    Raises:
      InputError: the name is unknown, or the data cannot be used.
    """
    if not dataset:
        raise InputError(
            "the run names no data set: it was converted without one; give "
            "--dataset and --data_dir to `python -m ssd_tf` convert, evaluate "
            "or export"
        )
    if dataset not in SOURCES:
        raise InputError(
            f"unknown dataset {dataset!r}; known: {', '.join(SOURCES)}"
        )
    return SOURCES[dataset](data_dir, class_names)
