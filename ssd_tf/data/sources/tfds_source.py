"""Data sets of tensorflow_datasets."""

import itertools
import os
import pathlib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ssd_tf import box_ops
from ssd_tf.data.sources.base import UNIT_SIZE, RawImage, RawObject
from ssd_tf.data.sources.rules import usable_boxes
from ssd_tf.errors import InputError

_CONNECT_TIMEOUT_S = 10


class TfdsSource:
    """Source over a builder of tensorflow_datasets; see `base.Source`.

    The features used are `image`, `image/filename` and `objects` with
    `bbox`, `label` and, where they are there, `is_difficult` (VOC), `is_crowd`
    and `area` (COCO; in square pixels, with images stored as JPEG).
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        default_splits: tuple[str, str],
        *,
        without_annotations: tuple[str, ...] = (),
        id_of_class: Mapping[str, int] | None = None,
    ):
        """Prepares the data set, downloading it where needed.

        Args:
          builder: of the data set.
          default_splits: for training and for evaluation.
          without_annotations: splits that have images only, and are refused.
          id_of_class: category ids by class name; by default 1..C.

        Raises:
          InputError: it is not there and cannot be downloaded, or it has a
            class without an id.
        """
        self._builder = builder
        self._without_annotations = without_annotations
        self.default_splits = default_splits
        _prepare(builder)
        config = builder.builder_config
        self.name = f"{builder.name}/{config.name}" if config else builder.name
        labels = builder.info.features["objects"]["label"]
        self.class_names = tuple(labels.names)
        if id_of_class is None:
            id_of_class = dict(zip(self.class_names, itertools.count(1)))
        for class_name in self.class_names:
            if class_name not in id_of_class:
                raise InputError(
                    f"{self.name}: class {class_name!r} has no category id;"
                    f" known: {', '.join(id_of_class)}"
                )
        self.category_ids = tuple(id_of_class[n] for n in self.class_names)

    def splits(self) -> tuple[str, ...]:
        """Names of the splits that have annotations."""
        known = set(self._builder.info.splits) - set(self._without_annotations)
        return tuple(sorted(known))

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""
        self._check_split(split)
        return self._builder.info.splits[split].num_examples

    def dropped_boxes(self, split: str) -> int:
        """The number of boxes left out; reads the split."""
        dropped = self._raw_dataset(split).map(
            lambda raw: tf.math.count_nonzero(
                ~usable_boxes(raw["objects"]["bbox"])[1]
            )
        )
        return int(dropped.reduce(tf.constant(0, tf.int64), tf.add))

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """Examples in the order of the files; see `base.Source`."""
        raw_examples = self._raw_dataset(split).skip(skip)
        return raw_examples.map(
            _to_element, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def image_ids(self, split: str) -> dict[str, int | str]:
        """See `base.NumberedImages`; empty where there is no `image/id`."""
        if "image/id" not in self._builder.info.features:
            return {}
        pairs = self._raw_dataset(split).map(
            lambda raw: (raw["image/filename"], raw["image/id"])
        )
        return {k.decode(): int(v) for k, v in pairs.as_numpy_iterator()}

    def num_raw_images(self, split: str) -> int:
        """See `base.Source`."""
        return self.num_examples(split)

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """See `base.Source`."""
        for raw in self._raw_dataset(split).as_numpy_iterator():
            yield self._raw_image(raw, split)

    def _raw_image(self, raw, split: str) -> RawImage:
        objects = raw["objects"]
        image_id = raw["image/filename"].decode()
        none = np.zeros(len(objects["label"]), bool)
        columns = zip(
            objects["label"],
            objects["bbox"].tolist(),
            objects.get("is_difficult", none).tolist(),
            objects.get("is_crowd", none).tolist(),
        )
        return RawImage(
            image_id=image_id,
            location=f"{self.name} {split}: {image_id}",
            image_path=image_id,
            declared_size=UNIT_SIZE,
            objects=[
                RawObject(
                    self.class_names[label], tuple(box), f"box {i}", *marks
                )
                for i, (label, box, *marks) in enumerate(columns, start=1)
            ],
            encoded=raw["image"],
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
            if name not in self.splits():
                is_bare = name in self._without_annotations
                raise InputError(
                    f"{self.name}: split {name!r}"
                    f" {'has no annotations' if is_bare else 'is missing'};"
                    f" found: {', '.join(self.splits())}"
                )
            if part != name:
                self._check_slice(part)

    def _check_slice(self, part: str) -> None:
        try:
            num_examples = self._builder.info.splits[part].num_examples
        except ValueError as error:
            why = str(error).splitlines()[-1]
            raise InputError(
                f"{self.name}: split {part!r} cannot be read: {why}"
            ) from error
        # tfds counts train[4:2] as -2 images.
        if num_examples <= 0:
            raise InputError(f"{self.name}: split {part!r} has no images")


def _to_element(raw):
    """A tfds example -> the element of `base.ELEMENT_SPEC`."""
    objects = raw["objects"]
    boxes, keep = usable_boxes(objects["bbox"])  # [M, 4], [M]
    labels = tf.cast(objects["label"], tf.int32) + 1  # [M]; 0 is background
    none = tf.zeros_like(labels, tf.bool)  # [M]
    columns = {
        "gt_boxes": boxes,
        "gt_labels": labels,
        "gt_is_difficult": objects.get("is_difficult", none),
        "gt_is_crowd": objects.get("is_crowd", none),
        "gt_areas": _areas(raw, boxes),
    }
    return {
        "image": raw["image"],
        "image_id": raw["image/filename"],
        **{k: tf.boolean_mask(v, keep) for k, v in columns.items()},
    }


def _areas(raw, boxes):
    """Areas [M] as fractions of the image: of masks, or else of boxes."""
    areas = box_ops.area(boxes)
    if "area" not in raw["objects"]:
        return areas
    height_width_px = tf.io.extract_jpeg_shape(raw["image"])[:2]
    image_px = tf.cast(tf.reduce_prod(height_width_px), tf.float32)
    mask_areas = tf.cast(raw["objects"]["area"], tf.float32) / image_px
    return tf.where(mask_areas > 0, mask_areas, areas)


def _prepare(builder: tfds.core.DatasetBuilder) -> None:
    """Downloads and converts the data set if that has not been done."""
    if builder.data_path.exists():
        return
    _check_connection(builder)
    try:
        builder.download_and_prepare()
    except (OSError, tfds.download.DownloadError, tf.errors.OpError) as error:
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
