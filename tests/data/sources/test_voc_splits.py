"""VOC's XML in folders of any name, and the lists that divide them."""

import pytest
from PIL import Image

from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.errors import InputError

XML = (
    "<annotation><size><width>100</width><height>50</height></size><object>"
    "<name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax>"
    "<ymax>40</ymax></bndbox></object></annotation>"
)


@pytest.fixture
def write(tmp_path):
    """Paths of XML files, of images and of lists with their lines."""

    def call(*paths, **lists):
        for path in map(tmp_path.joinpath, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".xml":
                path.write_text(XML)
            else:
                Image.new("RGB", (100, 50)).save(path)
        for name, lines in lists.items():
            path = tmp_path / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines))
        return tmp_path

    return call


def images(root, split):
    return [
        str(raw.image_path).removeprefix(f"{root}/")
        for raw in VocFolder(root).raw_images(split)
        if not raw.missing and not raw.problems
    ]


@pytest.mark.parametrize(
    "xml, image",
    [
        ("annots/a.xml", "images/a.jpg"),
        ("annotations/a.xml", "images/a.png"),
        ("a.xml", "a.jpg"),
        ("Annotations/a.xml", "a.jpg"),
        ("a.xml", "JPEGImages/a.jpg"),
        ("VOCdevkit/VOC2007/Annotations/a.xml", "VOCdevkit/VOC2007/JPEG/a.jpg"),
        ("Annotations/sub/a.xml", "JPEGImages/sub/a.jpg"),
    ],
)
def test_folders_of_any_name(write, xml, image):
    root = write(xml, image)
    assert VocFolder(root).splits() == ("all",)
    assert images(root, "all") == [image]


def test_folders_called_like_splits(write):
    root = write("train/a.xml", "train/a.jpg", "Valid/a.xml", "Valid/a.jpg")
    source = VocFolder(root)
    assert source.default_splits == ("train", "Valid")
    assert images(root, "train") == ["train/a.jpg"]
    assert images(root, "Valid") == ["Valid/a.jpg"]


@pytest.mark.parametrize(
    "line",
    [
        *("a", "a.gif", "a.xml", "a 1", "a.GIF -1", "imgs/a", "./imgs/a.gif"),
        *("/home/someone/imgs/a.gif", "C:\\data\\imgs\\a.gif"),
    ],
)
def test_lines_of_lists(write, line):
    root = write("xml/a.xml", "imgs/a.gif", "imgs/b.gif", train=[line])
    assert VocFolder(root).splits() == ("train",)
    assert images(root, "train") == ["imgs/a.gif"]


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_the_suffix_in_a_list_chooses(write, name):
    root = write(
        *("Annotations/a.xml", "JPEGImages/a.webp", "JPEGImages/a.png"),
        **{"ImageSets/Main/train": [name]},
    )
    assert images(root, "train") == [f"JPEGImages/{name}"]


def test_names_in_folders(write):
    root = write(
        *("Annotations/x/a.xml", "Annotations/y/a.xml"),
        *("JPEGImages/x/a.jpg", "JPEGImages/y/a.jpg"),
        **{
            "ImageSets/Main/train": ["y/a", "/home/JPEGImages/x/a.jpg"],
            "ImageSets/Main/val": ["a"],
            "ImageSets/Main/test": ["z/b"],
        },
    )
    assert images(root, "train") == ["JPEGImages/y/a.jpg", "JPEGImages/x/a.jpg"]
    (raw,) = VocFolder(root).raw_images("val")
    assert raw.problems == (
        f"{root}/ImageSets/Main/val.txt: 'a' could be Annotations/x/a.xml or"
        " Annotations/y/a.xml; expected a name with its folder",
    )
    with pytest.raises(InputError) as error:
        VocFolder(root).num_examples("test")
    assert str(error.value) == (
        f"{root}: no image of split 'test' has an annotation"
    )


def test_an_image_in_two_folders(write):
    root = write("xml/a.xml", "one/a.jpg", "two/a.jpg")
    (raw,) = VocFolder(root).raw_images("all")
    assert raw.problems == (
        f"{root}/xml/a.xml: its image could be one/a.jpg or two/a.jpg",
    )


def test_texts_that_are_no_lists(write):
    root = write(
        *("xml/a.xml", "imgs/a.jpg"),
        train=["something else"],
        classes=["a"],
    )
    assert VocFolder(root).splits() == ("all",)


def test_two_lists_of_one_split(write):
    root = write(
        *("2007/a.xml", "2007/a.jpg"),
        **{
            "2007/ImageSets/Main/train": ["a"],
            "2012/ImageSets/Main/train": ["a"],
        },
    )
    with pytest.raises(InputError) as error:
        VocFolder(root)
    assert str(error.value) == (
        f"{root}: two lists of one split, 2007/ImageSets/Main/train.txt and"
        " 2012/ImageSets/Main/train.txt; expected one: give a folder further"
        " down as --data_dir"
    )
