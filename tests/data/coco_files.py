"""Small folders in the form of COCO."""

import json

from PIL import Image

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def add_image(path, size=(100, 50)):
    """Writes a JPEG of width x height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)
    return path


def image(image_id, file_name, width=100, height=50):
    """An entry of "images"."""
    return {
        "id": image_id,
        "file_name": file_name,
        "width": width,
        "height": height,
    }


def annotation(number, image_id, category_id, bbox, **more):
    """An entry of "annotations"."""
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": bbox,
        **more,
    }


def write_json(path, images, annotations=(), categories=CATEGORIES):
    """Writes an annotation file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": list(images),
        "annotations": list(annotations),
        "categories": list(categories),
    }
    path.write_text(json.dumps(content))
    return path


def write_pets(root, train="train2017", val="val2017", categories=CATEGORIES):
    """COCO's own layout: two images of 100 x 50 to train on, one for val."""
    for name in (f"{train}/a.jpg", f"{train}/b.jpg", f"{val}/c.jpg"):
        add_image(root / name)
    folder = root / "annotations"
    write_json(
        folder / f"instances_{train}.json",
        [image(20, "b.jpg"), image(10, "a.jpg")],
        [
            annotation(1, 10, 7, [10, 5, 40, 20], area=500.0, iscrowd=0),
            annotation(2, 10, 3, [0, 0, 100, 50], area=2500, iscrowd=1),
            annotation(3, 10, 3, [50, 25, 50, 25], area=0, iscrowd=0),
        ],
        categories,
    )
    write_json(
        folder / f"instances_{val}.json",
        [image(30, "c.jpg")],
        [annotation(4, 30, 3, [0, 0, 50, 50], area=40.5, iscrowd=0)],
        categories,
    )
    write_json(folder / f"captions_{val}.json", [], categories=())
    return root
