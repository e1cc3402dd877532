"""Sources whose annotations number the images."""

import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from ssd_tf.data.sources.base import NumberedImages
from ssd_tf.data.sources.coco_folder import CocoFolder
from ssd_tf.data.sources.shapes import Shapes
from ssd_tf.data.sources.tfds_source import TfdsSource
from tests.data.coco_files import add_image, image, write_json


class Numbered(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Two images with the features of coco/2017."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        box = {
            "bbox": tfds.features.BBoxFeature(),
            "label": tfds.features.ClassLabel(names=["cat"]),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(encoding_format="jpeg"),
                    "image/filename": tfds.features.Text(),
                    "image/id": np.int64,
                    "objects": tfds.features.Sequence(box),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in (139, 1 << 40):
            yield number, {
                "image": np.zeros((8, 8, 3), np.uint8),
                "image/filename": f"{number:012}.jpg",
                "image/id": number,
                "objects": [],
            }


def test_of_tfds(tmp_path):
    source = TfdsSource(Numbered(data_dir=tmp_path), ("train", "train"))
    assert isinstance(source, NumberedImages)
    ids = {"000000000139.jpg": 139, "1099511627776.jpg": 1 << 40}
    assert source.image_ids("train") == ids
    names = [e["image_id"] for e in source.dataset("train").as_numpy_iterator()]
    assert {name.decode() for name in names} == set(ids)


def test_of_tfds_without_numbers(shapes_dir):
    source = TfdsSource(Shapes(data_dir=shapes_dir), ("train", "test"))
    assert source.image_ids("train") == {}


def test_of_a_coco_folder_whose_splits_share_names(tmp_path):
    for split, number in (("train", 0), ("val", 100)):
        for name in ("0.jpg", f"{split}.jpg"):
            add_image(tmp_path / split / name)
        images = [image(number, "0.jpg"), image(number + 1, f"{split}.jpg")]
        write_json(tmp_path / f"annotations/{split}.json", images)
    source = CocoFolder(tmp_path)
    assert source.image_ids("val") == {"0.jpg": 100, "val.jpg": 101}
    expected = {
        "train/0.jpg": 0,
        "train/train.jpg": 1,
        "val/0.jpg": 100,
        "val/val.jpg": 101,
    }
    assert source.image_ids("train+val") == expected
    examples = source.dataset("train+val").as_numpy_iterator()
    assert [e["image_id"].decode() for e in examples] == list(expected)


@pytest.mark.parametrize("split", ["val", "train+val"])
def test_of_a_coco_folder(tmp_path, split):
    (tmp_path / "annotations").mkdir()
    numbers = {"train": {"x/1.png": 3}, "val": {"2.png": 5, "3.png": "six"}}
    for part, images in numbers.items():
        content = {
            "images": [
                {"id": number, "file_name": name, "width": 8, "height": 8}
                for name, number in images.items()
            ],
            "annotations": [],
            "categories": [{"id": 7, "name": "cat"}],
        }
        path = tmp_path / f"annotations/instances_{part}.json"
        path.write_text(json.dumps(content))
        for name in images:
            image = tmp_path / part / name
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(image)
    source = CocoFolder(tmp_path)
    assert isinstance(source, NumberedImages)
    ids = source.image_ids(split)
    expected = {"2.png": 5, "3.png": "six"}
    if split == "train+val":
        expected["x/1.png"] = 3
    assert ids == expected
    names = [e["image_id"] for e in source.dataset(split).as_numpy_iterator()]
    assert {name.decode() for name in names} == set(ids)
