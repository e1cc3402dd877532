"""Whole splits: what is read, and that it is what training drops."""

import json
import pathlib

import pytest

from ssd_tf.data.sources.coco_folder import CocoFolder
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.data.validation.checks import DROPPED
from ssd_tf.data.validation.report import Report
from ssd_tf.data.validation.run import check_splits
from tests.data.annotated import noise, raw_image

BCCD = pathlib.Path(__file__).parents[4] / "shared/data/bccd"


class CountedImage:
    """An image that notes when it is read."""

    def __init__(self, reads, raw):
        self._reads = reads
        self._raw = raw

    def __getattr__(self, name):
        return getattr(self._raw, name)

    def read(self):
        self._reads.append(self.image_path)
        return noise("PNG")


class Annotated:
    """Images that are given; counts how often each is read."""

    def __init__(self, **splits):
        self._splits = splits
        self.reads = []

    def raw_images(self, split):
        for name in self._splits[split]:
            path = f"{name}.png"
            raw = raw_image(
                ("cat", 5, 5, 5, 9),
                image_id=path,
                location=f"{name}.xml",
                image_path=path,
            )
            yield CountedImage(self.reads, raw)


def test_every_image_is_read_once_and_order_is_kept():
    names = [f"{i:03}" for i in range(40)]
    source = Annotated(train=names, all=[*reversed(names), "last"])
    found = list(check_splits(source, ["train", "all"], class_names=None))
    order = [*names, *reversed(names), "last"]
    assert [c.raw.image_id for c in found] == [f"{n}.png" for n in order]
    assert [c.split for c in found] == ["train"] * 40 + ["all"] * 41
    assert [c.is_new for c in found] == [True] * 40 + [False] * 40 + [True]
    assert [len(c.problems) for c in found] == [1] * 40 + [0] * 40 + [1]
    assert sorted(source.reads) == [f"{n}.png" for n in [*names, "last"]]


def test_listed_twice():
    source = Annotated(train=["a", "b", "a"])
    found = list(check_splits(source, ["train"], class_names=None))
    assert [c.is_listed_again for c in found] == [False, False, True]
    assert [str(p) for p in found[2].problems] == [
        "a.xml: split 'train' lists it twice; taken once [listed_twice]"
    ]
    report = Report(("cat",))
    for checked in found:
        report.add(checked)
    assert report.as_dict()["splits"]["train"]["images"] == 2
    assert report.as_dict()["classes"] == {"cat": 2}


BOXES = [
    (10, 10, 10, 20),  # xmin, ymin, xmax, ymax: no width
    (30, 10, 20, 20),  # inverted
    (100, 0, 120, 50),  # outside where the width is 100
    (100.5, 0, 120, 50),
    (-9, -9, 0, 0),
    (-50, -10, 50, 60),  # leaves the image
    (0, 0, 100.9, 50),
    (99.9999999, 0, 100, 50),
    (60, 30, 90, 40),  # outside where the width is 40
    (1, 2, 3, 4),
]
SIZES = [None, (0, 0), (100, 50), (50, 100), (200, 100), (40, 20)]


def _problems(source):
    found = check_splits(source, ["train"], class_names=source.class_names)
    return [p for checked in found for p in checked.problems]


def _num_dropped(problems):
    return sum(p.kind in DROPPED for p in problems)


def test_a_voc_folder_drops_what_is_called_dropped(root, add_image, add_split):
    nan = [("nan", 10, 20, 20), (10, 10, 20, "inf")]
    ids = []
    for i, box in enumerate([*BOXES, *nan]):
        for j, size in enumerate(SIZES):
            ids.append(f"{i}_{j}")
            add_image(root, ids[-1], ("cat", *box, 0), size=size)
    add_split(root, "train", *ids)
    source = VocFolder(root)
    num_dropped = _num_dropped(_problems(source))
    assert num_dropped == source.dropped_boxes("train") > len(BOXES)


def test_a_coco_folder_drops_what_is_called_dropped(tmp_path):
    images_dir = tmp_path / "train"
    images_dir.mkdir()
    (tmp_path / "annotations").mkdir()
    listed, annotations = [], []
    for i, (xmin, ymin, xmax, ymax) in enumerate(BOXES):
        for j, size in enumerate(SIZES):
            number = 10 * i + j
            name = f"{number}.png"
            (images_dir / name).write_bytes(noise("PNG"))
            listed.append({"id": number, "file_name": name})
            if size:
                listed[-1].update(width=size[0], height=size[1])
            bbox = [xmin, ymin, xmax - xmin, ymax - ymin]
            annotations.append(
                {
                    "id": number,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": bbox,
                }
            )
    content = {
        "images": listed,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cat"}],
    }
    path = tmp_path / "annotations/instances_train.json"
    path.write_text(json.dumps(content))
    source = CocoFolder(tmp_path)
    problems = _problems(source)
    num_dropped = _num_dropped(problems)
    assert num_dropped == source.dropped_boxes("train") > len(BOXES)
    first = next(p for p in problems if p.kind == "empty")
    assert str(first).startswith(f"{path}: image 0: annotation 0 (cat) ymin=10")


@pytest.mark.skipif(not BCCD.is_dir(), reason="shared/data/bccd is absent")
def test_bccd():
    source = VocFolder(BCCD)
    assert [str(p) for p in _problems(source)] == [
        f"{BCCD}/Annotations/BloodImage_00343.xml: box 4 (RBC) ymin=329"
        " xmin=181 ymax=329 xmax=181: has no area; dropped [empty]"
    ]
    assert source.dropped_boxes("train") == 1
