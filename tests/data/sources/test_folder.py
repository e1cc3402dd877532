"""The rest that `FolderSource` does, shown by a layout from outside."""

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data.sources import (
    SOURCES,
    FolderSource,
    RawImage,
    RawObject,
    build_source,
)
from ssd_tf.data.validation.run import check_splits
from ssd_tf.errors import InputError


class TextFolder(FolderSource):
    """A line of <split>.txt: image class ymin xmin ymax xmax."""

    name = "text_folder"
    expected = "a folder with <split>.txt and images"

    def splits(self):
        return tuple(sorted(path.stem for path in self.root.glob("*.txt")))

    def read_split(self, split):
        path = self.root / f"{split}.txt"
        for i, line in enumerate(path.read_text().splitlines(), start=1):
            image, class_name, *box = line.split()
            place = f"line {i}"
            yield RawImage(
                image_id=image,
                location=str(path),
                image_path=str(self.root / image),
                declared_size=None,
                objects=[RawObject(class_name, tuple(map(float, box)), place)],
            )


@pytest.fixture
def texts(tmp_path):
    for name in ("a.png", "b.gif"):
        Image.new("RGB", (100, 50)).save(tmp_path / name)
    (tmp_path / "train.txt").write_text(
        "b.gif dog 5 10 25 50\na.png cat 0 90 50 90\n"
    )
    (tmp_path / "val.txt").write_text("a.png cat 0 0 50 100\n")
    return tmp_path


@pytest.fixture
def source(texts, monkeypatch):
    monkeypatch.setitem(SOURCES, "text_folder", TextFolder)
    return build_source("text_folder", data_dir=str(texts))


def test_a_layout_from_outside(source, texts):
    assert source.class_names == ("cat", "dog")
    assert source.category_ids == (1, 2)
    assert source.default_splits == ("train", "val")
    b, a = source.dataset("train").as_numpy_iterator()
    assert b["image"] == (texts / "b.gif").read_bytes()
    expected = np.array([[0.1, 0.1, 0.5, 0.5]], np.float32)
    np.testing.assert_array_equal(b["gt_boxes"], expected)
    assert b["gt_labels"].tolist() == [2]
    assert a["gt_labels"].tolist() == []
    assert source.dropped_boxes("train") == 1
    assert source.image_ids("train") == {}
    _, checked = check_splits(source, ["train"], class_names=("cat", "dog"))
    assert [str(p).partition(":")[2] for p in checked.problems] == [
        " no size; that of the image is used [missing_size]",
        " line 2 (cat) ymin=0 xmin=90 ymax=50 xmax=90: has no area; dropped"
        " [empty]",
    ]


def test_joined_splits_take_an_image_once(source, texts, caplog):
    ids = [raw.image_id for raw in source.raw_images("train+val")]
    assert ids == ["b.gif", "a.png", "a.png"]
    assert source.num_raw_images("train+val") == 3
    assert source.num_examples("train+val") == 2
    assert caplog.messages[0] == (
        f"{texts}: split train+val: 1 images listed more than once are taken"
        " once"
    )


def test_images_of_one_name_are_called_by_their_paths(texts):
    (texts / "val").mkdir()
    Image.new("RGB", (100, 50)).save(texts / "val/a.png")

    class BaseNames(TextFolder):
        def read_split(self, split):
            for raw in super().read_split(split):
                name = raw.image_id.rpartition("/")[2]
                yield RawImage(
                    image_id=name,
                    location=raw.location,
                    image_path=raw.image_path,
                    declared_size=(50.0, 100.0),
                    objects=raw.objects,
                    number=7 if "val" in raw.image_path else 3,
                )

    (texts / "val.txt").write_text("val/a.png cat 0 0 50 100\n")
    source = BaseNames(texts)
    assert source.image_ids("val") == {"a.png": 7}
    expected = {"b.gif": 3, "a.png": 3, "val/a.png": 7}
    assert source.image_ids("train+val") == expected


def test_unknown_class(texts):
    with pytest.raises(InputError) as error:
        TextFolder(texts, ("cat",)).num_examples("train")
    assert str(error.value) == (
        f"{texts}/train.txt: unknown class 'dog'; known: cat"
    )


def test_splits_that_cannot_be_used(source, texts):
    (texts / "test.txt").write_text("")
    for split, message in (
        ("val+nope", "split 'nope' is missing; found: test, train, val"),
        ("test", "split 'test' lists no image"),
    ):
        asks = source.num_examples, source.num_raw_images, source.dataset
        for ask in (*asks, lambda name: list(source.raw_images(name))):
            with pytest.raises(InputError) as error:
                ask(split)
            assert str(error.value) == f"{texts}: {message}"


@pytest.mark.parametrize("data_dir", [None, ""])
def test_without_a_folder(data_dir):
    with pytest.raises(InputError) as error:
        TextFolder(data_dir)
    assert str(error.value) == (
        "text_folder needs data_dir: a folder with <split>.txt and images"
    )
