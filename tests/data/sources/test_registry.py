"""Data sources by name."""

import pytest

from ssd_tf.data.sources import registry
from ssd_tf.errors import InputError


def test_unknown_name():
    with pytest.raises(InputError) as error:
        registry.build_source("voc2007")
    assert str(error.value) == (
        "unknown dataset 'voc2007'; known: shapes, voc/2007, voc/2012,"
        " voc/2007+2012, coco/2017, folder, voc_folder, coco_folder,"
        " yolo_folder, csv_folder, tfrecord_folder, labelme_folder"
    )


@pytest.mark.parametrize("data_dir", [None, ""])
@pytest.mark.parametrize(
    "dataset, expected",
    [
        ("voc_folder", "a folder with VOC's XML files and the images"),
        (
            "coco_folder",
            "a folder with COCO annotations, such as"
            " annotations/instances_train2017.json, and images",
        ),
    ],
)
def test_folder_without_data_dir(data_dir, dataset, expected):
    with pytest.raises(InputError) as error:
        registry.build_source(dataset, data_dir=data_dir)
    assert str(error.value) == f"{dataset} needs data_dir: {expected}"
