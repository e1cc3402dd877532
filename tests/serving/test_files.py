"""Writing a model file; images for a quantised network."""

import numpy as np
import pytest

from ssd_tf import InputError, serving
from ssd_tf.data import images
from ssd_tf.serving.files import check_new_file, write_new_file


def test_nothing_half_written_is_left(tmp_path):
    path = check_new_file(tmp_path / "deep/model.onnx", ".onnx")
    with pytest.raises(TypeError):
        write_new_file(path, "no bytes")
    assert list(path.parent.iterdir()) == []
    write_new_file(path, b"first")
    assert path.stat().st_mode & 0o777 == 0o644
    # One that came while the export went on.
    with pytest.raises(InputError, match="model.onnx exists already; expected"):
        write_new_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_folder_that_went_away(tmp_path):
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_new_file(tmp_path / "no/model.onnx", b"")


@pytest.mark.parametrize(
    "count, indices",
    [(2, [0, 3]), (3, [0, 2, 4]), (4, [0, 1, 2, 3]), (100, [*range(6)])],
)
def test_representative_images(shapes_source, count, indices):
    found = serving.representative_images(
        shapes_source, "train", image_size=20, count=count
    )
    everything = [
        images.resize(images.decode(example["image"]), 20)
        for example in shapes_source.dataset("train")
    ]
    np.testing.assert_array_equal(found, [everything[i] for i in indices])
    assert found[0].shape == (20, 20, 3) and found[0].dtype == np.float32
