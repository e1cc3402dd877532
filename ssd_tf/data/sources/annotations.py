"""Images as annotated, nothing repaired or left out: what `validate` reads."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

# The declared size where boxes are fractions of the image.
UNIT_SIZE = (1.0, 1.0)


class RawObject(NamedTuple):
    """One object as its annotation has it.

    Attributes:
      class_name: as written; may be unknown.
      box: yxyx in pixels of the declared size, not clipped; may be inverted
        or not finite.
      is_crowd: whether the box holds a crowd (COCO's iscrowd).
      place: what the user finds it by, as in "annotation 17"; left empty, it
        is its place among the objects, as in "box 3".
    """

    class_name: str
    box: tuple[float, float, float, float]
    is_crowd: bool = False
    place: str = ""


class RawImage(NamedTuple):
    """One image of a split as its annotation has it.

    Attributes:
      image_id: a name the user recognises.
      location: file of the annotation, or whatever else tells the user where
        it stands.
      image_path: file of the image; the id where it has no file of its own.
      read: returns the encoded image; raises OSError.
      declared_size: (height, width) in pixels by the annotation; None where it
        does not tell; `UNIT_SIZE` where boxes are fractions.
      objects: in the order of the annotation.
      problems: what is wrong with the annotation itself; one line each, with
        or without the location in front.
    """

    image_id: str
    location: str
    image_path: str
    read: Callable[[], bytes]
    declared_size: tuple[float, float] | None
    objects: tuple[RawObject, ...]
    problems: tuple[str, ...] = ()


class Annotated(Protocol):
    """What a source offers to `validate`; a part of `source.Source`."""

    def num_raw_images(self, split: str) -> int:
        """How many images `raw_images` gives; cheap."""

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """Every image of a split, in the order of `dataset(split)`.

        An image that the split lists twice comes twice. A broken annotation
        is told in `RawImage.problems`; it does not raise.

        Raises:
          InputError: the split as a whole cannot be used.
        """
