"""Labels in the form of YOLO, written."""

import os
from collections.abc import Sequence

import yaml

from ssd_tf.data.writers.facts import LabelledImage, Writer

# A ten-millionth of a pixel, so that whole pixels come back.
_FORMAT = "{:.10g}"


def yolo_lines(image: LabelledImage, class_names: Sequence[str]) -> str:
    """The label file of an image; crowds are left out."""
    lines = []
    for item in image.objects:
        if item.is_crowd:
            continue
        ymin, xmin, ymax, xmax = item.box
        values = (
            (xmin + xmax) / 2 / image.width,
            (ymin + ymax) / 2 / image.height,
            (xmax - xmin) / image.width,
            (ymax - ymin) / image.height,
        )
        numbers = " ".join(map(_FORMAT.format, values))
        lines.append(f"{class_names.index(item.class_name)} {numbers}\n")
    return "".join(lines)


class YoloWriter(Writer):
    """images/<split>/, labels/<split>/ and data.yaml."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._splits: dict[str, None] = {}

    def add(self, split: str, image: LabelledImage, encoded: bytes) -> None:
        self._splits[split] = None
        stem = os.path.splitext(image.name)[0]
        self.put(f"images/{split}/{image.name}", encoded)
        lines = yolo_lines(image, self.class_names)
        self.put(f"labels/{split}/{stem}.txt", lines)

    def close(self) -> list[str]:
        content = {
            **{split: f"images/{split}" for split in self._splits},
            "nc": len(self.class_names),
            "names": list(self.class_names),
        }
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        self.put("data.yaml", text)
        return []
