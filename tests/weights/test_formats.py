import os
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import weights
from ssd_tf.errors import InputError
from tests.weights.caffe_files import net
from tests.weights.torch_files import FILES


@pytest.fixture
def files(tmp_path):
    """A file of each format, by format, under names that say nothing."""
    found = {
        "pytorch": FILES / "zip.pth",
        "caffe": tmp_path / "a",
        "keras": tmp_path / "b.pth",
    }
    found["caffe"].write_bytes(net())
    with h5py.File(found["keras"], "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        file.create_group("conv").attrs["weight_names"] = [b"kernel:0"]
        file["conv/kernel:0"] = np.zeros(2)
    checkpoint = tf.train.Checkpoint(kernel=tf.Variable([1.0, 2.0]))
    found["tensorflow"] = checkpoint.write(str(tmp_path / "c.h5"))
    return found


def test_a_format_is_known_by_its_content(files):
    assert weights.detect_format(FILES / "legacy.pth") == "pytorch"
    assert set(files) == set(weights.formats.FORMATS)
    for name, path in files.items():
        assert weights.detect_format(path) == name
        found = weights.read(path)
        assert found.format == name
        assert all(isinstance(a, np.ndarray) for a in found.tensors.values())
        assert found.tensors


def test_every_error_is_one_line_that_names_the_file(files, tmp_path):
    for name, path in files.items():
        if name == "tensorflow":
            continue
        with open(path, "rb") as file:
            data = file.read()
        path = tmp_path / f"short_{name}"
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(InputError) as caught:
            weights.read(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content, found",
    [
        (b"", "''"),
        (b"<html>\n<body>Sign in", r"'<html>\n<body>Sig'"),
        (b'name: "VGG"\ninput: "data"', "'name: \"VGG\"\\ninpu'"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", r"'\xff\xd8\xff\xe0\x00\x10JFIF'"),
    ],
)
def test_what_is_no_weight_file(tmp_path, content, found):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        weights.detect_format(path)
    assert str(caught.value) == (
        f"{path}: begins with {found}, expected a PyTorch (.pth), Caffe "
        "(.caffemodel), Keras (.h5) or TensorFlow (.ckpt) weight file"
    )


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(InputError, match="nothing: no such file$"):
        weights.read(tmp_path / "nothing")
    with pytest.raises(InputError, match=": not a file$"):
        weights.read(tmp_path)
    with pytest.raises(InputError, match=": not a file$"):
        weights.read("")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: not a file$"):
        weights.read(tmp_path / "pipe")


def test_a_zip_of_other_files_is_to_be_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("ssd_300_vgg.ckpt.index", b"")
    with pytest.raises(InputError, match="without a data.pkl .* unpack them"):
        weights.read(tmp_path / "x.zip")


def test_a_file_larger_than_weights_is_not_read(tmp_path):
    path = tmp_path / "huge.pth"
    with path.open("wb") as file:
        file.write(b"\x80\x02")
        file.truncate((4 << 30) + 1)  # sparse
    with pytest.raises(InputError, match="weights have at most 4294967296"):
        weights.read(path)
