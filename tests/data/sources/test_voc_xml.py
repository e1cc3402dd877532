"""Reading of annotation files."""

import pytest

from ssd_tf.data.sources.base import RawObject
from ssd_tf.data.sources.voc_xml import VocAnnotation, read_annotation

BOX = "<xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax>"


def write(tmp_path, body):
    path = tmp_path / "a.xml"
    path.write_text(f"<annotation>{body}</annotation>")
    return path


def an_object(**changes):
    parts = {
        "name": "<name>cat</name>",
        "difficult": "<difficult>0</difficult>",
        "bndbox": f"<bndbox>{BOX}</bndbox>",
    }
    return f"<object>{''.join({**parts, **changes}.values())}</object>"


def test_all_fields_are_read(tmp_path):
    path = write(
        tmp_path,
        "<filename>a.jpg</filename><size><width>10</width>"
        f"<height>20</height></size>{an_object()}",
    )
    assert read_annotation(path) == VocAnnotation(
        "a.jpg", (20.0, 10.0), (RawObject("cat", (2, 1, 4, 3), "box 1"),)
    )


def test_decimal_coordinates(tmp_path):
    path = write(tmp_path, an_object().replace("<xmin>1<", "<xmin> 1.75 <"))
    assert read_annotation(path).objects[0].box == (2, 1.75, 4, 3)


@pytest.mark.parametrize(
    "difficult, expected",
    [
        ("<difficult>1</difficult>", True),
        ("<difficult> 1\n</difficult>", True),
        ("<difficult>true</difficult>", True),
        ("<difficult>True</difficult>", True),
        ("<difficult>0</difficult>", False),
        ("<difficult>FALSE</difficult>", False),
        ("<difficult></difficult>", False),
        ("<difficult/>", False),
        ("", False),
    ],
)
def test_difficult(tmp_path, difficult, expected):
    path = write(tmp_path, an_object(difficult=difficult))
    assert read_annotation(path).objects[0].is_difficult is expected


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><width>abc</width></size>",
        "<size><width>0</width><height>9</height></size>",
        "<size><width>inf</width><height>9</height></size>",
    ],
)
def test_unusable_size(tmp_path, size):
    assert read_annotation(write(tmp_path, size)) == VocAnnotation()


@pytest.mark.parametrize(
    "written", [r"C:\data\a b.jpg", "/data/a b.jpg", " a b.jpg\n"]
)
def test_filename_has_no_folder(tmp_path, written):
    path = write(tmp_path, f"<filename>{written}</filename>")
    assert read_annotation(path).filename == "a b.jpg"


@pytest.mark.parametrize(
    "body, message",
    [
        (an_object(name=""), "object 1 has no <name>"),
        (an_object(name="<name> </name>"), "object 1 has no <name>"),
        (
            an_object() + an_object(bndbox=""),
            "object 2 (cat) has no <bndbox>",
        ),
        (
            an_object().replace("<ymax>4</ymax>", ""),
            "object 1 (cat): <bndbox> has no <ymax>",
        ),
        (
            an_object().replace("<ymax>4<", "<ymax>four<"),
            "object 1 (cat): <ymax> must be a number, got 'four'",
        ),
        (
            an_object().replace("<ymax>4<", "<ymax><"),
            "object 1 (cat): <ymax> must be a number, got ''",
        ),
        (
            an_object(name="<name>a&#9;b</name>"),
            "object 1: the class name 'a\\tb' has a line break or another"
            " control character",
        ),
        (
            an_object(name="<name>big\ncat</name>"),
            "object 1: the class name 'big\\ncat' has a line break or another"
            " control character",
        ),
        (
            an_object(difficult="<difficult> 2 </difficult>"),
            "object 1 (cat): <difficult> must be 0 or 1, got '2'",
        ),
    ],
)
def test_bad_object(tmp_path, body, message):
    path = write(tmp_path, body)
    assert read_annotation(path).problems == (f"{path}: {message}",)


def test_reading_goes_on_behind_a_bad_object(tmp_path):
    path = write(
        tmp_path,
        "<size><width>10</width><height>20</height></size>"
        + an_object(name="")
        + an_object()
        + an_object(bndbox=""),
    )
    assert read_annotation(path) == VocAnnotation(
        "",
        (20.0, 10.0),
        (RawObject("cat", (2, 1, 4, 3), "box 2"),),
        (
            f"{path}: object 1 has no <name>",
            f"{path}: object 3 (cat) has no <bndbox>",
        ),
    )


def test_file_that_cannot_be_read(tmp_path):
    problem = f"{tmp_path}: cannot be read: Is a directory"
    assert read_annotation(tmp_path) == VocAnnotation(problems=(problem,))


def test_missing_file(tmp_path):
    path = tmp_path / "b.xml"
    problem = f"{path}: annotation file is missing"
    assert read_annotation(path) == VocAnnotation(problems=(problem,))


@pytest.mark.parametrize(
    "content, reason",
    [
        ("<annotation><size>", "no element found: line 1, column 18"),
        ("", "no element found: line 1, column 0"),
        ("not xml", "syntax error: line 1, column 0"),
        (
            "<?xml version='1.0' encoding='nonsense'?><a/>",
            "unknown encoding: nonsense",
        ),
    ],
)
def test_file_that_does_not_parse(tmp_path, content, reason):
    path = tmp_path / "a.xml"
    path.write_text(content)
    problem = f"{path}: not valid XML: {reason}"
    assert read_annotation(path) == VocAnnotation(problems=(problem,))


@pytest.mark.parametrize(
    "content, root",
    [
        ("<!DOCTYPE html><html><body>404</body></html>", "html"),
        ("<annotations><version>1.1</version><image/></annotations>", "annot"),
    ],
)
def test_file_of_another_program(tmp_path, content, root):
    path = tmp_path / "a.xml"
    path.write_text(content)
    (problem,) = read_annotation(path).problems
    expected = f"{path}: not a VOC annotation: its root element is '{root}"
    assert problem.startswith(expected)


def test_root_of_another_name(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(f"<doc>{an_object()}</doc>")
    annotation = read_annotation(path)
    assert len(annotation.objects) == 1 and not annotation.problems
