"""Where a folder in the form of COCO has its annotations and images."""

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ssd_tf.data.sources.coco_json import CocoAnnotations, CocoImage
from ssd_tf.errors import InputError

# The first of these that finds a file counts: COCO's own annotations folder
# has captions and keypoints of the same images as well.
_PATTERNS = (
    "annotations/instances_*.json",
    "annotations/*.json",
    "*/_annotations.coco.json",
    "*.json",
)
_ROBOFLOW_NAME = "_annotations.coco.json"
_COCO_PREFIX = "instances_"


def find_annotations(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Annotation files by split, sorted by name.

    Raises:
      InputError: the folder is missing, or has no such file.
    """
    if not root.is_dir():
        raise InputError(f"{root}: folder is missing")
    for pattern in _PATTERNS:
        paths = sorted(root.glob(pattern))
        if paths:
            return {_split_name(path): path for path in paths}
    raise InputError(
        f"{root}: no annotations; a COCO folder has one of"
        " annotations/instances_<split>.json, annotations/<split>.json,"
        f" <split>/{_ROBOFLOW_NAME}, <split>.json"
    )


def _split_name(path: pathlib.Path) -> str:
    if path.name == _ROBOFLOW_NAME:
        return path.parent.name
    return path.stem.removeprefix(_COCO_PREFIX)


class ListedImage(NamedTuple):
    """An image of a split.

    Attributes:
      image: as annotated.
      path: of its file.
      location: the annotation file and the image, to tell the user.
      problems: what is wrong with the annotations; one line each.
      missing: what to say if the file is not there; else empty.
    """

    image: CocoImage
    path: str
    location: str
    problems: tuple[str, ...]
    missing: str

    def read(self) -> bytes:
        """The encoded image.

        Raises:
          OSError: the file is missing or cannot be read.
        """
        if self.missing:
            raise FileNotFoundError(self.missing)
        return pathlib.Path(self.path).read_bytes()


def list_images(
    root: pathlib.Path,
    split: str,
    path: pathlib.Path,
    annotations: CocoAnnotations,
) -> Iterator[ListedImage]:
    """The images of one split, in the order of the file.

    Args:
      root: the folder of the data set.
      split: name of the split.
      path: its annotation file.
      annotations: what is in that.

    Raises:
      InputError: there are no images.
    """
    # What belongs to no image is told with the first.
    problems = [f"{path}: {what}" for what in annotations.problems]
    if not annotations.images:
        raise InputError(
            problems[0]
            if problems
            else f"{path}: split {split!r} lists no image"
        )
    places = (root / split, root / "images" / split, root / "images", root)
    folders = [str(folder) for folder in places if folder.is_dir()]
    for image in annotations.images:
        location = f"{path}: image {image.image_id}"
        problems += [f"{location}: {what}" for what in image.problems]
        image_path, missing = _find(image.file_name, folders), ""
        if not image_path:
            image_path = os.path.join(root, image.file_name)
            missing = (
                f"{location}: file {image.file_name!r} is missing; looked in"
                f" {', '.join(folders)}"
            )
        yield ListedImage(image, image_path, location, tuple(problems), missing)
        problems = []


def _find(file_name: str, folders: Sequence[str]) -> str | None:
    """The file in the first of the folders that has it."""
    paths = (os.path.join(folder, file_name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path)), None)
