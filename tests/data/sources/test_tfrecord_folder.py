"""The source that reads records of the TF Object Detection API."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import pipeline, service, shuffling
from ssd_tf.data.sources import build_source
from ssd_tf.data.sources.record_files import read_label_map
from ssd_tf.data.sources.tfrecord_folder import TfrecordFolder
from ssd_tf.errors import InputError
from tests.data import other_layouts


@pytest.fixture
def pets(tmp_path):
    return other_layouts.write_tfrecord(tmp_path / "records")


def write(path, *examples):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for item in examples:
            writer.write(item.SerializeToString())


@pytest.fixture
def picture(tmp_path):
    other_layouts.add_image(tmp_path / "a.jpg")
    return tmp_path / "a.jpg"


def test_elements(pets):
    source = TfrecordFolder(pets)
    assert source.class_names == ("cat", "dog")  # by number
    assert source.category_ids == (3, 7)
    a, b = source.dataset("train").as_numpy_iterator()
    assert a["image"] == (pets.parent / "pictures/a.jpg").read_bytes()
    assert (a["image_id"], b["image_id"]) == (b"a.jpg", b"b.jpg")
    expected = [[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]]
    np.testing.assert_allclose(a["gt_boxes"], expected, rtol=1e-6)
    assert a["gt_labels"].tolist() == [2, 1]
    assert source.dropped_boxes("val") == 1


def test_random_access(pets):
    source = TfrecordFolder(pets)
    assert isinstance(source, shuffling.RandomAccess)
    ids = shuffling.batch_image_ids(
        source, "train", batch_size=4, seed=1, step=0
    )
    assert sorted(ids) == ["a.jpg", "a.jpg", "b.jpg", "b.jpg"]
    (batch,) = pipeline.evaluation_batches(
        source, "train", image_size=None, batch_size=2
    )
    assert batch.images.shape == (2, 50, 100, 3)
    with pytest.raises(InputError) as error:
        service.check_source(source)
    assert str(error.value) == (
        "--data_service cannot read files of records; convert them with"
        " `python -m ssd_tf convert_data --to=coco`"
    )


def test_marks_of_objects(pets, picture):
    item = other_layouts.example(
        picture,
        [("cat", 0, 0, 50, 25), ("cat", 0, 0, 100, 50)],
        difficult=[1, 0],
        is_crowd=[0, 1],
        area=[500.0, 2500.0],
    )
    write(pets / "val.record", item)
    (raw,) = TfrecordFolder(pets).raw_images("val")
    assert [(o.is_difficult, o.is_crowd, o.area) for o in raw.objects] == [
        (True, False, 0.1),
        (False, True, 0.5),
    ]
    (example,) = TfrecordFolder(pets).dataset("val").as_numpy_iterator()
    np.testing.assert_allclose(example["gt_areas"], [0.1, 0.5], rtol=1e-6)


@pytest.mark.parametrize(
    "names, splits",
    [
        (["train.record", "val.record"], ("train", "val")),
        (["pets_train.tfrecord", "pets_test.tfrecord"], ("test", "train")),
        (
            [
                "coco_train.record-00000-of-00002",
                "coco_train.record-00001-of-00002",
            ],
            ("train",),
        ),
        (["all.tfrecords"], ("all",)),
    ],
)
def test_names_of_files(tmp_path, picture, names, splits):
    folder = tmp_path / "records"
    folder.mkdir()
    item = other_layouts.example(picture, [("cat", 0, 0, 50, 25)])
    for name in names:
        write(folder / name, item)
    source = TfrecordFolder(folder)
    assert tuple(sorted(source.splits())) == splits
    assert source.class_names == ("cat",)  # named in the records
    assert source.category_ids == (1,)
    assert sum(source.num_examples(s) for s in splits) == len(names)


def test_one_file_is_divided(tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    examples = []
    for i in range(12):
        path = tmp_path / f"{i}.jpg"
        other_layouts.add_image(path)
        path.write_bytes(path.read_bytes() + bytes([i]))
        examples.append(other_layouts.example(path, [("cat", 0, 0, 50, 25)]))
    write(folder / "pets.record", *examples)
    source = build_source("folder", data_dir=str(folder))
    assert source.name == "tfrecord_folder"
    counts = [source.num_examples(split) for split in ("train", "val")]
    assert sum(counts) == 12 and min(counts) > 0
    first, *_ = source.dataset("val").as_numpy_iterator()
    name = first["image_id"].decode()
    assert first["image"] == (tmp_path / name).read_bytes()


def test_damaged_and_compressed(pets, tmp_path):
    path = pets / "val.record"
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[60] ^= 255
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(tmp_path / "zip"), options) as writer:
        writer.write(b"x")
    for content in (
        whole[:-9],
        bytes(damaged),
        (tmp_path / "zip").read_bytes(),
    ):
        path.write_bytes(content)
        source = TfrecordFolder(pets)
        assert source.num_examples("train") == 2
        with pytest.raises(InputError) as error:
            source.num_examples("val")
        text = str(error.value)
        assert text.startswith(f"{path}: record 1 cannot be read: ")
        assert text.endswith(
            "; expected a whole TFRecord file without compression"
        )
        assert "\n" not in text


def test_broken_records(pets, picture):
    broken = [
        other_layouts.example(picture, [("cat", 0, 0, 50, 25)])
        for _ in range(3)
    ]
    del broken[0].features.feature["image/object/bbox/xmin"].float_list.value[:]
    del broken[1].features.feature["image/encoded"]
    del broken[2].features.feature["image/object/class/label"]
    del broken[2].features.feature["image/object/class/text"]
    path = pets / "val.record"
    write(path, *broken)
    images = list(TfrecordFolder(pets).raw_images("val"))
    assert [raw.problems for raw in images] == [
        (f"{path}: record 1: its boxes have not all four sides",),
        (f"{path}: record 2: it has no image/encoded",),
        (f"{path}: record 3: object 1 has no class",),
    ]


def test_unknown_class(pets):
    (pets / "label_map.pbtxt").write_text("item { id: 3 name: 'cat' }")
    with pytest.raises(InputError) as error:
        TfrecordFolder(pets).num_examples("train")
    assert str(error.value) == (
        f"{pets}/train.record: record 1: object 1: unknown class 'class 7';"
        " known: cat"
    )


@pytest.mark.parametrize(
    "text, expected",
    [
        ("item {\n  id: 2\n  name: 'b'\n}\nitem { name: \"a\" id: 1 }", None),
        ("# item { }\nitem: { id: 1 display_name: 'x' name: 'a' }", {1: "a"}),
        ("item { id: 1 name: '/m/01' display_name: 'x y' }", {1: "/m/01"}),
        ("item { id: 1 display_name: 'x y' }", {1: "x y"}),
    ],
)
def test_label_maps(tmp_path, text, expected):
    path = tmp_path / "map.pbtxt"
    path.write_text(text)
    assert read_label_map(path) == (expected or {1: "a", 2: "b"})


@pytest.mark.parametrize(
    "text, fault",
    [
        ("", "no item { id: 1 name: '...' } is there"),
        ("item { id: 1 }", "an item has no id or no name: id: 1"),
        (
            "item { id: 1 name: 'a' } item { id: 1 name: 'b' }",
            "id 1 is 'a' and 'b'",
        ),
    ],
)
def test_broken_label_maps(tmp_path, text, fault):
    path = tmp_path / "map.pbtxt"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_label_map(path)
    assert str(error.value) == f"{path}: {fault}"


def test_an_image_of_a_record_is_read_by_its_place(pets):
    raw, _ = TfrecordFolder(pets).raw_images("train")
    assert raw.read() == (pets.parent / "pictures/a.jpg").read_bytes()
    moved = dataclasses.replace(raw, image_path="no#0:9")
    with pytest.raises(OSError):
        moved.read()
