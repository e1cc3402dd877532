"""Three images of 100 x 50 in layouts other than those of VOC and COCO.

Of each: a.jpg and b.jpg to train on, of which b has no object, and c.jpg.
"""

import json

import tensorflow as tf
from PIL import Image

# (class, xmin, ymin, xmax, ymax) in pixels.
TRAIN = {"a": [("dog", 10, 5, 50, 25), ("cat", 0, 0, 100, 50)], "b": []}
VAL = {"c": [("cat", 20, 10, 60, 30), ("cat", 20, 10, 20, 40)]}
SPLITS = {"train": TRAIN, "val": VAL}
NAMES = ("cat", "dog")


def add_image(path):
    """Writes a JPEG of 100 x 50."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 50)).save(path)


def write_text(path, *lines):
    """Writes a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def yolo_line(name, xmin, ymin, xmax, ymax):
    """A line of a label file."""
    values = (xmin + xmax) / 200, (ymin + ymax) / 100
    sides = (xmax - xmin) / 100, (ymax - ymin) / 50
    return " ".join(map(str, (NAMES.index(name), *values, *sides)))


def write_yolo(root):
    """images/<split>, labels/<split> and data.yaml."""
    for split, images in SPLITS.items():
        for name, objects in images.items():
            add_image(root / f"images/{split}/{name}.jpg")
            lines = (yolo_line(*item) for item in objects)
            write_text(root / f"labels/{split}/{name}.txt", *lines)
    write_text(
        root / "data.yaml",
        *("train: images/train", "val: images/val", "names: [cat, dog]"),
    )
    return root


def write_csv(root):
    """The columns of Model Maker."""
    lines = []
    for split, images in SPLITS.items():
        kind = {"train": "TRAIN", "val": "VALIDATION"}[split]
        for name, objects in images.items():
            add_image(root / f"images/{name}.jpg")
            start = f"{kind},images/{name}.jpg"
            lines += [
                f"{start},{label},{x / 100},{y / 50},,,{x2 / 100},{y2 / 50},,"
                for label, x, y, x2, y2 in objects
            ] or [f"{start},,,,,,,,,"]
    write_text(root / "data.csv", *lines)
    return root


def labelme(image, objects, **changes):
    """labelme's JSON of an image."""
    shapes = [
        {
            "label": name,
            "points": [[xmin, ymin], [xmax, ymax]],
            "shape_type": "rectangle",
        }
        for name, xmin, ymin, xmax, ymax in objects
    ]
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image,
        "imageData": None,
        "imageHeight": 50,
        "imageWidth": 100,
    }
    return json.dumps({**content, **changes})


def write_labelme(root):
    """Folders called by the splits."""
    for split, images in SPLITS.items():
        for name, objects in images.items():
            add_image(root / f"{split}/{name}.jpg")
            text = labelme(f"{name}.jpg", objects)
            write_text(root / f"{split}/{name}.json", text)
    return root


def feature(values):
    """A feature of bytes, whole numbers or fractions."""
    if values and isinstance(values[0], bytes):
        kind = {"bytes_list": tf.train.BytesList(value=values)}
    elif values and isinstance(values[0], float):
        kind = {"float_list": tf.train.FloatList(value=values)}
    else:
        kind = {"int64_list": tf.train.Int64List(value=values)}
    return tf.train.Feature(**kind)


def example(path, objects, **more):
    """A record of the OD API; `more` has "difficult" and the like."""
    box = "image/object/bbox/"
    values = {
        "image/encoded": [path.read_bytes()],
        "image/filename": [path.name.encode()],
        "image/height": [50],
        "image/width": [100],
        f"{box}xmin": [item[1] / 100 for item in objects],
        f"{box}ymin": [item[2] / 50 for item in objects],
        f"{box}xmax": [item[3] / 100 for item in objects],
        f"{box}ymax": [item[4] / 50 for item in objects],
        "image/object/class/text": [item[0].encode() for item in objects],
        "image/object/class/label": [
            {"cat": 3, "dog": 7}[item[0]] for item in objects
        ],
        **{f"image/object/{name}": value for name, value in more.items()},
    }
    features = {name: feature(value) for name, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=features))


def write_tfrecord(root):
    """train.record, val.record and a label map."""
    for split, images in SPLITS.items():
        root.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(root / f"{split}.record")) as writer:
            for name, objects in images.items():
                path = root.parent / f"pictures/{name}.jpg"
                add_image(path)
                writer.write(example(path, objects).SerializeToString())
    item = "item {{ id: {} name: '{}' }}"
    lines = (item.format(7, "dog"), item.format(3, "cat"))
    write_text(root / "label_map.pbtxt", *lines)
    return root


def write_cats(root, count):
    """Different pictures of a cat each, with labelme's JSON, in one folder."""
    for i in range(count):
        add_image(root / f"{i}.jpg")
        encoded = (root / f"{i}.jpg").read_bytes()
        (root / f"{i}.jpg").write_bytes(encoded + bytes([i]))
        text = labelme(f"{i}.jpg", [("cat", 1, 2, 30, 40)])
        write_text(root / f"{i}.json", text)
