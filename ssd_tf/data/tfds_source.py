"""Data sets of tensorflow_datasets."""

import os
import pathlib
import urllib.error
import urllib.parse
import urllib.request

import tensorflow as tf
import tensorflow_datasets as tfds

from ssd_tf import box_ops
from ssd_tf.errors import InputError

_CONNECT_TIMEOUT_S = 10


class TfdsSource:
    """Source over a builder with the features of `voc`; see `source.Source`.

    The features used are `image`, `image/filename` and `objects` with
    `bbox`, `label` and, where there is one, `is_difficult`.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        default_splits: tuple[str, str],
        *,
        without_annotations: tuple[str, ...] = (),
    ):
        """Prepares the data set, downloading it where needed.

        Args:
          builder: the builder of the data set.
          default_splits: the splits for training and for evaluation.
          without_annotations: splits that have images only, and are refused.

        Raises:
          InputError: the data set is not there and cannot be downloaded.
        """
        self._builder = builder
        self._without_annotations = without_annotations
        self._dropped_boxes: dict[str, int] = {}
        self.default_splits = default_splits
        _prepare(builder)
        config = builder.builder_config
        self.name = f"{builder.name}/{config.name}" if config else builder.name
        labels = builder.info.features["objects"]["label"]
        self.class_names = tuple(labels.names)

    def splits(self) -> tuple[str, ...]:
        """Names of the splits that have annotations."""
        known = set(self._builder.info.splits) - set(self._without_annotations)
        return tuple(sorted(known))

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""
        self._check_split(split)
        return self._builder.info.splits[split].num_examples

    def dropped_boxes(self, split: str) -> int:
        """How many boxes of a split are left out; reads the split once."""
        if split not in self._dropped_boxes:
            dropped = self._raw_dataset(split).map(
                lambda raw: tf.math.count_nonzero(~_is_usable(raw)),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
            total = dropped.reduce(tf.constant(0, tf.int64), tf.add)
            self._dropped_boxes[split] = int(total)
        return self._dropped_boxes[split]

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """Examples in the order of the files; see `source.Source`."""
        return (
            self._raw_dataset(split)
            .skip(skip)
            .map(
                _to_element,
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
        )

    def _raw_dataset(self, split: str) -> tf.data.Dataset:
        self._check_split(split)
        return self._builder.as_dataset(
            split=split,
            decoders={"image": tfds.decode.SkipDecoding()},
            shuffle_files=False,
            # One file after the other. Left to itself tfds keeps small data
            # sets in memory, behind the back of the pipeline.
            read_config=tfds.ReadConfig(
                interleave_cycle_length=1, try_autocache=False
            ),
        )

    def _check_split(self, split: str) -> None:
        for part in split.split("+"):
            # "train[:10%]" is a part of a split, in the notation of tfds.
            name = part.partition("[")[0]
            if name in self.splits():
                continue
            what = (
                "has no annotations"
                if name in self._without_annotations
                else "is missing"
            )
            raise InputError(
                f"{self.name}: split {name!r} {what}; found:"
                f" {', '.join(self.splits())}"
            )


def _is_usable(raw):
    """Which of the boxes of a tfds example to keep -> [M] bool."""
    boxes = raw["objects"]["bbox"]  # [M, 4]
    # Clipping would make a finite number of an infinite one.
    is_finite = tf.reduce_all(tf.math.is_finite(boxes), axis=-1)
    return is_finite & box_ops.is_valid(box_ops.clip(boxes))


def _to_element(raw):
    """A tfds example -> the element of `source.ELEMENT_SPEC`."""
    objects = raw["objects"]
    labels = tf.cast(objects["label"], tf.int32) + 1  # [M]; 0 is background
    is_difficult = objects.get("is_difficult", tf.zeros_like(labels, tf.bool))
    keep = _is_usable(raw)  # [M]
    return {
        "image": raw["image"],
        "image_id": raw["image/filename"],
        "gt_boxes": tf.boolean_mask(box_ops.clip(objects["bbox"]), keep),
        "gt_labels": tf.boolean_mask(labels, keep),
        "gt_is_difficult": tf.boolean_mask(is_difficult, keep),
    }


def _prepare(builder: tfds.core.DatasetBuilder) -> None:
    """Downloads and converts the data set if that has not been done."""
    if builder.data_path.exists():
        return
    _check_connection(builder)
    try:
        builder.download_and_prepare()
    except (
        OSError,
        tfds.download.DownloadError,
        tf.errors.OpError,
    ) as error:
        raise _cannot_prepare(builder, str(error)) from error


def _check_connection(builder: tfds.core.DatasetBuilder) -> None:
    """Fails soon where tfds would repeat each download for minutes."""
    url = next(iter(builder.url_infos or ()), None)
    downloads = pathlib.Path(builder.data_dir_root) / "downloads"
    # tfds puts an .INFO file beside each finished download and uses that.
    if url is None or next(downloads.rglob("*.INFO"), None) is not None:
        return
    host = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(url))
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_CONNECT_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        pass  # The host answers; what it says of the files is for tfds.
    except OSError as error:
        raise _cannot_prepare(builder, f"{host}: {error}") from None


def _cannot_prepare(builder: tfds.core.DatasetBuilder, why: str) -> InputError:
    why = " ".join(why.split())
    return InputError(
        f"{builder.info.full_name} is not in {builder.data_dir_root} and"
        f" cannot be downloaded ({why}); prepare it with tensorflow_datasets"
        f" where there is a network and copy it to"
        f" {os.fspath(builder.data_path)}, or point data_dir to it"
    )
