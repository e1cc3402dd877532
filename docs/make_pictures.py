"""Draws the pictures of the guides, with the code that training runs.

python docs/make_pictures.py --data_dir=RACCOON --run_dir=RUN

RACCOON is the public set of Dat Tran (MIT licence) in VOC's layout. RUN, of
`python train.py`, gives docs/shapes.jpg.
"""

import dataclasses
import pathlib

import numpy as np
from absl import app, flags
from PIL import Image

import ssd_tf
from ssd_tf import visualization
from ssd_tf.config import Recipe
from ssd_tf.data import images, order, pipeline, sources
from ssd_tf.data.augmentation import build_policy, count_partners
from ssd_tf.matchers import MATCHERS

DOCS = pathlib.Path(__file__).parent
SIDE_PX, SHOWN_PX = 300, 200
INDEX = 18  # of the photograph; those that it is put together with:
PARTNERS = (19, 21, 23, 14, 5, 3, 0, 20, 15)
VARIANTS = {
    "as it is": {"augmentation": "none"},
    "ssd": {"augmentation": "ssd"},
    "ssd_light": {"augmentation": "ssd_light"},
    "--mosaic": {"augmentation": "ssd_light", "mosaic": 1.0},
    "--mixup": {"augmentation": "ssd_light", "mixup": 1.0},
    "--rotate_90": {
        "augmentation": "ssd_light",
        "flip_up_down": True,
        "rotate_90": True,
    },
}
_DATA_DIR = flags.DEFINE_string("data_dir", None, "RACCOON.", required=True)
_RUN_DIR = flags.DEFINE_string("run_dir", "", "A run of shapes.")


def augmented(source, recipe: Recipe, *, epochs: int) -> list:
    """What a training makes of one photograph in some epochs."""
    policy = build_policy(recipe)
    examples = list(source.dataset("train"))
    drawn = []
    for epoch in range(epochs):
        batch = pipeline.prepare_example(
            examples[INDEX],
            order.example_seed(0, epoch=epoch, index=INDEX),
            encoder=lambda labels, boxes: labels,
            policy=policy,
            image_size=SHOWN_PX,
            partners=[
                examples[PARTNERS[(3 * epoch + k) % len(PARTNERS)]]
                for k in range(count_partners(policy))
            ],
        )
        drawn.append(
            visualization.draw_boxes(
                np.clip(np.rint(batch.images), 0, 255).astype(np.uint8),
                batch.gt_boxes.numpy(),
                batch.gt_labels.numpy(),
                source.class_names,
            )
        )
    return drawn


def draw_augmentation(source) -> None:
    """Sheets with a column for each variant, a row an epoch."""
    for file, names in (
        ("augmentation", ["as it is", "ssd", "ssd_light"]),
        ("augmentation_more", ["--mosaic", "--mixup", "--rotate_90"]),
    ):
        columns = [
            augmented(source, Recipe(**VARIANTS[name]), epochs=3)
            for name in names
        ]
        rows = list(zip(*columns, strict=True))
        save(visualization.side_by_side(rows, names), file)


def draw_label_assignment() -> None:
    """The positives of all matchers on a picture of shapes."""
    source = sources.build_source("shapes")
    config = ssd_tf.PRESETS["ssd300_tiny"]
    anchors = ssd_tf.build_anchors(config)
    (example,) = source.dataset("test").skip(3).take(1)
    pixels = images.resize(images.decode(example["image"]), SIDE_PX)
    pictures = []
    for matcher in MATCHERS:
        encoder = ssd_tf.TargetEncoder(
            dataclasses.replace(config, matcher=matcher)
        )
        targets = encoder(example["gt_labels"], example["gt_boxes"])
        pictures.append(
            visualization.draw_assignment(
                np.rint(pixels).astype(np.uint8),
                anchors.boxes,
                targets.gclasses.numpy(),
                example["gt_boxes"].numpy(),
            )
        )
    names = list(MATCHERS)
    halves = [
        visualization.side_by_side([pictures[at : at + 4]], names[at : at + 4])
        for at in (0, 4)
    ]
    sheet = Image.new("RGB", (halves[0].width, 2 * halves[0].height), "white")
    for k, half in enumerate(halves):
        sheet.paste(half, (0, k * half.height))
    save(sheet, "label_assignment")


def draw_shapes() -> None:
    """The sample picture of a run, the lower half of its rows at the right."""
    sheet = Image.open(pathlib.Path(_RUN_DIR.value) / "detections.png")
    sheet = sheet.convert("RGB")
    # Pictures lie between lines of white.
    is_white = (np.asarray(sheet) == 255).all(axis=(1, 2)).astype(int)
    begins = 1 + np.flatnonzero(np.diff(is_white) == -1)
    top, middle = int(begins[-4]), int(begins[-2])
    at = sheet.width + 24
    height = max(middle, top + sheet.height - middle)
    joined = Image.new("RGB", (at + sheet.width, height), "white")
    joined.paste(sheet.crop((0, 0, sheet.width, middle)), (0, 0))
    joined.paste(sheet.crop((0, 0, sheet.width, top)), (at, 0))
    lower = sheet.crop((0, middle, sheet.width, sheet.height))
    joined.paste(lower, (at, top))
    save(joined, "shapes")


def save(picture: Image.Image, name: str) -> None:
    picture.save(DOCS / f"{name}.jpg", quality=74, optimize=True)


def main(_) -> None:
    draw_augmentation(
        sources.build_source("voc_folder", data_dir=_DATA_DIR.value)
    )
    draw_label_assignment()
    if _RUN_DIR.value:
        draw_shapes()


if __name__ == "__main__":
    app.run(main)
