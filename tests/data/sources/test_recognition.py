"""The layout of a folder, recognised."""

import pytest
from absl import logging

from ssd_tf.data.sources import build_source
from ssd_tf.errors import InputError
from tests.data import coco_files


@pytest.fixture
def said(caplog):
    logging.set_verbosity(logging.INFO)
    return lambda: caplog.messages


def test_what_is_recognised_is_said(pets, said):
    source = build_source("folder", data_dir=str(pets))
    assert source.name == "voc_folder"
    assert said()[0] == (
        f"{pets}: read as voc_folder: 3 XML files such as Annotations/a.xml"
    )
    assert not [line for line in said() if "not used" in line]


def test_files_that_no_layout_explains_are_named(pets, said, add_image):
    for name in ("d", "e", "f", "g"):
        add_image(pets, name)
        (pets / f"Annotations/{name}.xml").unlink()
    (pets / "notes_of_mine.csv").touch()
    (pets / "README.txt").touch()
    (pets / "labels.txt").write_text("cat\ndog\n")
    build_source("folder", data_dir=str(pets))
    assert said()[-1] == (
        f"{pets}: not used: 4 images without an annotation, 1 other files:"
        " JPEGImages/d.jpg, JPEGImages/e.jpg, JPEGImages/f.jpg and 2 more"
    )


def test_two_layouts(pets):
    coco_files.write_json(pets / "annotations.json", [])
    with pytest.raises(InputError) as error:
        build_source("folder", data_dir=str(pets))
    assert str(error.value) == (
        f"{pets}: it could be voc_folder (3 XML files such as"
        " Annotations/a.xml) or coco_folder (images, annotations, categories"
        " in annotations.json); say which: --dataset=voc_folder or"
        " --dataset=coco_folder"
    )
    assert build_source("voc_folder", data_dir=str(pets)).name == "voc_folder"


def test_nothing_is_recognised(tmp_path):
    (tmp_path / "a.JPG").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / "c.xml").write_text("<project/>")
    (tmp_path / "d.json").write_text("{}")
    with pytest.raises(InputError) as error:
        build_source("folder", data_dir=str(tmp_path))
    text = str(error.value)
    assert text.startswith(
        f"{tmp_path}: no annotations are recognised: it has 4 files (2 .jpg, 1"
        " .xml, 1 .json); known layouts: voc_folder, coco_folder"
    )


def test_folders_that_are_none_of_ours(tmp_path, shapes_dir):
    for ask, message in (
        (None, "--dataset=folder needs --data_dir"),
        (str(tmp_path / "no"), f"{tmp_path}/no: folder is missing"),
        (
            str(tmp_path),
            f"{tmp_path}: no annotations are recognised: it has no file",
        ),
        (
            shapes_dir,
            f"{shapes_dir}: it holds data sets of tensorflow_datasets; give"
            " --dataset=shapes or another of them",
        ),
    ):
        with pytest.raises(InputError) as error:
            build_source("folder", data_dir=ask)
        assert str(error.value).startswith(message)
