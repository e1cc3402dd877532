"""What is wrong with a data set, and what training does about it."""

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.sources.annotations import UNIT_SIZE, RawImage, RawObject
from ssd_tf.data.sources.pixel_boxes import (
    are_inside,
    header_size,
    normalised_boxes,
)
from ssd_tf.data.validation.files import ImageFacts
from ssd_tf.errors import InputError

# Training refuses it, drops it or learns something false of it; training
# changes it; training takes it as is.
LOST, CHANGED, NOTE = "lost", "changed", "note"
# Kinds of boxes that training drops.
DROPPED = ("not_finite", "inverted", "empty", "outside")
# Kinds of images whose boxes training puts in other places. Of all others that
# are lost, training refuses the image, and with it the split.
MISPLACED = ("unturned_boxes",)
SEVERITIES: dict[str, str] = {
    "unusable_classes": LOST,
    "unusable_split": LOST,  # one of the default splits
    "broken_annotation": LOST,
    "missing_image": LOST,
    "unreadable": LOST,
    "truncated": LOST,
    "undecodable": LOST,
    "unknown_class": LOST,
    **dict.fromkeys(DROPPED + MISPLACED, LOST),
    "wrong_size": CHANGED,
    "clipped": CHANGED,
    "unusable_other_split": NOTE,
    "missing_size": NOTE,
    "mislabelled": NOTE,
    "duplicate": NOTE,
    "listed_twice": NOTE,
    "without_objects": NOTE,
    "class_without_objects": NOTE,
}
# COCO has pixels with two decimals.
_ROUNDING_PX = 0.01


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
      kind: a key of `SEVERITIES`.
      image: the `image_id`; empty where it is about a split.
      location: the file or whatever else it is found in.
      message: what is wrong and what training makes of it.
      item: the object it is about, with its place; None if about none.
    """

    kind: str
    image: str
    location: str
    message: str
    item: RawObject | None = None

    @property
    def severity(self) -> str:
        """`LOST`, `CHANGED` or `NOTE`."""
        return SEVERITIES[self.kind]

    def __str__(self) -> str:
        place = f"{_describe(self.item)}: " if self.item else ""
        return f"{self.location}: {place}{self.message} [{self.kind}]"


def _describe(item: RawObject) -> str:
    ymin, xmin, ymax, xmax = item.box
    return (
        f"{item.place} ({item.class_name})"
        f" ymin={ymin:g} xmin={xmin:g} ymax={ymax:g} xmax={xmax:g}"
    )


def check_image(
    raw: RawImage, facts: ImageFacts, class_names: Container[str] | None
) -> list[Problem]:
    """Everything that is wrong with an image and its annotation.

    Boxes that belong to the picture before its Exif block turns it are found
    by the size that is declared. That is the same for a half turn, and for any
    turn of a square picture, so these cannot be found.

    Args:
      raw: the image as annotated.
      facts: what its file tells.
      class_names: the classes to train on; None where they are not known.

    Returns:
      The problems: of the image, of the annotation, of each object.
    """
    problems = [
        to_problem(raw, kind, message, location=raw.image_path)
        for kind, message in facts.problems
    ]
    for message in raw.problems:
        problems.append(to_problem(raw, "broken_annotation", message))
    size = training_size(raw)
    problems.extend(_check_size(raw, facts, size))
    if not raw.objects and not raw.problems:
        problems.append(
            to_problem(raw, "without_objects", "no objects: all background")
        )
    items = [
        item._replace(place=item.place or f"box {i}")
        for i, item in enumerate(raw.objects, start=1)
    ]
    if class_names is not None:
        for item in items:
            if item.class_name not in class_names:
                message = "unknown class; training refuses it"
                problems.append(
                    to_problem(raw, "unknown_class", message, item=item)
                )
    if size is not None:
        problems.extend(_check_boxes(raw, items, size))
    return problems


def to_problem(
    raw: RawImage,
    kind: str,
    message: str,
    *,
    item: RawObject | None = None,
    location: str | None = None,
) -> Problem:
    """A problem of an image; by default it lies where the annotation does."""
    location = location or raw.location
    # A message may bring its own place, or the file of several annotations.
    for prefix in (location, raw.location.partition(": ")[0]):
        if message.startswith(f"{prefix}: "):
            location, message = prefix, message.removeprefix(f"{prefix}: ")
            break
    return Problem(kind, raw.image_id, location, message, item)


def training_size(raw: RawImage) -> tuple[float, float] | None:
    """The (height, width) that boxes are divided by; None if there is none.

    That of the annotation if all boxes are inside, else that of the image.
    """
    declared = raw.declared_size
    if declared == UNIT_SIZE:
        return declared
    if declared is not None:
        boxes_px = _boxes(raw.objects)
        if are_inside(boxes_px, np.array(declared[::-1])).all():
            return declared
    try:
        width, height = header_size(raw.image_path)
    except InputError:
        return None  # The image has a problem of its own, then.
    return height, width


def _check_size(
    raw: RawImage, facts: ImageFacts, used: tuple[float, float] | None
) -> Iterator[Problem]:
    declared = raw.declared_size
    if declared is None:
        if not raw.problems:
            yield to_problem(
                raw, "missing_size", "no size; that of the image is used"
            )
        return
    if facts.size is None or declared in (UNIT_SIZE, facts.size):
        return
    what = f"size {_by(declared)}, but the image is {_by(facts.size)}"
    is_swapped = declared == facts.size[::-1]
    if is_swapped:
        what += (
            " as its Exif block turns it"
            if facts.is_turned
            else ", height and width are swapped"
        )
    kind = "wrong_size"
    if used != declared:
        outcome = "replaced by that, as boxes do not fit"
    elif is_swapped and facts.is_turned and raw.objects:
        kind = "unturned_boxes"
        outcome = (
            "the boxes are those of the unturned picture, and training"
            " misplaces them; turn the file's pixels and drop its Exif"
            " orientation, or annotate the turned picture"
        )
    else:
        outcome = "boxes are divided by the size declared"
    yield to_problem(raw, kind, f"{what}; {outcome}")


def _by(size: tuple[float, float]) -> str:
    """Width x height, as tools show it."""
    return f"{size[1]:g}x{size[0]:g}"


def _check_boxes(
    raw: RawImage, items: list[RawObject], size: tuple[float, float]
) -> Iterator[Problem]:
    usable = normalised_boxes(_boxes(items), np.array(size[::-1]))[1]  # [M]
    seen: dict[tuple, str] = {}
    for item, is_usable in zip(items, usable, strict=True):
        if not is_usable:
            kind, what = _reason_to_drop(item.box, size)
            yield to_problem(raw, kind, f"{what}; dropped", item=item)
            continue
        if _leaves(item.box, size):
            what = "leaves the image"
            if size != UNIT_SIZE:
                what += f" of {_by(size)}"
            yield to_problem(raw, "clipped", f"{what}; clipped", item=item)
        first = seen.setdefault((item.class_name, item.box), item.place)
        if first != item.place:
            yield to_problem(
                raw, "duplicate", f"the same as {first}", item=item
            )


def _boxes(items: Sequence[RawObject]) -> np.ndarray:
    """Boxes [M, 4] float64 yxyx."""
    return np.array([item.box for item in items], float).reshape(-1, 4)


def _reason_to_drop(
    box: tuple[float, float, float, float], size: tuple[float, float]
) -> tuple[str, str]:
    """Kind and message of a box that training drops."""
    ymin, xmin, ymax, xmax = box
    height, width = size
    # Training computes in float32, where larger numbers are infinite.
    if not (np.abs(box) <= np.finfo(np.float32).max).all():
        return "not_finite", "a coordinate is not finite"
    if ymax < ymin or xmax < xmin:
        return "inverted", "a minimum is above its maximum"
    outside = ymin >= height or xmin >= width or ymax <= 0 or xmax <= 0
    if outside and ymax > ymin and xmax > xmin:
        where = "" if size == UNIT_SIZE else f" of {_by(size)}"
        return "outside", f"lies outside the image{where}"
    return "empty", "has no area"


def _leaves(
    box: tuple[float, float, float, float], size: tuple[float, float]
) -> bool:
    limit = 0.0 if size == UNIT_SIZE else _ROUNDING_PX
    return (
        min(box[:2]) < -limit
        or box[2] > size[0] + limit
        or box[3] > size[1] + limit
    )
