"""Files of a folder, and which of them belong together."""

import pytest

from ssd_tf.data.sources.folder_files import FileFinder, FolderFiles
from ssd_tf.errors import InputError


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_files(tmp_path):
    touch(tmp_path / "a", "b/x.JPG", "y.xml", ".git/z.jpg", ".DS_Store")
    touch(tmp_path / "a", "__MACOSX/x.jpg", "b/classes.TXT")
    (tmp_path / "a/link").symlink_to(tmp_path / "other")
    touch(tmp_path / "other", "w.png")
    (tmp_path / "other/round").symlink_to(tmp_path / "other")
    files = FolderFiles(tmp_path / "a")
    assert files.paths == ("b/classes.TXT", "b/x.JPG", "link/w.png", "y.xml")
    assert files.images() == ["b/x.JPG", "link/w.png"]
    assert files.with_suffix(".xml", ".txt") == ["b/classes.TXT", "y.xml"]
    assert files.named("classes.txt") == ["b/classes.TXT"]


def test_no_folder(tmp_path):
    touch(tmp_path, "x.zip")
    for name, fault in (("no", "folder is missing"), ("x.zip", "is a file")):
        with pytest.raises(InputError) as error:
            FolderFiles(tmp_path / name)
        assert str(error.value) == f"{tmp_path / name}: {fault}"


@pytest.mark.parametrize(
    "annotation, file_name, images, expected",
    [
        ("x.xml", "", ["x.jpg", "y.jpg"], ["x.jpg"]),
        ("annots/x.xml", "", ["images/x.jpg"], ["images/x.jpg"]),
        ("train/x.xml", "", ["train/x.jpg", "val/x.jpg"], ["train/x.jpg"]),
        (
            "labels/val/x.txt",
            "",
            ["images/train/x.jpg", "images/val/x.jpg"],
            ["images/val/x.jpg"],
        ),
        # Masks have the names of the pictures.
        ("xmls/x.xml", "", ["trimaps/x.png", "images/x.jpg"], ["images/x.jpg"]),
        ("a/x.xml", "x.png", ["i/x.png", "i/x.jpg"], ["i/x.png"]),
        ("a/x.xml", "", ["i/x.png", "i/x.jpg"], ["i/x.jpg"]),
        # The name of an image that was renamed is that of another one.
        ("a/x.xml", "y.jpg", ["i/x.jpg", "i/y.jpg"], ["i/x.jpg"]),
        ("a/x.xml", "y.jpg", ["i/y.jpg", "i/y.png"], ["i/y.jpg"]),
        ("a/x.xml", "z.jpg", ["i/y.jpg"], []),
        ("a/x.xml", "", ["i/x.jpg", "j/x.jpg"], ["i/x.jpg", "j/x.jpg"]),
    ],
)
def test_the_image_of_an_annotation(annotation, file_name, images, expected):
    found = FileFinder(images).images_of(annotation, file_name=file_name)
    assert found == expected


def test_paths_that_end_alike():
    finder = FileFinder(["a/sub/x.xml", "a/x.xml", "b/x.xml", "y.xml"])
    assert finder.ending_like("sub/x", "x") == ["a/sub/x.xml"]
    assert finder.ending_like("/home/me/b/x", "x") == ["b/x.xml"]
    assert finder.ending_like("/home/me/c/y", "y") == ["y.xml"]
    assert len(finder.ending_like("x", "x")) == 3
    assert finder.ending_like("z", "z") == []
    assert "x" in finder and "z" not in finder
