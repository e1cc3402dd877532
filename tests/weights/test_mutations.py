"""Damaged files: an InputError or a successful read, and nothing else."""

import contextlib
import random
import re
import resource
import tracemalloc

import h5py
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import weights
from ssd_tf.errors import InputError
from ssd_tf.weights import caffe, pytorch
from tests.weights import peer_files
from tests.weights.caffe_files import net
from tests.weights.torch_files import FILES


def without_checksums(archive):
    """A zip whose entries are read even where they are damaged."""
    data = bytearray(archive)
    for entry in re.finditer(b"PK\x01\x02", archive):
        data[entry.start() + 16 : entry.start() + 20] = bytes(4)
    return bytes(data)


def mutate(data, rng):
    """Flips, overwrites, inserts, deletes, repeats or cuts off bytes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        position = rng.randrange(len(data) or 1)
        kind = rng.randrange(13)
        if kind < 3:
            data[position : position + 1] = bytes([rng.randrange(256)])
        elif kind < 6 and data:
            data[position] ^= 1 << rng.randrange(8)
        elif kind < 8:
            data[position:position] = rng.randbytes(rng.randrange(1, 9))
        elif kind < 10:
            del data[position : position + rng.randrange(1, 9)]
        elif kind < 12:
            start = rng.randrange(len(data) or 1)
            data[position:position] = data[start : start + rng.randrange(40)]
        else:
            del data[position:]
    return bytes(data)


ZIP = (FILES / "tiny_zip.pth").read_bytes()
LEGACY = (FILES / "tiny_legacy.pth").read_bytes()


@pytest.mark.parametrize(
    "data, parse, count",
    [
        (ZIP, pytorch.parse, 4000),
        (without_checksums(ZIP), pytorch.parse, 8000),
        (LEGACY, pytorch.parse, 8000),
        (net(), caffe.parse, 4000),
        (net(old=True), caffe.parse, 2000),
    ],
    ids=["zip", "zip_without_checksums", "legacy", "caffe", "caffe_v1"],
)
def test_damaged_files(data, parse, count):
    rng = random.Random(0)
    num_read = 0
    parse(data)
    for _ in range(count):
        damaged = mutate(data, rng)
        try:
            tensors = parse(damaged).tensors
        except InputError as error:
            message = str(error)
            assert message.isprintable() and len(message) < 400, damaged
        else:
            num_read += 1
            # Limits on what shared memory may be copied into.
            size = sum(array.nbytes for array in tensors.values())
            assert size <= 4 * len(damaged) + (1 << 20), damaged
    assert 0 < num_read < count  # the mutations are neither mild nor deadly


def keras_file(folder):
    """Names of fixed length as with old h5py, and of any length as with new."""
    path = folder / "weights.h5"
    arrays = {"conv": [np.ones((3, 3, 2, 4), "f4"), np.ones(4, "f4")]}
    peer_files.write_keras(path, {**arrays, "norm": [np.ones(5, "f4")]})
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = np.array([b"conv", b"norm"])
        names = list(file["conv/conv"])
        file["conv"].attrs["weight_names"] = np.array(
            [f"conv/{name}".encode() for name in names]
        )
    return path, [path]


def tensorflow_file(folder):
    """A checkpoint in two files."""
    prefix = folder / "weights.ckpt"
    values = np.ones((3, 3, 2, 4), "f4"), np.ones(4, "f4"), np.int64(7)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=["conv/weights", "conv/biases", "global_step"],
        shape_and_slices=[""] * 3,
        tensors=values,
    )
    return prefix, sorted(folder.iterdir())


@pytest.mark.parametrize(
    "write, count", [(keras_file, 1500), (tensorflow_file, 500)]
)
def test_damaged_files_of_libraries(write, count, tmp_path):
    """HDF5 and TensorFlow read them, which believe some lengths."""
    path, files = write(tmp_path)
    whole = {file: file.read_bytes() for file in files}
    rng = random.Random(0)
    before = most_memory()
    num_read = 0
    for _ in range(count):
        damaged = rng.choice(files)
        damaged.write_bytes(mutate(whole[damaged], rng))
        try:
            weights.read(path)
            num_read += 1
        except InputError as error:
            message = str(error)
            assert message.isprintable() and len(message) < 500
        damaged.write_bytes(whole[damaged])
    assert 0 < num_read < count
    assert most_memory() - before < 100 << 20


def most_memory():
    """The most bytes that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@pytest.mark.parametrize("data", [ZIP, LEGACY], ids=["zip", "legacy"])
def test_every_shorter_file_is_refused(data):
    for size in range(len(data)):
        with pytest.raises(InputError):
            pytorch.parse(data[:size])


@pytest.mark.parametrize(
    "data", [without_checksums(ZIP), LEGACY], ids=["zip", "legacy"]
)
def test_damaged_files_take_little_memory(data):
    rng = random.Random(1)
    tracemalloc.start()
    try:
        for _ in range(500):
            with contextlib.suppress(InputError):
                pytorch.parse(mutate(data, rng))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000  # of files with 2,000 bytes
