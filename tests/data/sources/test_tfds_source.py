"""Sources over tensorflow_datasets, without a network."""

import re
import socket
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from ssd_tf.data.sources import base, registry, shapes, tfds_source
from ssd_tf.data.sources.tfds_source import TfdsSource
from ssd_tf.data.sources.union_source import UnionSource
from ssd_tf.errors import InputError
from tests.data.conftest import mark_downloaded


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def by_id(data, split):
    examples = data.dataset(split).as_numpy_iterator()
    return {example["image_id"].decode(): example for example in examples}


def test_elements(devkit):
    data = registry.build_source("voc/2007", data_dir=str(devkit))
    assert data.name == "voc/2007"
    assert data.class_names[:2] == ("aeroplane", "bicycle")
    assert len(data.class_names) == 20
    assert data.splits() == ("test", "train", "validation")
    assert data.default_splits == ("train+validation", "test")
    assert data.num_examples("train+validation") == 3
    assert data.dataset("train").element_spec == base.ELEMENT_SPEC
    example = by_id(data, "train")["01.jpg"]
    expected = np.array([[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]], np.float32)
    np.testing.assert_array_equal(example["gt_boxes"], expected)
    # dog is the 12th class in alphabetical order, cat the 8th.
    assert example["gt_labels"].tolist() == [12, 8]
    assert example["gt_is_difficult"].tolist() == [True, False]
    assert tf.io.decode_jpeg(example["image"]).shape == (50, 100, 3)
    assert by_id(data, "validation")["03.jpg"]["gt_boxes"].shape == (0, 4)


def test_dropped_boxes_are_counted(devkit):
    data = registry.build_source("voc/2007", data_dir=str(devkit))
    assert data.dropped_boxes("train") == 1
    assert data.dropped_boxes("test") == 0


def test_order_is_fixed_and_skip_leaves_out_the_first(devkit):
    data = registry.build_source("voc/2007", data_dir=str(devkit))
    ids = list(by_id(data, "train+validation"))
    assert sorted(ids) == ["01.jpg", "02.jpg", "03.jpg"]
    assert list(by_id(data, "train+validation")) == ids
    rest = data.dataset("train+validation", skip=2).as_numpy_iterator()
    assert [e["image_id"].decode() for e in rest] == ids[2:]


def test_voc_2012_has_no_annotated_test_split(devkit):
    data = registry.build_source("voc/2012", data_dir=str(devkit))
    assert data.default_splits == ("train", "validation")
    assert data.splits() == ("train", "validation")
    with pytest.raises(InputError) as error:
        data.dataset("test")
    assert str(error.value) == (
        "voc/2012: split 'test' has no annotations; found: train, validation"
    )


def test_voc_2007_and_2012(devkit):
    data = registry.build_source("voc/2007+2012", data_dir=str(devkit))
    assert data.name == "voc/2007+2012"
    assert data.default_splits == ("train+validation", "test")
    assert data.splits() == ("test", "train", "validation")
    assert data.num_examples("train+validation") == 6
    assert data.num_examples("test") == 1
    assert data.dropped_boxes("train+validation") == 2
    ids = list(by_id(data, "train+validation"))
    first = ["01.jpg", "02.jpg", "03.jpg"]
    second = ["2012_01.jpg", "2012_02.jpg", "2012_03.jpg"]
    assert sorted(ids) == first + second
    # Mixed: neither year as a whole comes before the other.
    assert sorted(ids[:3]) not in (first, second)
    assert ids == list(by_id(data, "train+validation"))
    assert list(by_id(data, "test")) == ["04.jpg"]
    for skip in (2, 3, 4, 6):
        rest = data.dataset("train+validation", skip=skip)
        left = [e["image_id"].decode() for e in rest.as_numpy_iterator()]
        assert left == ids[skip:]
    with pytest.raises(InputError) as error:
        data.num_examples("val")
    assert str(error.value) == (
        "voc/2007+2012: split 'val' is missing; found: test, train, validation"
    )


def test_slices_of_splits(devkit):
    data = registry.build_source("voc/2007", data_dir=str(devkit))
    assert data.num_examples("train[:1]+validation") == 2
    assert len(by_id(data, "train[:1]+validation")) == 2
    assert data.num_examples("train[:50%]+test") == 2
    assert len(by_id(data, "train[:50%]+test")) == 2


@pytest.mark.parametrize("dataset", ["voc/2007", "voc/2007+2012"])
@pytest.mark.parametrize(
    "part, why",
    [
        ("train[:abc]", "cannot be read: Unrecognized split format: 'train[:a"),
        ("train[:1", "cannot be read: Unrecognized split format: 'train[:1'."),
        ("train[:200%]", "cannot be read: When unit=%, percent slice bounda"),
        ("train[:9]", "cannot be read: Requested slice [:9] incompatible wit"),
        ("train[1:1]", "has no images"),
        ("train[2:1]", "has no images"),
    ],
)
def test_slices_that_are_none(devkit, dataset, part, why):
    data = registry.build_source(dataset, data_dir=str(devkit))
    for ask in (data.num_examples, data.dropped_boxes, data.dataset):
        with pytest.raises(InputError) as error:
            ask(f"test+{part}")
        assert str(error.value).startswith(f"voc/2007: split {part!r} {why}")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "split", ["trainval", "train+trainval", "trainval[1:]"]
)
def test_missing_split(devkit, split):
    data = registry.build_source("voc/2007", data_dir=str(devkit))
    with pytest.raises(InputError) as error:
        data.num_examples(split)
    assert str(error.value) == (
        "voc/2007: split 'trainval' is missing; found: test, train, validation"
    )


def test_other_classes_than_those_of_the_data(devkit):
    with pytest.raises(InputError) as error:
        registry.build_source(
            "voc/2007", data_dir=str(devkit), class_names=("cat", "dog")
        )
    assert str(error.value).startswith("voc/2007 has the classes aeroplane, ")
    assert str(error.value).endswith("; class_names asks for cat, dog")


def test_class_without_a_category_id(tmp_path):
    builder = _Loose(data_dir=tmp_path)
    source = TfdsSource(builder, ("train", "train"), id_of_class={"cat": 17})
    assert source.category_ids == (17,)
    with pytest.raises(InputError) as error:
        TfdsSource(builder, ("train", "train"), id_of_class={"dog": 18})
    assert str(error.value) == (
        "__loose: class 'cat' has no category id; known: dog"
    )


def test_sources_with_other_category_ids(tmp_path):
    builder = _Loose(data_dir=tmp_path)
    sources = [
        TfdsSource(builder, ("train", "train"), id_of_class={"cat": number})
        for number in (17, 18)
    ]
    assert UnionSource("both", sources[:1] * 2).category_ids == (17,)
    with pytest.raises(InputError) as error:
        UnionSource("both", sources)
    assert str(error.value) == (
        "both: __loose has other category ids than __loose: 18"
    )


def test_no_network(no_network, tmp_path):
    with pytest.raises(InputError) as error:
        registry.build_source("voc/2007", data_dir=str(tmp_path))
    # The host is the mirror that this version of tfds uses.
    assert re.sub(r"https://[\w.]+", "HOST", str(error.value)) == (
        f"voc/2007/5.0.0 is not in {tmp_path} and cannot be downloaded"
        " (HOST: <urlopen error no network here>); prepare it with"
        " tensorflow_datasets where there is a network and copy it to"
        f" {tmp_path}/voc/2007/5.0.0, or point data_dir to it"
    )


def test_failed_download_is_one_line(tmp_path, monkeypatch):
    mark_downloaded(tmp_path)

    def fail(manager, urls):
        raise tfds.download.DownloadError("404\nnot found")

    monkeypatch.setattr(
        tfds.download.DownloadManager, "download_and_extract", fail
    )
    with pytest.raises(InputError) as error:
        registry.build_source("voc/2007", data_dir=str(tmp_path))
    assert "cannot be downloaded (404 not found); prepare" in str(error.value)
    assert "\n" not in str(error.value)


def test_shapes_need_no_network(no_network, tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "_NUM_EXAMPLES", {"train": 2, "test": 1})
    data = registry.build_source("shapes", data_dir=str(tmp_path))
    assert data.num_examples("train+test") == 3


def test_mock_data(monkeypatch):
    """The call of tfds, and the element made of an answer in its form."""
    asked = {}

    def as_dataset(builder, split, decoders=None, **kwargs):
        asked.update(split=str(split), decoders=decoders, **kwargs)
        raw = {
            "image": b"encoded",
            "image/filename": "a.jpg",
            "objects": {
                "bbox": [[0.0, 0.0, 0.5, 1.0], [0.5, 0.5, 0.5, 1.0]],
                "label": [19, 0],
                "is_difficult": [True, False],
            },
        }
        return tf.data.Dataset.from_tensors(raw)

    # With .INFO files the network is left alone; here nothing is on disk.
    monkeypatch.setattr(tfds_source, "_check_connection", lambda builder: None)
    with tfds.testing.mock_data(as_dataset_fn=as_dataset):
        data = TfdsSource(tfds.builder("voc/2007"), ("train", "test"))
        monkeypatch.setattr(data, "splits", lambda: ("train",))
        (example,) = data.dataset("train").as_numpy_iterator()
    assert asked["split"] == "train"
    assert isinstance(
        asked["decoders"]["image"], type(tfds.decode.SkipDecoding())
    )
    assert asked["shuffle_files"] is False
    assert asked["read_config"].interleave_cycle_length == 1
    assert asked["read_config"].try_autocache is False
    assert example["image"] == b"encoded"
    assert example["gt_boxes"].tolist() == [[0.0, 0.0, 0.5, 1.0]]
    assert example["gt_labels"].tolist() == [20]
    assert example["gt_is_difficult"].tolist() == [True]


class _Loose(tfds.core.GeneratorBasedBuilder):
    """Boxes that leave the image, no is_difficult."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        objects = {
            "bbox": tfds.features.Tensor(shape=(4,), dtype=np.float32),
            "label": tfds.features.ClassLabel(names=["cat"]),
        }
        features = {
            "image": tfds.features.Image(),
            "image/filename": tfds.features.Text(),
            "objects": tfds.features.Sequence(objects),
        }
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        boxes = (
            (-0.5, 0.25, 0.5, 1.5),
            (0, 0, np.inf, 1),
            (0, np.nan, 1, 1),
            (0.5, 0, 0.25, 1),
            (0, 1, 1, 2),
        )
        yield 0, {
            "image": np.zeros((4, 4, 3), np.uint8),
            "image/filename": "a.png",
            "objects": [
                {"bbox": np.array(box, np.float32), "label": "cat"}
                for box in boxes
            ],
        }


def test_boxes_are_clipped_and_dropped_in_graph(tmp_path):
    data = TfdsSource(_Loose(data_dir=tmp_path), ("train", "train"))
    assert data.name == "__loose"
    (example,) = data.dataset("train").as_numpy_iterator()
    assert example["gt_boxes"].tolist() == [[0.0, 0.25, 0.5, 1.0]]
    assert example["gt_labels"].tolist() == [1]
    assert example["gt_is_difficult"].tolist() == [False]
    assert example["gt_is_crowd"].tolist() == [False]
    assert example["gt_areas"].tolist() == [0.375]
    assert data.dropped_boxes("train") == 4
