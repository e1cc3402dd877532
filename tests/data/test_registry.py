"""Data sources by name."""

import pytest

from ssd_tf.data import registry
from ssd_tf.errors import InputError


def test_names():
    assert set(registry.SOURCES) == {
        "shapes",
        "voc/2007",
        "voc/2012",
        "voc/2007+2012",
        "voc_folder",
    }


def test_unknown_name():
    with pytest.raises(InputError) as error:
        registry.build_source("voc2007")
    assert str(error.value) == (
        "unknown dataset 'voc2007'; known: shapes, voc/2007, voc/2012,"
        " voc/2007+2012, voc_folder"
    )


@pytest.mark.parametrize("data_dir", [None, ""])
def test_folder_without_data_dir(data_dir):
    with pytest.raises(InputError) as error:
        registry.build_source("voc_folder", data_dir=data_dir)
    assert str(error.value) == (
        "voc_folder needs data_dir: a folder with Annotations,"
        " ImageSets/Main, JPEGImages"
    )
