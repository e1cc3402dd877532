"""Pictures in memory: the same batches, without reading a file again."""

import itertools
import re

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import pipeline, shuffling
from ssd_tf.data.augmentation import POLICIES
from ssd_tf.data.memory_cache import LIMIT_BYTES, cache_in_memory
from ssd_tf.data.sources.base import ELEMENT_SPEC
from ssd_tf.errors import InputError
from tests.data.toy_source import (
    SeekableToySource,
    ToySource,
    encode,
    to_example,
)

NUM_IMAGES = 7


def examples():
    """Pictures of several sizes and formats; 0 to 3 objects, one a crowd."""
    rng = np.random.default_rng(0)
    for i in range(NUM_IMAGES):
        pixels = rng.integers(0, 256, (20 + i, 30 - i, 3), np.uint8)
        image = encode(pixels, "JPEG" if i % 2 else "PNG")
        count = i % 4
        low = rng.uniform(0, 0.5, (count, 2))
        boxes = np.concatenate([low, low + 0.4], axis=1)
        is_crowd = np.arange(count) == 2
        yield to_example(image, f"{i}.jpg", boxes, [1] * count, is_crowd)


@pytest.fixture(params=[ToySource, SeekableToySource])
def source(request):
    return request.param(examples())


def batches(source, *, count=6, **how):
    dataset = pipeline.training_batches(
        source,
        "train",
        encoder=lambda labels, boxes: (tf.shape(labels)[0],),
        policy=POLICIES["ssd"],
        image_size=16,
        batch_size=3,
        seed=1,
        **how,
    )
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


@pytest.mark.parametrize("start_step", [0, 4])
def test_batches_are_the_same(source, start_step):
    """To the bit, from any step, with and without a share."""
    cached = cache_in_memory(source, "train")
    shares = (shuffling.Share(), shuffling.Share(1, 3))
    for share in shares:
        how = {"start_step": start_step, "share": share}
        for one, other in zip(
            batches(source, **how), batches(cached, **how), strict=True
        ):
            tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_nothing_is_read_again(source):
    cached = cache_in_memory(source, "train")
    assert source.num_read == NUM_IMAGES
    batches(cached, count=8)
    assert source.num_read == NUM_IMAGES


def test_it_is_the_source_otherwise(source):
    cached = cache_in_memory(source, "train")
    assert (cached.name, cached.class_names) == ("toy", ("thing",))
    assert cached.num_examples("train") == NUM_IMAGES
    is_seekable = isinstance(source, SeekableToySource)
    assert isinstance(cached, shuffling.RandomAccess) == is_seekable
    found = list(cached.dataset("train", skip=5).as_numpy_iterator())
    assert [e["image_id"] for e in found] == [b"5.jpg", b"6.jpg"]
    whole = list(source.dataset("train", skip=5).as_numpy_iterator())
    for one, other in zip(found, whole, strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - {"image"}:
            np.testing.assert_array_equal(one[name], other[name])
    specs = cached.dataset("train").element_spec
    for name, spec in ELEMENT_SPEC.items():
        if name != "image":
            assert specs[name].is_compatible_with(spec)
    for one in found:
        assert one["image"].dtype == np.uint8 and one["image"].shape[2] == 3
    names = shuffling.batch_image_ids(
        cached, "train", batch_size=3, seed=1, step=2
    )
    assert names == shuffling.batch_image_ids(
        source, "train", batch_size=3, seed=1, step=2
    )


def test_beyond_the_limit(source):
    """Refused at the first picture that is too many."""
    first = 20 * 30 * 3 + 21 * 29 * 3
    assert LIMIT_BYTES == 2**31
    with pytest.raises(
        InputError,
        match=re.escape("and 2 of the 7 pictures of split 'train' of toy fill"),
    ):
        cache_in_memory(source, "train", limit_bytes=first)
    total = sum((20 + i) * (30 - i) * 3 for i in range(NUM_IMAGES))
    cache_in_memory(source, "train", limit_bytes=total)


def test_objects_of_no_image():
    source = SeekableToySource(
        [to_example(encode(np.zeros((4, 4, 3), np.uint8)), "a")] * 2
    )
    (batch,) = batches(cache_in_memory(source, "train"), count=1)
    assert batch.gt_boxes.shape == (3, 0, 4)
