"""Small data in the form of Pascal VOC."""

import pytest
import tensorflow_datasets as tfds
from PIL import Image

from ssd_tf.class_names import COCO_CATEGORY_IDS
from ssd_tf.data.sources import shapes
from ssd_tf.data.sources.registry import build_source
from tests.data import coco_files, other_layouts

OBJECT = (
    "<object><name>{}</name><pose>Left</pose><truncated>0</truncated>"
    "<difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)
DOG = ("dog", 1, 10, 5, 50, 25)
CAT = ("cat", 0, 0, 0, 100, 50)
NO_AREA = ("cat", 0, 20, 0, 20, 50)


def write_devkit(root, year, splits):
    """Writes images of 100 x 50; `splits` is {split: {id: objects}}."""
    voc = root / f"VOCdevkit/VOC{year}"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (voc / name).mkdir(parents=True)
    for split, images in splits.items():
        (voc / f"ImageSets/Main/{split}.txt").write_text("\n".join(images))
        for image_id, objects in images.items():
            Image.new("RGB", (100, 50)).save(voc / f"JPEGImages/{image_id}.jpg")
            (voc / f"Annotations/{image_id}.xml").write_text(
                "<annotation><size><width>100</width><height>50</height>"
                f"</size>{''.join(OBJECT.format(*o) for o in objects)}"
                "</annotation>"
            )


def write_coco_2017(root):
    """COCO as its archives unpack, with all its categories."""
    categories = [
        {"id": number, "name": name}
        for name, number in COCO_CATEGORY_IDS.items()
    ]
    coco_files.write_pets(root, categories=categories)
    coco_files.add_image(root / "test2017/d.jpg")
    coco_files.write_json(
        root / "annotations/image_info_test2017.json",
        [coco_files.image(40, "d.jpg")],
        categories=categories,
    )


def mark_downloaded(data_dir):
    """Marks a download as tfds does when one is finished."""
    downloads = data_dir / "downloads"
    downloads.mkdir(parents=True)
    (downloads / "VOC.tar.INFO").touch()


@pytest.fixture(scope="module", autouse=True)
def small_graphs(no_grappler):
    """Most tests here build pipelines and steps of their own."""


@pytest.fixture(scope="session")
def devkit(tmp_path_factory):
    """Two years of VOC, COCO and shapes, prepared by tfds -> data_dir.

    Beside it lie the folders "2007", a devkit, and those of the other layouts
    by their names. Tests leave all as it is.
    """
    root = tmp_path_factory.mktemp("devkit")
    for year, first in (("2007", "0"), ("2012", "2012_0")):
        splits = {
            "train": {f"{first}1": [DOG, NO_AREA, CAT], f"{first}2": [CAT]},
            "val": {f"{first}3": []},
            "test": {f"{first}4": [DOG]},
        }
        write_devkit(root / year, year, splits)
    coco_files.write_pets(root / "coco_folder", "train", "val")
    other_layouts.write_yolo(root / "yolo_folder")
    other_layouts.write_csv(root / "csv_folder")
    other_layouts.write_labelme(root / "labelme_folder")
    other_layouts.write_tfrecord(root / "tfrecord_folder")
    write_coco_2017(root / "coco2017")

    def download_and_extract(manager, urls):
        if "cocodataset" in str(urls):
            return {name: str(root / "coco2017") for name in urls}
        year = "2012" if "2012" in str(urls) else "2007"
        return {name: str(root / year) for name in urls}

    mark_downloaded(root / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "_NUM_EXAMPLES", {"train": 2, "test": 1})
        patch.setattr(
            tfds.download.DownloadManager,
            "download_and_extract",
            download_and_extract,
        )
        for dataset in ("shapes", "voc/2007+2012", "coco/2017"):
            build_source(dataset, data_dir=str(root / "data"))
    return root / "data"


SIZE = "<size><width>{}</width><height>{}</height></size>"
FOLDER_OBJECT = (
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    "<xmax>{}</xmax><ymax>{}</ymax></bndbox>"
    "<difficult>{}</difficult></object>"
)


def _add_image(root, image_id, *objects, size=(100, 50), file=None, name=""):
    """Writes an image of 100 x 50 and its annotation.

    `objects` are (class, xmin, ymin, xmax, ymax, difficult), `size` is what
    the annotation says, `file` the name of the image.
    """
    body = f"<filename>{name}</filename>" + (SIZE.format(*size) if size else "")
    body += "".join(FOLDER_OBJECT.format(*item) for item in objects)
    xml = root / f"Annotations/{image_id}.xml"
    xml.write_text(f"<annotation>{body}</annotation>")
    path = root / "JPEGImages" / (file or f"{image_id}.jpg")
    Image.new("RGB", (100, 50)).save(path)
    return path


def _add_split(root, split, *lines):
    text = "".join(f"{line}\n" for line in lines)
    (root / f"ImageSets/Main/{split}.txt").write_text(text)


@pytest.fixture
def root(tmp_path):
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def pets(root):
    _add_image(root, "a", ("dog", 10, 5, 50, 25, 0), ("cat", 0, 0, 100, 50, 1))
    _add_image(root, "b")
    _add_image(root, "c", ("emu", 1, 2, 3, 4, 0))
    _add_split(root, "train", "b", "a")
    _add_split(root, "val", "c")
    return root


@pytest.fixture
def add_image():
    return _add_image


@pytest.fixture
def add_split():
    return _add_split
