"""Annotations in the form of COCO, written."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ssd_tf.data.writers.facts import LabelledImage, Writer, plain


def coco_content(
    images: Iterable[tuple[int | str, LabelledImage]],
    categories: Mapping[str, int],
) -> dict[str, Any]:
    """The content of an annotation file.

    Args:
      images: each with its id.
      categories: ids of the classes by name.
    """
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in images:
        entries.append(
            {
                "id": image_id,
                "file_name": image.name,
                "width": plain(image.width),
                "height": plain(image.height),
            }
        )
        for item in image.objects:
            ymin, xmin, ymax, xmax = item.box
            sides = xmax - xmin, ymax - ymin
            score = {} if item.score is None else {"score": item.score}
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": categories[item.class_name],
                    "bbox": [plain(v) for v in (xmin, ymin, *sides)],
                    "area": plain(item.area or sides[0] * sides[1]),
                    "iscrowd": int(item.is_crowd),
                    **score,
                }
            )
    return {
        "images": entries,
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name} for name, number in categories.items()
        ],
    }


class CocoWriter(Writer):
    """annotations/instances_<split>.json and images/."""

    keeps_crowds = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._images: dict[str, list[LabelledImage]] = {}

    def add(self, split: str, image: LabelledImage, encoded: bytes) -> None:
        self._images.setdefault(split, []).append(image)
        self.put(f"images/{image.name}", encoded)

    def close(self) -> list[str]:
        categories = dict(zip(self.class_names, self.category_ids))
        ids = _ids([i for images in self._images.values() for i in images])
        for split, images in self._images.items():
            numbered = ((ids[image.name], image) for image in images)
            content = coco_content(numbered, categories)
            path = f"annotations/instances_{split}.json"
            self.put(path, json.dumps(content, ensure_ascii=False) + "\n")
        return []


def _ids(images: Sequence[LabelledImage]) -> dict[str, int | str]:
    """Ids by name: those that the images had, or else 1, 2, ..."""
    own = {image.name: image.number for image in images}
    if None not in own.values() and len(set(own.values())) == len(own):
        return {
            name: number for name, number in own.items() if number is not None
        }
    return {name: i for i, name in enumerate(own, start=1)}
