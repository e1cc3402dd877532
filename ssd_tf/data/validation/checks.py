"""Problems of a data set, and how training treats them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.sources import rules
from ssd_tf.data.sources.base import UNIT_SIZE, RawImage, RawObject
from ssd_tf.data.validation.files import ImageFacts
from ssd_tf.errors import InputError

# Training refuses it, drops it or learns something false of it; training
# changes it; training takes it as is.
LOST, CHANGED, NOTE = "lost", "changed", "note"
# Kinds of boxes that training drops.
DROPPED = ("not_finite", "inverted", "empty", "outside")
# Kinds of images that training leaves out, if they are few.
LEFT_OUT = ("missing_image", "unreadable", "truncated", "undecodable")
# Kinds of images whose boxes training puts in other places. Of all others that
# are lost, training refuses the image, and with it the split.
MISPLACED = ("unturned_boxes",)
SEVERITIES: dict[str, str] = {
    "unusable_classes": LOST,
    "unusable_split": LOST,  # one of the default splits
    "broken_annotation": LOST,
    "fractions": LOST,
    "nothing_to_learn": LOST,
    "too_many_bad_images": LOST,
    "unknown_class": LOST,
    **dict.fromkeys(LEFT_OUT + DROPPED + MISPLACED, LOST),
    "recovered": CHANGED,
    "wrong_size": CHANGED,
    "clipped": CHANGED,
    "unusable_other_split": NOTE,
    "missing_size": NOTE,
    "mislabelled": NOTE,
    "duplicate": NOTE,
    "listed_twice": NOTE,
    "without_objects": NOTE,
    "nothing_to_find": NOTE,
    "shared_images": NOTE,
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
      message: the fault and what training makes of it.
      item: the object it is about, if any.
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
    raw: RawImage, facts: ImageFacts, class_names: Sequence[str] | None
) -> list[Problem]:
    """Problems of an image, of its annotation and of each object.

    Boxes that belong to the picture before its Exif block turns it are found
    by the size that is declared. That is the same for a half turn, and for any
    turn of a square picture, so these cannot be found.

    Args:
      raw: the image as annotated.
      facts: those of its file.
      class_names: the classes to train on; None where they are not known.
    """
    problems = [
        to_problem(raw, kind, message, location=raw.image_path)
        for kind, message in facts.problems
    ]
    problems += [
        to_problem(raw, "broken_annotation", text) for text in raw.problems
    ]
    if fault := rules.fault_of_boxes(raw):
        problems.append(to_problem(raw, "fractions", fault))
    try:
        judged = rules.judge([raw])
    except InputError:
        judged = None  # The image has a problem of its own, then.
    problems.extend(_check_size(raw, facts, judged))
    if not raw.objects and not raw.problems:
        problems.append(
            to_problem(raw, "without_objects", "no objects: all background")
        )
    if class_names is not None:
        labels = rules.labels_of(raw.objects, class_names)  # [M]
        message = "unknown class; training refuses it"
        problems.extend(
            to_problem(raw, "unknown_class", message, item=item)
            for item, label in zip(raw.objects, labels, strict=True)
            if not label
        )
    if judged is not None:
        problems.extend(_check_boxes(raw, judged))
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


def _check_size(
    raw: RawImage, facts: ImageFacts, judged: rules.Judged | None
) -> Iterator[Problem]:
    declared = raw.declared_size
    if declared is None:
        if not raw.problems:
            yield to_problem(
                raw, "missing_size", "no size; that of the image is used"
            )
        return
    if declared is UNIT_SIZE or facts.size in (None, declared):
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
    if judged is None or tuple(judged.sizes[0]) != declared:
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


def _check_boxes(raw: RawImage, judged: rules.Judged) -> Iterator[Problem]:
    height, width = judged.sizes[0].tolist()
    has_fractions = raw.declared_size is UNIT_SIZE
    limit = 0.0 if has_fractions else _ROUNDING_PX
    of_size = "" if has_fractions else f" of {_by((height, width))}"
    seen: dict[tuple, str] = {}
    for item, is_usable in zip(raw.objects, judged.is_usable, strict=True):
        ymin, xmin, ymax, xmax = item.box
        if not is_usable:
            kind, what = _reason_to_drop(item.box, height, width, of_size)
            yield to_problem(raw, kind, f"{what}; dropped", item=item)
            continue
        if (
            min(ymin, xmin) < -limit
            or ymax > height + limit
            or xmax > width + limit
        ):
            what = f"leaves the image{of_size}; clipped"
            yield to_problem(raw, "clipped", what, item=item)
        first = seen.setdefault((item.class_name, item.box), item.place)
        if first != item.place:
            what = f"the same as {first}"
            yield to_problem(raw, "duplicate", what, item=item)


def _reason_to_drop(
    box: tuple[float, float, float, float],
    height: float,
    width: float,
    of_size: str,
) -> tuple[str, str]:
    """Kind and message of a box that `rules.usable_boxes` refuses."""
    ymin, xmin, ymax, xmax = box
    # Training computes in float32, where larger numbers are infinite.
    if not (np.abs(box) <= np.finfo(np.float32).max).all():
        return "not_finite", "a coordinate is not finite"
    if ymax < ymin or xmax < xmin:
        return "inverted", "a minimum is above its maximum"
    outside = ymin >= height or xmin >= width or ymax <= 0 or xmax <= 0
    if outside and ymax > ymin and xmax > xmin:
        return "outside", f"lies outside the image{of_size}"
    return "empty", "has no area"
