"""Sources over data that tfds makes up from the features of a builder."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from ssd_tf.class_names import COCO_CATEGORY_IDS
from ssd_tf.data import pipeline
from ssd_tf.data.sources.base import ELEMENT_SPEC
from ssd_tf.data.sources.registry import build_source
from tests.data.toy_source import encode

NUM_MOCKED = 3
NUM_OBJECTS = 5


def as_dataset(builder, split, decoders, **kwargs):
    """Random examples with the features of a builder, images encoded.

    What tfds makes up by itself has a number of boxes that is not that of the
    labels (4.9.10).
    """
    assert isinstance(decoders["image"], type(tfds.decode.SkipDecoding()))
    infos = builder.info.features.get_tensor_info()
    infos["image"] = infos["image/filename"]  # bytes in both
    spec = tf.nest.map_structure(
        lambda info: tf.TensorSpec(info.shape, info.tf_dtype), infos
    )
    num_classes = builder.info.features["objects"]["label"].num_classes
    rng = np.random.default_rng(0)

    def make_up(info):
        shape = [NUM_OBJECTS if side is None else side for side in info.shape]
        if info.tf_dtype == tf.string:
            return str(rng.integers(1000))
        if info.tf_dtype == tf.float32:
            return np.sort(rng.uniform(-0.2, 1.2, shape))
        return rng.integers(0, num_classes, shape)

    def generate():
        for _ in range(NUM_MOCKED):
            image = encode(Image.new("RGB", (9, 9)), "JPEG")
            yield {**tf.nest.map_structure(make_up, infos), "image": image}

    return tf.data.Dataset.from_generator(generate, output_signature=spec)


@pytest.fixture
def mocked(devkit):
    """dataset -> its source; the splits are real, the examples are not."""
    with contextlib.ExitStack() as stack:

        def build(dataset):
            data_dir = str(devkit)
            build_source(dataset, data_dir=data_dir)
            stack.enter_context(
                tfds.testing.mock_data(
                    policy=tfds.testing.MockPolicy.USE_FILES,
                    as_dataset_fn=as_dataset,
                    data_dir=data_dir,
                )
            )
            return build_source(dataset, data_dir=data_dir)

        yield build


@pytest.mark.parametrize(
    "dataset, split, num_classes, num_parts",
    [
        ("voc/2007", "train", 20, 1),
        ("voc/2007", "test", 20, 1),
        ("voc/2012", "validation", 20, 1),
        ("voc/2007+2012", "train+validation", 20, 2),
        ("voc/2007+2012", "test", 20, 1),
        ("coco/2017", "train", 80, 1),
        ("coco/2017", "validation", 80, 1),
    ],
)
def test_mocked_examples(mocked, dataset, split, num_classes, num_parts):
    source = mocked(dataset)
    assert len(source.class_names) == num_classes
    data = source.dataset(split)
    assert data.element_spec == ELEMENT_SPEC
    examples = list(data.as_numpy_iterator())
    assert len(examples) == NUM_MOCKED * num_parts
    for example in examples:
        assert example["image"][:2] == b"\xff\xd8"
        assert tf.io.decode_jpeg(example["image"]).dtype == tf.uint8
        boxes, labels = example["gt_boxes"], example["gt_labels"]
        assert 0 < len(boxes) <= NUM_OBJECTS
        assert boxes.min(initial=0) >= 0 and boxes.max(initial=1) <= 1
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert labels.min(initial=1) >= 1
        assert labels.max(initial=1) <= num_classes
        for key in ("gt_is_difficult", "gt_is_crowd", "gt_areas"):
            assert len(example[key]) == len(boxes)
        assert np.isfinite(example["gt_areas"]).all()


def test_mocked_examples_become_batches(mocked):
    (batch,) = pipeline.evaluation_batches(
        mocked("coco/2017"), "train", image_size=8, batch_size=NUM_MOCKED
    )
    assert batch.images.shape == (NUM_MOCKED, 8, 8, 3)
    assert batch.gt_is_crowd.shape == batch.gt_areas.shape


def test_coco_2017(devkit):
    """Real files in COCO's form, through the builder of tfds."""
    data = build_source("coco/2017", data_dir=str(devkit))
    assert data.name == "coco/2017"
    assert data.class_names == tuple(COCO_CATEGORY_IDS)
    assert data.splits() == ("train", "validation")
    assert data.default_splits == ("train", "validation")
    found = {
        example["image_id"]: example
        for example in data.dataset("train").as_numpy_iterator()
    }
    a = found[b"a.jpg"]
    expected = [[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1], [0.5, 0.5, 1, 1]]
    np.testing.assert_array_equal(a["gt_boxes"], np.array(expected, "f"))
    # Ids 7 and 3: train is the seventh, car the third.
    assert a["gt_labels"].tolist() == [7, 3, 3]
    assert a["gt_is_crowd"].tolist() == [False, True, False]
    assert a["gt_is_difficult"].tolist() == [False, False, False]
    # 500 and 2500 of 5000 square pixels; 0 is no area, the box is a quarter.
    np.testing.assert_allclose(a["gt_areas"], [0.1, 0.5, 0.25])
    assert found[b"b.jpg"]["gt_boxes"].shape == (0, 4)


def test_category_ids(devkit):
    ids = build_source("coco/2017", data_dir=str(devkit)).category_ids
    unused = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert ids == tuple(i for i in range(1, 91) if i not in unused)
    assert COCO_CATEGORY_IDS["fire hydrant"] == 11
    assert COCO_CATEGORY_IDS["stop sign"] == 13
    assert COCO_CATEGORY_IDS["dining table"] == 67
    assert COCO_CATEGORY_IDS["toothbrush"] == 90
    voc = build_source("voc/2007", data_dir=str(devkit))
    assert voc.category_ids == tuple(range(1, 21))
