"""The contract of every source; a new one is one more row."""

import pytest

from ssd_tf.data.sources import registry
from ssd_tf.data.sources.base import ELEMENT_SPEC
from ssd_tf.data.validation.checks import DROPPED
from ssd_tf.data.validation.run import check_splits
from ssd_tf.errors import InputError

# Where the data of each source are, below the folder of `devkit`.
DATA_DIRS = {
    "shapes": "data",
    "voc/2007": "data",
    "voc/2012": "data",
    "voc/2007+2012": "data",
    "folder": "2007/VOCdevkit/VOC2007",
    "voc_folder": "2007/VOCdevkit/VOC2007",
    "coco/2017": "data",
    "coco_folder": "coco_folder",
    "yolo_folder": "yolo_folder",
    "csv_folder": "csv_folder",
    "labelme_folder": "labelme_folder",
    "tfrecord_folder": "tfrecord_folder",
}


def test_every_source_is_tested():
    assert set(DATA_DIRS) == set(registry.SOURCES)


@pytest.fixture(scope="module", params=DATA_DIRS)
def data(request, devkit):
    data_dir = devkit.parent / DATA_DIRS[request.param]
    source = registry.build_source(request.param, data_dir=str(data_dir))
    # A folder is called by the layout that it has.
    assert source.name in (request.param, f"voc_{request.param}")
    return source


def test_contract(data):
    assert data.dataset("train").element_spec == ELEMENT_SPEC
    assert len(set(data.class_names)) == len(data.class_names) > 0
    assert len(set(data.category_ids)) == len(data.class_names)
    assert min(data.category_ids) >= 1
    for split in data.default_splits:
        assert set(split.split("+")) <= set(data.splits())
        examples = list(data.dataset(split).as_numpy_iterator())
        assert len(examples) == data.num_examples(split) > 0
        ids = [e["image_id"] for e in examples]
        assert len(set(ids)) == len(ids)
        again = data.dataset(split).as_numpy_iterator()
        assert [e["image_id"] for e in again] == ids
        rest = data.dataset(split, skip=1).as_numpy_iterator()
        assert [e["image_id"] for e in rest] == ids[1:]
        assert list(data.dataset(split, skip=99).as_numpy_iterator()) == []
        for example in examples:
            assert example["image"][:2] == b"\xff\xd8"  # JPEG, not decoded
            boxes, labels = example["gt_boxes"], example["gt_labels"]
            assert len(boxes) == len(labels)
            assert len(boxes) == len(example["gt_is_difficult"])
            assert len(boxes) == len(example["gt_is_crowd"])
            assert len(boxes) == len(example["gt_areas"])
            # A mask may fill its box, and no more than the image.
            assert example["gt_areas"].min(initial=1) > 0
            assert example["gt_areas"].max(initial=0) <= 1
            assert boxes.min(initial=0) >= 0 and boxes.max(initial=1) <= 1
            assert (boxes[:, 2:] > boxes[:, :2]).all()
            assert labels.min(initial=1) >= 1
            assert labels.max(initial=1) <= len(data.class_names)
        assert data.dropped_boxes(split) >= 0


def test_raw_images(data):
    for split in {part for s in data.default_splits for part in s.split("+")}:
        raw_images = list(data.raw_images(split))
        assert len(raw_images) == data.num_raw_images(split)
        examples = list(data.dataset(split).as_numpy_iterator())
        assert [(raw.image_id, raw.read()) for raw in raw_images] == [
            (e["image_id"].decode(), e["image"]) for e in examples
        ]
        for raw, example in zip(raw_images, examples):
            assert raw.problems == ()
            assert {item.class_name for item in raw.objects} >= {
                data.class_names[label - 1] for label in example["gt_labels"]
            }
        checked = check_splits(data, [split], class_names=data.class_names)
        problems = [p for image in checked for p in image.problems]
        num_dropped = sum(p.kind in DROPPED for p in problems)
        assert num_dropped == data.dropped_boxes(split)


def test_missing_split(data):
    for ask in (data.num_examples, data.dropped_boxes, data.dataset):
        with pytest.raises(InputError) as error:
            ask("nope")
        assert "split 'nope' is missing; found: " in str(error.value)
        assert str(error.value).endswith(", ".join(data.splits()))


@pytest.mark.parametrize("name", [n for n in DATA_DIRS if "folder" in n])
def test_folders_are_recognised(devkit, name):
    data_dir = str(devkit.parent / DATA_DIRS[name])
    source = registry.build_source("folder", data_dir=data_dir)
    assert source.name in (name, f"voc_{name}")
    expected = registry.build_source(name, data_dir=data_dir)
    assert source.class_names == expected.class_names
    assert source.splits() == expected.splits()
