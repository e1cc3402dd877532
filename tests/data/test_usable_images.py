"""Files that cannot be used, found before and during their use."""

import os

import pytest

from ssd_tf.data import images
from ssd_tf.data.shuffling import Share
from ssd_tf.data.sources.base import ImageFile
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.errors import InputError
from tests.data.annotated import noise
from tests.data.toy_source import ToySource, to_example


class Files:
    """A source of files 0.jpg, 1.jpg, ... in one split."""

    name = "files"

    def __init__(self, folder, count):
        self.paths = [folder / f"{i}.jpg" for i in range(count)]
        for path in self.paths:
            path.write_bytes(noise("JPEG"))
        self.missing = {}

    def num_examples(self, split):
        return len(self.paths)

    def image_paths(self, split):
        return [str(path) for path in self.paths]

    def image_files(self, split):
        return [
            ImageFile(path.name, str(path), self.missing.get(i, ""))
            for i, path in enumerate(self.paths)
        ]


@pytest.fixture
def source(tmp_path):
    return Files(tmp_path, 6)


@pytest.fixture
def read(monkeypatch):
    """The files whose content was looked at, in this test."""
    seen = []
    fault_of = images.fault_of

    def watched(encoded, **values):
        seen.append(len(encoded))
        return fault_of(encoded, **values)

    monkeypatch.setattr(images, "fault_of", watched)
    return seen


def loop_of_links(path):
    path.unlink()
    path.symlink_to(path.name)


def broken_link(path):
    path.unlink()
    path.symlink_to("nowhere.jpg")


def folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "image is missing": os.remove,
    "image cannot be read: Too many levels of symbolic links": loop_of_links,
    "image is missing ": broken_link,
    "image cannot be read: Is a directory": folder,
    "the image file is empty": lambda path: path.write_bytes(b""),
    "JPEG without its end, 60 bytes": lambda path: path.write_bytes(
        noise("JPEG")[:60]
    ),
    "the image cannot be decoded: Unknown image file format. One of JPEG, JPEG"
    " XL, PNG, GIF, BMP, WebP required": lambda path: path.write_bytes(
        b"<html></html>"
    ),
    "PNG without its end, 900 bytes": lambda path: path.write_bytes(
        noise("PNG")[:900]
    ),
    "GIF without its end, 900 bytes": lambda path: path.write_bytes(
        noise("GIF")[:900]
    ),
    "BMP without its end, 900 bytes": lambda path: path.write_bytes(
        noise("BMP")[:900]
    ),
    "WebP without its end, 900 bytes": lambda path: path.write_bytes(
        noise("WebP")[:900]
    ),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_what_cannot_be_used_is_left_out_and_named(source, caplog, message):
    DAMAGES[message](source.paths[2])
    usable = UsableImages(source, max_bad_images=0.2)
    usable.scan("train")
    assert usable.left_out("train") == {2}
    line = f"{source.paths[2]}: {message.strip()}; left out"
    assert caplog.messages == [line]
    assert usable.summary() == [
        f"split 'train': left out 1 image ({source.paths[2]})"
    ]


def test_a_jpeg_without_its_end_is_used(source, caplog):
    source.paths[1].write_bytes(noise("JPEG")[:-20])
    usable = UsableImages(source, max_bad_images=0.0)
    usable.scan("train")
    assert usable.left_out("train") == frozenset()
    assert caplog.messages == [
        f"{source.paths[1]}: JPEG without its end, {len(noise('JPEG')) - 20}"
        " bytes; used as viewers show it"
    ]
    assert usable.summary() == [
        "split 'train': without an end, used as viewers show it: 1 image"
        f" ({source.paths[1]})"
    ]


def test_the_limit_is_met_but_not_exceeded(source):
    for i in (1, 4):
        source.paths[i].unlink()
    UsableImages(source, max_bad_images=2 / 6).scan("train")
    with pytest.raises(InputError) as error:
        UsableImages(source, max_bad_images=0.3).scan("train")
    assert str(error.value) == (
        "2 of the 6 images of split 'train' cannot be used, more than"
        f" --max_bad_images=0.3 of them; the first is {source.paths[1]}: image"
        " is missing"
    )


def test_what_is_known_is_not_read_again_unless_it_changes(source, read):
    source.paths[0].write_bytes(noise("JPEG")[:-20])
    first = UsableImages(source)
    first.scan("train")
    assert len(read) == 6
    read.clear()
    second = UsableImages(source, known=first.known)
    second.scan("train")
    assert read == []
    assert second.summary() == first.summary() != []
    # Another size, and the same with another time.
    source.paths[3].write_bytes(noise("PNG"))
    os.utime(source.paths[4], ns=(0, 1))
    second.scan("train")
    assert sorted(read) == sorted([len(noise("PNG")), len(noise("JPEG"))])


def test_a_file_that_has_come_back_is_used_again(source):
    source.missing[5] = "5: image is missing"
    content = source.paths[5].read_bytes()
    source.paths[5].unlink()
    before = UsableImages(source, max_bad_images=0.5)
    before.scan("train")
    assert before.left_out("train") == {5}
    source.paths[5].write_bytes(content)
    after = UsableImages(source, known=before.known)
    after.scan("train")
    assert after.left_out("train") == frozenset()


def test_an_image_that_goes_bad_is_found(source, caplog):
    usable = UsableImages(source, max_bad_images=0.5)
    usable.scan("train")
    assert not usable.find_more("train", [0, 1])
    source.paths[5].unlink()
    # Anywhere in the split, if its file tells of it.
    assert usable.find_more("train", [0, 1])
    assert usable.left_out("train") == {5}
    assert not usable.find_more("train", [0, 1, 5])
    assert caplog.messages == [f"{source.paths[5]}: image is missing; left out"]


def test_an_image_that_is_whole_but_does_not_decode_is_found(source):
    file = bytearray(noise("GIF"))
    file[1000:1200] = b"\xff" * 200  # codes that are none, lengths of 255
    source.paths[1].write_bytes(bytes(file))
    assert images.fault_of(bytes(file)).kind == "undecodable"
    usable = UsableImages(source, max_bad_images=0.5)
    usable.scan("train")
    assert usable.left_out("train") == frozenset()
    assert usable.find_more("train", [0, 1])
    assert usable.left_out("train") == {1}
    # And is known from then on.
    again = UsableImages(source, max_bad_images=0.5, known=usable.known)
    again.scan("train")
    assert again.left_out("train") == {1}


def test_too_many_on_the_way_are_refused(source):
    usable = UsableImages(source, max_bad_images=0.2)
    usable.scan("train")
    source.paths[0].unlink()
    source.paths[3].unlink()
    with pytest.raises(InputError, match="2 of the 6 images of split 'train'"):
        usable.find_more("train", [0])


def test_workers_share_the_files_and_know_all(source, read):
    source.paths[1].unlink()
    source.paths[4].unlink()
    parts = []
    for index in range(2):
        usable = UsableImages(source, max_bad_images=1.0)
        usable.scan(
            "train",
            share=Share(index, 2),
            exchange=lambda found: [parts.append(found) or found],
        )
    assert len(read) == 4  # those that are there, once
    assert [[i for i, *_ in part] for part in parts] == [[4], [1]]
    usable = UsableImages(source, max_bad_images=1.0)
    usable.scan("train", share=Share(0, 2), exchange=lambda found: parts)
    assert usable.left_out("train") == {1, 4}


def test_images_without_files_are_found_when_they_are_used():
    good = to_example(noise("PNG"), "good.png")
    source = ToySource([good, to_example(b"junk", "bad.png"), good])
    usable = UsableImages(source, max_bad_images=0.5)
    usable.scan("train")
    assert usable.left_out("train") == frozenset()
    assert not usable.find_more("train", [0, 2])
    assert usable.find_more("train", [0, 1])
    assert usable.summary() == ["split 'train': left out 1 image (bad.png)"]


def test_long_lists_are_cut(tmp_path):
    source = Files(tmp_path, 30)
    for path in source.paths[5:]:
        path.unlink()
    usable = UsableImages(source, max_bad_images=1.0)
    usable.scan("train")
    (line,) = usable.summary()
    assert line.startswith("split 'train': left out 25 images (")
    assert line.endswith("14.jpg, 15 more)")
