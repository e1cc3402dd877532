"""Seconds and memory to read annotations as large as COCO's train2017.

With ssd_tf installed: `python benchmarks/coco_index.py`. Prints one JSON
line. A synthetic COCO folder is written first: 118,000 images, 860,000 boxes
with polygons of about twenty corners, as in train2017. All images are links to
one small JPEG, so that no figure contains much reading of images.

"index_s" is what training waits for: the source is made and its default split
read, every image file looked for. "first_batch_s" is the first 32 shuffled
examples after that. "peak_gib" is that of the whole process, TensorFlow
included; the folder is written by another one.
"""

import json
import multiprocessing
import os
import pathlib
import resource
import tempfile
import time

import numpy as np
from absl import app, flags
from PIL import Image

from ssd_tf.data import shuffling
from ssd_tf.data.sources import registry

_NUM_IMAGES = flags.DEFINE_integer("num_images", 118_000, "Images.")
_NUM_BOXES = flags.DEFINE_integer("num_boxes", 860_000, "Boxes in all.")
_NUM_CLASSES = 80
_WIDTH_PX, _HEIGHT_PX = 640, 480
_BATCH_SIZE = 32


def write_folder(root: pathlib.Path, num_images: int, num_boxes: int) -> None:
    """Writes annotations and links to one image."""
    (root / "annotations").mkdir()
    (root / "train2017").mkdir()
    picture = root / "picture.jpg"
    Image.new("RGB", (_WIDTH_PX, _HEIGHT_PX)).save(picture)
    images = [_image(i) for i in range(num_images)]
    for image in images:
        os.symlink(picture, root / "train2017" / image["file_name"])
    rng = np.random.default_rng(0)
    categories = [
        {"id": i + 1, "name": f"class {i + 1}", "supercategory": "thing"}
        for i in range(_NUM_CLASSES)
    ]
    path = root / "annotations/instances_train2017.json"
    with path.open("w") as file:
        file.write('{"info": {}, "licenses": [], "images": ')
        json.dump(images, file)
        file.write(f', "categories": {json.dumps(categories)}')
        file.write(', "annotations": [')
        for i in range(num_boxes):
            file.write(",\n" if i else "\n")
            file.write(json.dumps(_annotation(rng, i, i % num_images)))
        file.write("]}")


def _image(i: int) -> dict:
    name = f"{i:012d}.jpg"
    return {
        "license": 3,
        "file_name": name,
        "coco_url": f"http://images.cocodataset.org/train2017/{name}",
        "height": _HEIGHT_PX,
        "width": _WIDTH_PX,
        "date_captured": "2013-11-14 11:18:45",
        "flickr_url": f"http://farm9.staticflickr.com/8186/{i:010d}_z.jpg",
        "id": i,
    }


def _annotation(rng: np.random.Generator, i: int, image_id: int) -> dict:
    size = rng.uniform(8, 300, 2)
    corner = rng.uniform(0, 1, 2) * ((_WIDTH_PX, _HEIGHT_PX) - size)
    polygon = corner + rng.uniform(0, 1, (rng.integers(8, 48), 2)) * size
    return {
        "segmentation": [polygon.round(2).ravel().tolist()],
        "area": round(float(size.prod()) * 0.6, 4),
        "iscrowd": int(rng.random() < 0.01),
        "image_id": image_id,
        "bbox": [*corner.round(2).tolist(), *size.round(2).tolist()],
        "category_id": int(rng.integers(1, _NUM_CLASSES + 1)),
        "id": i + 1,
    }


def measure(root: pathlib.Path) -> dict:
    """Reads the folder as training does."""
    start = time.perf_counter()
    source = registry.build_source("coco_folder", data_dir=str(root))
    split = source.default_splits[0]
    num_images = source.num_examples(split)
    index_s = time.perf_counter() - start
    examples = shuffling.shuffled_examples(source, split, seed=0)
    batch = list(examples.take(_BATCH_SIZE))
    assert len(batch) == _BATCH_SIZE
    first_batch_s = time.perf_counter() - start - index_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "index_s": round(index_s, 1),
        "first_batch_s": round(first_batch_s, 2),
        "peak_gib": round(peak, 2),
        "num_images": num_images,
    }


def main(_) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        writer = multiprocessing.get_context("spawn").Process(
            target=write_folder,
            args=(root, _NUM_IMAGES.value, _NUM_BOXES.value),
        )
        writer.start()
        writer.join()
        path = root / "annotations/instances_train2017.json"
        figures = measure(root)
        print(
            json.dumps(
                {
                    "benchmark": "coco_index",
                    **figures,
                    "num_boxes": _NUM_BOXES.value,
                    "json_mib": round(path.stat().st_size / 2**20),
                    "cpu_cores": os.cpu_count(),
                }
            )
        )


if __name__ == "__main__":
    app.run(main)
