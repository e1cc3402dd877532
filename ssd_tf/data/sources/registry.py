"""Data sources by name."""

import functools
import inspect
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import cast

import tensorflow_datasets as tfds

from ssd_tf.class_names import COCO_CATEGORY_IDS
from ssd_tf.config import TrainConfig
from ssd_tf.data.sources.base import Source
from ssd_tf.data.sources.coco_folder import CocoFolder
from ssd_tf.data.sources.csv_folder import CsvFolder
from ssd_tf.data.sources.divided_folder import (
    DEFAULT_VAL_FRACTION,
    with_evaluation,
)
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import FolderFiles
from ssd_tf.data.sources.labelme_folder import LabelmeFolder
from ssd_tf.data.sources.recognition import recognise_folder
from ssd_tf.data.sources.shapes import Shapes
from ssd_tf.data.sources.tfds_source import TfdsSource
from ssd_tf.data.sources.tfrecord_folder import TfrecordFolder
from ssd_tf.data.sources.union_source import UnionSource
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.data.sources.yolo_folder import YoloFolder
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


def _recognised(data_dir: str | None, class_names: ClassNames) -> Source:
    layouts = {
        name: factory
        for name, factory in SOURCES.items()
        if inspect.isclass(factory) and issubclass(factory, FolderSource)
    }
    return recognise_folder(data_dir, class_names, layouts)


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
    "folder": _recognised,
    "voc_folder": VocFolder,
    "coco_folder": CocoFolder,
    "yolo_folder": YoloFolder,
    "csv_folder": CsvFolder,
    "tfrecord_folder": TfrecordFolder,
    "labelme_folder": LabelmeFolder,
}


def build_source(
    dataset: str,
    *,
    data_dir: str | None = None,
    class_names: ClassNames = None,
    val_dir: str | None = None,
    val_fraction: float | None = None,
    usual_fraction: float = DEFAULT_VAL_FRACTION,
) -> Source:
    """Builds the source of a data set.

    Args:
      dataset: a name in `SOURCES`; "folder" for any of the folder layouts.
      data_dir: the folder itself for a folder layout, else that of
        tensorflow_datasets (by default ~/tensorflow_datasets).
      class_names: the classes in index order. A folder is read with these;
        other data sets have their own, which these must equal.
      val_dir: a folder of its own for evaluation.
      val_fraction, usual_fraction: the part of a folder's images to evaluate
        on; see `divided_folder.with_evaluation`.

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
    source = SOURCES[dataset](data_dir, class_names)
    if isinstance(source, FolderSource):
        open_folder = cast(Callable[..., FolderSource], SOURCES[dataset])
        other = val_dir and open_folder(val_dir, source.known_classes)
        return with_evaluation(
            source, val_fraction, other or None, usual_fraction=usual_fraction
        )
    if val_dir or val_fraction:
        flag = "--val_dir" if val_dir else "--val_fraction"
        raise InputError(
            f"{flag} is for folders; {dataset} has the splits"
            f" {', '.join(source.splits())}"
        )
    return source


def build_source_of_run(
    train_config: TrainConfig,
    class_names: ClassNames,
    *,
    data_dir: str | None = None,
    val_dir: str | None = None,
) -> Source:
    """The data that a run was trained on, for what comes after.

    Args:
      train_config: of the run.
      class_names: those of the detector.
      data_dir, val_dir: where the data lie by now, if they were moved.

    Raises:
      InputError: they cannot be used.
    """
    return build_source(
        train_config.dataset,
        data_dir=data_dir or data_dir_of_run(train_config),
        class_names=class_names,
        val_dir=val_dir or train_config.val_dir,
        val_fraction=train_config.val_fraction,
    )


def data_dir_of_run(train_config: TrainConfig) -> str | None:
    """The folder of a run's data.

    Raises:
      InputError: it was moved.
    """
    data_dir = train_config.data_dir
    # Of tensorflow_datasets nothing is lost: it is made or fetched again.
    is_folder = inspect.isclass(SOURCES.get(train_config.dataset))
    if data_dir and is_folder and not os.path.isdir(data_dir):
        raise InputError(
            f"{data_dir}, the data of the run, is not there; give --data_dir,"
            " the folder where they are now"
        )
    return data_dir


def layout_of(dataset: str, data_dir: str) -> str:
    """The layout in which to read a folder that may be another than a run's.

    Args:
      dataset: that of the run.
      data_dir: the folder.

    Returns:
      The same where the folder has it, or is no folder layout; else "folder".

    Raises:
      InputError: there is no such folder.
    """
    layout = SOURCES.get(dataset)
    if not (inspect.isclass(layout) and issubclass(layout, FolderSource)):
        return dataset
    files = FolderFiles(pathlib.Path(data_dir).expanduser())
    return dataset if layout.recognise(files) else "folder"
