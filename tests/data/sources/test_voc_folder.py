"""The source that reads a folder in the layout of Pascal VOC."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data import images
from ssd_tf.data.sources.voc_folder import VocFolder

BCCD = pathlib.Path(__file__).parents[4] / "shared/data/bccd"


def elements(source, split, **kwargs):
    return list(source.dataset(split, **kwargs).as_numpy_iterator())


def test_elements(pets):
    source = VocFolder(pets)
    # emu is in val only; train and eval must agree on the indices.
    assert source.class_names == ("cat", "dog", "emu")
    assert source.splits() == ("train", "val")
    assert source.num_examples("train") == 2
    b, a = elements(source, "train")
    assert (b["image_id"], a["image_id"]) == (b"b.jpg", b"a.jpg")
    assert a["image"] == (pets / "JPEGImages/a.jpg").read_bytes()
    # Raw pixels over the size, without VOC's -1.
    expected = np.array([[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]], np.float32)
    np.testing.assert_array_equal(a["gt_boxes"], expected)
    assert a["gt_labels"].tolist() == [2, 1]
    assert a["gt_is_difficult"].tolist() == [False, True]
    assert b["gt_boxes"].shape == (0, 4)
    assert b["gt_labels"].shape == (0,)


def test_given_classes_keep_their_order(pets):
    source = VocFolder(pets, ("emu", "dog", "cat"))
    assert elements(source, "train")[1]["gt_labels"].tolist() == [2, 3]


def test_union_takes_each_image_once(pets, caplog, add_split):
    add_split(pets, "trainval", "a", "b", "c")
    source = VocFolder(pets)
    ids = [e["image_id"] for e in elements(source, "val+trainval")]
    assert ids == [b"c.jpg", b"a.jpg", b"b.jpg"]
    assert caplog.messages == [
        f"{pets}: split val+trainval: 1 images listed more than once are taken"
        " once"
    ]


def test_skip_reads_no_image(pets):
    source = VocFolder(pets)
    dataset = source.dataset("train", skip=1)
    (pets / "JPEGImages/b.jpg").unlink()  # the first of the split
    assert [e["image_id"] for e in dataset.as_numpy_iterator()] == [b"a.jpg"]
    assert elements(source, "train", skip=2) == []
    assert elements(source, "train", skip=3) == []


def test_unusable_boxes_are_dropped_and_named(
    root, caplog, add_image, add_split
):
    add_image(
        root,
        "a",
        ("cat", 10, 10, 10, 20, 0),  # no width
        ("cat", 30, 10, 20, 20, 0),  # inverted
        ("cat", "nan", 10, 20, 20, 0),
        ("cat", 100, 0, 120, 50, 0),  # outside
        ("cat", -50, -10, 50, 60, 0),  # leaves the image: clipped
    )
    add_split(root, "train", "a")
    source = VocFolder(root)
    (element,) = elements(source, "train")
    assert element["gt_boxes"].tolist() == [[0.0, 0.0, 1.0, 0.5]]
    assert source.dropped_boxes("train") == 4
    boxes = [
        "xmin=10 ymin=10 xmax=10 ymax=20",
        "xmin=30 ymin=10 xmax=20 ymax=20",
        "xmin=nan ymin=10 xmax=20 ymax=20",
        "xmin=100 ymin=0 xmax=120 ymax=50",
    ]
    assert caplog.messages == [
        *(
            f"{root}/Annotations/a.xml: box {i}: dropped a box of class cat,"
            f" no area inside the image: {box}, image 100x50"
            for i, box in enumerate(boxes, start=1)
        ),
        f"{root}: split train: dropped 4 of 5 boxes",
    ]


@pytest.mark.parametrize("size", [None, (0, 0), (50, 25), ("", "")])
def test_size_of_the_image_where_that_of_the_xml_is_wrong(
    root, size, add_image, add_split
):
    add_image(root, "a", ("cat", 50, 25, 100, 50, 0), size=size)
    add_split(root, "train", "a")
    (element,) = elements(VocFolder(root), "train")
    assert element["gt_boxes"].tolist() == [[0.5, 0.5, 1.0, 1.0]]


def test_exif_rotation_turns_the_size(root, add_image, add_split):
    path = add_image(root, "a", ("cat", 25, 50, 50, 100, 0), size=None)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees: 50 x 100
    Image.new("RGB", (100, 50)).save(path, exif=exif)
    add_split(root, "train", "a")
    (element,) = elements(VocFolder(root), "train")
    assert element["gt_boxes"].tolist() == [[0.5, 0.5, 1.0, 1.0]]


def test_exif_turns_png_as_decoding_does(root, add_image, add_split):
    path = add_image(
        root, "a", ("cat", 25, 50, 50, 100, 0), size=None, file="a.png"
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 50)).save(path, exif=exif)
    add_split(root, "train", "a")
    (element,) = elements(VocFolder(root), "train")
    assert images.decode(element["image"]).shape == (100, 50, 3)
    assert element["gt_boxes"].tolist() == [[0.5, 0.5, 1.0, 1.0]]


def test_no_header_is_read_without_need(root, add_image, add_split):
    path = add_image(root, "a", ("cat", 50, 25, 100, 50, 0))
    path.write_bytes(b"not an image")
    add_split(root, "train", "a")
    (element,) = elements(VocFolder(root), "train")
    assert element["image"] == b"not an image"


@pytest.mark.parametrize(
    "file", ["a.JPG", "a.jpeg", "a.PNG", "a.bmp", "a.gif", "a.WEBP"]
)
def test_suffixes(root, file, add_image, add_split):
    add_image(root, "a", ("cat", 1, 1, 9, 9, 0), file=file, name="a.jpg")
    add_split(root, "train", "a")
    (element,) = elements(VocFolder(root), "train")
    assert element["image_id"] == file.encode()
    assert images.decode(element["image"]).shape == (50, 100, 3)


def test_filename_of_the_xml_where_the_id_has_no_image(
    root, add_image, add_split
):
    add_image(root, "a", ("cat", 1, 1, 9, 9, 0), file="x.png", name="x.png")
    add_split(root, "train", "a")
    (element,) = elements(VocFolder(root), "train")
    assert element["image_id"] == b"x.png"


def test_id_goes_before_a_stale_filename(root, add_image, add_split):
    add_image(root, "a", ("cat", 1, 1, 9, 9, 0), name="b.jpg")
    add_image(root, "b", ("cat", 1, 1, 9, 9, 0), name="b.jpg")
    add_split(root, "train", "a")
    (element,) = elements(VocFolder(root), "train")
    assert element["image_id"] == b"a.jpg"


def test_split_file_of_a_windows_editor(root, add_image, add_split):
    add_image(root, "a", ("cat", 1, 1, 9, 9, 0))
    text = "a\r\n".encode("utf-8-sig")
    (root / "ImageSets/Main/train.txt").write_bytes(text)
    ids = [e["image_id"] for e in elements(VocFolder(root), "train")]
    assert ids == [b"a.jpg"]


def test_split_files_with_a_second_column_and_names_with_spaces(
    root, add_image, add_split
):
    add_image(root, "a", ("cat", 1, 1, 9, 9, 0))
    add_image(root, "b c", ("cat", 1, 1, 9, 9, 0))
    add_split(root, "train", "a -1", "", "b c", "  ")
    ids = [e["image_id"] for e in elements(VocFolder(root), "train")]
    assert ids == [b"a.jpg", b"b c.jpg"]


@pytest.mark.skipif(not BCCD.is_dir(), reason="shared/data/bccd is absent")
def test_bccd(caplog):
    source = VocFolder(BCCD)
    assert source.class_names == ("Platelets", "RBC", "WBC")
    assert source.num_examples("train") == 205
    assert source.num_examples("val") == 87
    assert source.dropped_boxes("train") == 1
    assert source.dropped_boxes("val") == 1
    assert [m for m in caplog.messages if "no area" in m] == [
        f"{BCCD}/Annotations/{where}: dropped a box of class RBC, no area"
        f" inside the image: {box}, image 640x480"
        for where, box in (
            (
                "BloodImage_00343.xml: box 4",
                "xmin=181 ymin=329 xmax=181 ymax=329",
            ),
            (
                "BloodImage_00338.xml: box 13",
                "xmin=504 ymin=337 xmax=504 ymax=337",
            ),
        )
    ]
    first = next(iter(elements(source, "train")))
    assert first["image_id"] == b"BloodImage_00001.jpg"
    boxes = np.concatenate([e["gt_boxes"] for e in elements(source, "train")])
    assert boxes.shape == (2804, 4)
    assert boxes.min() >= 0 and boxes.max() <= 1
    assert (boxes[:, 2:] > boxes[:, :2]).all()
