"""Batches from the service of tf.data, with its servers in this process."""

import io
import itertools
import threading

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf import InputError
from ssd_tf.data import pipeline, service
from ssd_tf.data.augmentation import POLICIES
from ssd_tf.data.sources import registry
from tests.data.toy_source import SeekableToySource, ToySource

servers = tf.data.experimental.service


@pytest.fixture
def dispatcher():
    """One of its own: it waits for a worker of before, which is gone."""
    return servers.DispatchServer(servers.DispatcherConfig(port=0))


def start_worker(dispatcher):
    return servers.WorkerServer(
        servers.WorkerConfig(dispatcher_address=dispatcher.target[7:])
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A VOC folder of seven pictures."""
    root = tmp_path_factory.mktemp("folder")
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / name).mkdir(parents=True)
    for i in range(7):
        encoded = io.BytesIO()
        Image.new("RGB", (40, 30), (30 * i, 99, 9)).save(encoded, "JPEG")
        (root / f"JPEGImages/{i}.jpg").write_bytes(encoded.getvalue())
        (root / f"Annotations/{i}.xml").write_text(
            "<annotation><size><width>40</width><height>30</height></size>"
            "<object><name>dog</name><bndbox><xmin>8</xmin><ymin>4</ymin>"
            "<xmax>20</xmax><ymax>20</ymax></bndbox></object></annotation>"
        )
    (root / "ImageSets/Main/train.txt").write_text("\n".join("0123456"))
    return registry.SOURCES["voc_folder"](str(root), None)


def batches(source, count, address=None):
    found = pipeline.training_batches(
        source,
        "train",
        encoder=lambda labels, boxes: (tf.reduce_sum(boxes, axis=0),),
        policy=POLICIES["ssd"],
        image_size=16,
        batch_size=3,
        seed=5,
        start_step=2,
        data_service=address,
    )
    return [batch.images.numpy() for batch in found.take(count)]


def test_batches_are_those_made_here(dispatcher, folder):
    worker = start_worker(dispatcher)
    np.testing.assert_array_equal(
        batches(folder, 5, dispatcher.target), batches(folder, 5)
    )
    del worker


def test_no_batch_is_made_twice(dispatcher):
    """Two workers share the steps, though both begin with the first."""
    workers = [start_worker(dispatcher) for _ in range(2)]
    # All that are left: a worker that still makes some, in Python, when it is
    # stopped would wait for Python's lock, which is held by who stops it.
    expected = list(range(tf.int64.max - 40, tf.int64.max))
    made = []
    # One worker makes two at once, so that both have made some.
    both = threading.Barrier(3)
    place = itertools.count()

    def note(step):
        made.append(int(step))
        if next(place) < both.parties:  # exactly so many, whoever is first
            both.wait(timeout=60)
        return step

    found = service.distribute(
        dispatcher.target,
        lambda step: tf.data.Dataset.from_tensors(step).map(
            lambda step: tf.numpy_function(note, [step], tf.int64)
        ),
        start_step=expected[0],
    )
    assert sorted(int(step) for step in found) == expected
    assert sorted(made) == expected
    del workers


@pytest.mark.parametrize(
    "address, message",
    [
        ("localhost:1", "is no address; expected grpc://HOST:PORT"),
        ("grpc://localhost", "is no address"),
        ("grpc://:1", "is no address"),
        ("grpc://localhost:x", "is no address"),
        ("grpc://localhost:70000", "is no address"),
        ("grpc://localhost:1", "does not answer .*refused.*; start it with"),
    ],
)
def test_addresses(address, message):
    with pytest.raises(InputError, match=f"--data_service={address} {message}"):
        service.check_service("data_service", address)


def test_sources():
    service.check_source(SeekableToySource([]))
    with pytest.raises(InputError, match="toy is read from its beginning"):
        service.check_source(ToySource([]))
