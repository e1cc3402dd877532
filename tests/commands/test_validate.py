"""python -m ssd_tf validate."""

import json

import pytest
from PIL import Image

from ssd_tf import commands
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.errors import InputError
from tests.data.conftest import CAT, DOG, write_devkit


def run(*arguments):
    """Calls the command; returns its exit status."""
    with pytest.raises(SystemExit) as caught:
        commands.main(["validate", *map(str, arguments)])
    return caught.value.code


@pytest.fixture
def folder(tmp_path):
    """A VOC folder without a mistake; trainval is train and val."""
    splits = {
        "train": {"a": [DOG, CAT], "b": [CAT]},
        "val": {"c": [], "d": [DOG, CAT]},
    }
    write_devkit(tmp_path, "2007", splits)
    folder = tmp_path / "VOCdevkit/VOC2007"
    (folder / "ImageSets/Main/trainval.txt").write_text("a\nb\nc\nd\n")
    return folder


def validate(folder, *arguments):
    return run("--dataset=voc_folder", f"--data_dir={folder}", *arguments)


def rewrite(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_nothing_lost(folder, capsys):
    assert validate(folder) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{folder}/Annotations/c.xml: no objects: all background"
        " [without_objects]",
        "train: 2 images (0 without objects), 3 objects: cat 2, dog 1",
        "trainval: 4 images (1 without objects), 5 objects: cat 3, dog 2",
        "val: 2 images (1 without objects), 2 objects: cat 1, dog 1",
        "all, each image once: 4 images (1 without objects), 5 objects: cat 3,"
        " dog 2",
        "lost: nothing",
        "changed: nothing",
        "note: 1 without_objects",
        "training would lose nothing: exit status 0",
    ]
    assert "validate:" in err  # the progress bar


def test_lost_boxes_and_images(folder, capsys):
    xml, jpg = folder / "Annotations", folder / "JPEGImages"
    rewrite(xml / "a.xml", "<xmin>10</xmin>", "<xmin>50</xmin>")
    rewrite(xml / "b.xml", "<xmax>100</xmax>", "<xmax>102</xmax>")
    (jpg / "b.jpg").write_bytes((jpg / "b.jpg").read_bytes()[:-9])
    (xml / "c.xml").write_text("<annotation>")
    Image.new("RGB", (100, 50)).save(jpg / "d.jpg", "PNG")
    assert validate(folder, "--split=train+val") == 1
    num_bytes = (jpg / "b.jpg").stat().st_size
    assert capsys.readouterr().out.splitlines() == [
        f"{xml}/a.xml: box 1 (dog) ymin=5 xmin=50 ymax=25 xmax=50: has no area;"
        " dropped [empty]",
        f"{jpg}/b.jpg: JPEG without its end, {num_bytes} bytes; used as viewers"
        " show it [recovered]",
        f"{xml}/b.xml: box 1 (cat) ymin=0 xmin=0 ymax=50 xmax=102: leaves the"
        " image of 100x50; clipped [clipped]",
        f"{xml}/c.xml: not valid XML: no element found: line 1, column 12"
        " [broken_annotation]",
        f"{jpg}/d.jpg: a PNG by its content; read as such [mislabelled]",
        "train: 2 images (0 without objects), 3 objects: cat 2, dog 1",
        "val: 2 images (0 without objects), 2 objects: cat 1, dog 1",
        "all, each image once: 4 images (0 without objects), 5 objects: cat 3,"
        " dog 2",
        "lost: 1 broken_annotation, 1 empty",
        "changed: 1 clipped, 1 recovered",
        "note: 1 mislabelled",
        "training would refuse 1 image, drop 1 box: exit status 1",
    ]


def test_json_and_classes_that_are_given(folder, capsys):
    rewrite(folder / "Annotations/a.xml", "<xmin>10<", "<xmin>nan<")
    status = validate(
        folder, "--split=train", "--class_names=cat,emu", "--json"
    )
    assert status == 1
    *problems, summary = map(json.loads, capsys.readouterr().out.splitlines())
    box = {
        "place": "box 1",
        "class": "dog",
        "ymin": 5.0,
        "xmin": "nan",
        "ymax": 25.0,
        "xmax": 50.0,
    }
    annotation = f"{folder}/Annotations/a.xml"
    assert problems == [
        {
            "kind": "unknown_class",
            "severity": "lost",
            "image": "a.jpg",
            "location": annotation,
            "box": box,
            "message": "unknown class; training refuses it",
        },
        {
            "kind": "not_finite",
            "severity": "lost",
            "image": "a.jpg",
            "location": annotation,
            "box": box,
            "message": "a coordinate is not finite; dropped",
        },
        {
            "kind": "class_without_objects",
            "severity": "note",
            "image": "",
            "location": "split train",
            "box": None,
            "message": "class 'emu' has no objects",
        },
    ]
    counts = {
        "images": 2,
        "without_objects": 0,
        "objects": 3,
        "classes": {"cat": 2, "emu": 0, "dog": 1},
    }
    assert summary == {
        **counts,
        "splits": {"train": counts},
        "problems": {
            "unknown_class": 1,
            "not_finite": 1,
            "class_without_objects": 1,
        },
        "refused": {"classes": 0, "splits": 0, "images": 1},
        "left_out_images": 0,
        "dropped_boxes": 1,
        "images_with_misplaced_boxes": 0,
    }


def test_images_that_training_leaves_out(folder, capsys):
    """Two of a split of two are too many; a recovered one is not lost."""
    for name, content in (("a", b""), ("b", b"<html></html>")):
        (folder / f"JPEGImages/{name}.jpg").write_bytes(content)
    cut = folder / "JPEGImages/c.jpg"
    cut.write_bytes(cut.read_bytes()[:-9])
    assert validate(folder) == 1
    lines = capsys.readouterr().out.splitlines()
    assert (
        "split train: 2 of 2 images cannot be used; training refuses more than"
        " --max_bad_images=0.05 of them [too_many_bad_images]"
    ) in lines
    assert "lost: 1 too_many_bad_images, 1 truncated, 1 undecodable" in lines
    assert "changed: 1 recovered" in lines
    assert lines[-1] == (
        "training would refuse 1 split, leave out 2 images: exit status 1"
    )
    assert validate(folder, "--max_bad_images=1") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "training would leave out 2 images: exit status 1"


def test_splits_that_cannot_be_used(folder, capsys):
    main = folder / "ImageSets/Main"
    (main / "test.txt").write_text("x\ny\n")
    assert validate(folder) == 0  # training does not use it unasked
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        f"split test: {folder}: no image of split 'test' has an annotation"
        " [unusable_other_split]"
    )
    (main / "val.txt").write_text("")
    assert validate(folder) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == (
        f"split val: {main}/val.txt: split 'val' lists no image"
        " [unusable_split]"
    )
    assert lines[-1] == "training would refuse 1 split: exit status 1"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--split=test"], "no image of split 'test' has an annotation"),
        (["--split=train+nope"], "split 'nope' is missing; found: test, tr"),
    ],
)
def test_splits_that_are_asked_for(folder, capsys, arguments, message):
    (folder / "ImageSets/Main/test.txt").write_text("x\n")
    assert validate(folder, *arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    error = err.splitlines()[-1]
    assert error.startswith("error: ") and message in error


def test_classes_that_training_refuses(folder, capsys):
    status = validate(folder, "--split=train", "--class_names=cat,dog,cat")
    assert status == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "classes: a class is named twice: cat, dog, cat [unusable_classes]"
    )
    assert lines[-1] == "training would refuse 1 class list: exit status 1"


def test_broken_annotation_of_another_split(folder, capsys):
    path = folder / "Annotations/d.xml"
    path.write_text("<annotation>")
    told = f"{path}: not valid XML: no element found: line 1, column 12"
    assert validate(folder, "--split=train") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"classes: {told} [unusable_classes]"
    assert validate(folder, "--split=val") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if told in line] == [
        f"{told} [broken_annotation]"
    ]


def test_boxes_of_an_unturned_picture(folder, capsys):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (100, 50))
    image.save(folder / "JPEGImages/a.jpg", exif=exif)
    assert validate(folder, "--split=train") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("[unturned_boxes]")
    assert lines[-1] == (
        "training would misplace the boxes of 1 image: exit status 1"
    )


def write_fractions(folder):
    for name in "ab":
        path = folder / f"Annotations/{name}.xml"
        for number in (10, 5, 50, 25, 100):
            path.write_text(
                path.read_text().replace(f">{number}</x", f">{number / 100}</x")
            )
            path.write_text(
                path.read_text().replace(f">{number}</y", f">{number / 100}</y")
            )


@pytest.mark.parametrize("size", ["declared", "unknown"])
def test_boxes_in_fractions(folder, capsys, size):
    write_fractions(folder)
    annotation = folder / "Annotations/a.xml"
    if size == "unknown":
        rewrite(annotation, "<width>100</width>", "")
    assert validate(folder, "--split=train") == 1
    lines = capsys.readouterr().out.splitlines()
    told = (
        f"{annotation}: all boxes lie in 0..1 and look like fractions; expected"
        " pixels of the image of 100x50"
    )
    assert f"{told} [fractions]" in lines
    assert lines[-1] == "training would refuse 2 images: exit status 1"
    with pytest.raises(InputError) as error:
        VocFolder(folder).num_examples("train")
    assert str(error.value) == told


def test_one_box_beyond_one_tells_pixels(folder, capsys):
    rewrite(folder / "Annotations/b.xml", "<xmax>100<", "<xmax>1<")
    rewrite(folder / "Annotations/b.xml", "<ymax>50<", "<ymax>2<")
    assert validate(folder, "--split=train") == 0


def test_train_split_without_objects(folder, capsys):
    main = folder / "ImageSets/Main"
    (main / "train.txt").write_text("c\n")
    assert validate(folder) == 1
    out = capsys.readouterr().out
    assert (
        "split train: has no object to learn from; training refuses it"
        " [nothing_to_learn]\n" in out
    )
    assert out.endswith("training would refuse 1 split: exit status 1\n")


def test_notes_on_the_splits(folder, capsys):
    """Only splits that are read can be told of."""
    main = folder / "ImageSets/Main"
    (main / "val.txt").write_text("c\n")
    assert validate(folder) == 0
    out = capsys.readouterr().out
    told = "split val: has no object to be found: nothing is measured on it"
    assert f"{told} [nothing_to_find]\n" in out
    (main / "val.txt").write_text("c\nb\nd\na\n")
    assert validate(folder) == 0
    told = "split val: has 2 of the images of split train [shared_images]"
    assert told in capsys.readouterr().out.splitlines()
    assert validate(folder, "--split=val") == 0
    assert "shared_images" not in capsys.readouterr().out


def test_folder_without_splits(folder, capsys):
    for path in (folder / "ImageSets/Main").iterdir():
        path.unlink()
    assert validate(folder, "--class_names=cat") == 1
    # One picture alone, copied: it is all on the side that is trained on.
    lines = capsys.readouterr().out.splitlines()
    fault = f"{folder}: split 'val' lists no image [unusable_split]"
    assert lines[0] == f"split val: {fault}"
    assert any(line.startswith("train: ") for line in lines)


def test_data_of_tensorflow_datasets(shapes_dir, capsys):
    assert (
        run("--dataset=shapes", f"--data_dir={shapes_dir}", "--split=test") == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4:] == [
        "lost: nothing",
        "changed: nothing",
        lines[-2],
        "training would lose nothing: exit status 0",
    ]


def test_help_tells_the_exit_status(capsys):
    assert run("--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "The exit status is 1 if training would refuse, drop or" in text
    assert "Split to read (default: all)" in text
