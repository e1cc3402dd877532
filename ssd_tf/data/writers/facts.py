"""What every layout is written from, and the interface of what writes one."""

import abc
import math
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from ssd_tf.data.images import header_size
from ssd_tf.data.sources import rules
from ssd_tf.data.sources.base import UNIT_SIZE, RawImage
from ssd_tf.errors import InputError

# Fractions are stored with six digits by most tools, which is a hundredth of a
# pixel of a picture of ten thousand.
_DIGITS_OF_FRACTIONS = 2


class LabelledObject(NamedTuple):
    """An object with its box.

    Attributes:
      class_name: of its class.
      box: yxyx in pixels of the picture's declared size.
      is_difficult, is_crowd: as of `base.RawObject`.
      area: of its mask, in square pixels; 0 where there is none.
      score: of a detection.
    """

    class_name: str
    box: tuple[float, float, float, float]
    is_difficult: bool = False
    is_crowd: bool = False
    area: float = 0.0
    score: float | None = None


class LabelledImage(NamedTuple):
    """A picture with its objects.

    Attributes:
      name: of the file to write, without folders.
      height, width: in pixels; boxes are of a picture of this size.
      number: its id in the annotations that it comes from, if any.
    """

    name: str
    height: float
    width: float
    objects: Sequence[LabelledObject]
    number: int | str | None = None


class Writer(abc.ABC):
    """Writes one layout into a new folder.

    Attributes:
      keeps_difficult, keeps_crowds: the layout has a mark for them.
    """

    keeps_difficult: bool = False
    keeps_crowds: bool = False

    def __init__(
        self,
        folder: pathlib.Path,
        class_names: Sequence[str],
        category_ids: Sequence[int],
    ):
        self.folder = folder
        self.class_names = tuple(class_names)
        self.category_ids = tuple(category_ids)

    @abc.abstractmethod
    def add(self, split: str, image: LabelledImage, encoded: bytes) -> None:
        """Writes an image of a split."""

    @abc.abstractmethod
    def close(self) -> list[str]:
        """Writes the rest; returns what the layout could not keep, a line
        each."""

    def put(self, path: str, content: bytes | str) -> None:
        """Writes a file below the folder, unless it is there already."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            data = content.encode() if isinstance(content, str) else content
            place.write_bytes(data)


def to_labelled(raw: RawImage, encoded: bytes, name: str) -> LabelledImage:
    """The facts of an image with its boxes in pixels, none changed.

    Boxes that are fractions become pixels with two decimals.

    Raises:
      InputError: the size of the image cannot be read, or a box is not finite.
    """
    is_unit = raw.declared_size is UNIT_SIZE
    height, width = (0.0, 0.0)
    if not is_unit:
        height, width = rules.judge([raw]).sizes[0].tolist()
    if not height or not width:
        width, height = map(float, header_size(raw.image_path, encoded))
    objects = []
    for item in raw.objects:
        if not all(map(math.isfinite, item.box)):
            raise InputError(
                f"{raw.location}: {item.place}: a coordinate is not finite, and"
                " not every layout can hold it; correct or delete that box"
            )
        box, area = item.box, item.area
        if is_unit:
            sides = (height, width, height, width)
            ymin, xmin, ymax, xmax = (
                round(float(v) * side, _DIGITS_OF_FRACTIONS)
                for v, side in zip(item.box, sides)
            )
            box, area = (ymin, xmin, ymax, xmax), area * height * width
        objects.append(
            LabelledObject(
                item.class_name, box, item.is_difficult, item.is_crowd, area
            )
        )
    return LabelledImage(name, height, width, objects, raw.number)


def plain(number: float) -> float | int:
    """A whole number without a point; another as it is."""
    return int(number) if float(number).is_integer() else number
