"""The rules by which annotations are read."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.sources import rules
from ssd_tf.data.sources.base import UNIT_SIZE
from ssd_tf.errors import InputError
from tests.data.annotated import noise, raw_image

BOXES = [
    (0.25, -1.0, 0.5, 2.0),  # clipped
    (0.5, 0.0, 0.25, 1.0),  # inverted
    (0.0, 1.0, 1.0, 2.0),  # outside
    (0.0, 0.0, np.inf, 1.0),
    (0.0, np.nan, 1.0, 1.0),
    (0.5, 0.5, 0.5, 1.0),  # no height
]


@pytest.mark.parametrize("call", [rules.usable_boxes, "graph"])
def test_usable_boxes(call):
    boxes = np.array(BOXES, np.float32)
    if call == "graph":
        dataset = tf.data.Dataset.from_tensors(boxes).map(rules.usable_boxes)
        clipped, is_usable = next(dataset.as_numpy_iterator())
    else:
        clipped, is_usable = (v.numpy() for v in call(boxes))
    assert is_usable.tolist() == [True] + [False] * 5
    assert clipped[0].tolist() == [0.25, 0.0, 0.5, 1.0]


def test_objects_to_learn():
    labels, boxes = rules.objects_to_learn(
        {
            "gt_labels": tf.constant([3, 1, 2]),
            "gt_boxes": tf.reshape(tf.range(12.0), (3, 4)),
            "gt_is_crowd": tf.constant([False, True, False]),
        }
    )
    assert labels.numpy().tolist() == [3, 2]
    assert boxes.numpy().tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]


def test_labels_of():
    objects = raw_image(("b", 1, 1, 2, 2), ("x", 1, 1, 2, 2)).objects
    labels = rules.labels_of(objects, ("a", "b"))
    assert labels.dtype == np.int32
    assert labels.tolist() == [2, 0]


def test_mark_repeats():
    images = [raw_image(image_path=path) for path in "aba"]
    marks = [is_repeat for _, is_repeat in rules.mark_repeats(images)]
    assert marks == [False, False, True]


def test_declared_sizes_are_believed_where_boxes_end_in_them(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(noise("PNG"))  # 100 x 50

    def image(*objects, size):
        return raw_image(*objects, size=size, image_path=str(path))

    box = ("cat", 10, 10, 20, 90)
    images = [
        image(box, size=(200.0, 400.0)),
        image(size=(7.0, 7.0)),  # nothing to divide
        image(box, ("cat", 5, 5, 6, 6), size=(20.0, 89.0)),
        image(box, size=None),
        image(("cat", 10, 10, 20.9, 90), size=(20.0, 90.0)),  # rounding
        image(("cat", 0.0, 0.0, 0.5, 1.5), size=UNIT_SIZE),
        # One pixel by the file is a size like any other.
        image(("cat", 0.0, 0.0, 25, 50), size=(1.0, 1.0)),
        image(size=None),
    ]
    judged = rules.judge(images)
    assert judged.sizes.tolist() == [
        [200, 400],
        [7, 7],
        [50, 100],
        [50, 100],
        [20, 90],
        [1, 1],
        [50, 100],
        [0, 0],
    ]
    assert judged.image_of.tolist() == [0, 2, 2, 3, 4, 5, 6]
    assert judged.boxes.dtype == np.float32
    assert judged.is_usable.all()
    assert judged.boxes[-2:].tolist() == [[0, 0, 0.5, 1], [0, 0, 0.5, 0.5]]


def test_no_image_and_no_object():
    for images in ([], [raw_image()]):
        judged = rules.judge(images)
        assert judged.boxes.shape == (0, 4)
        assert judged.is_usable.shape == (0,)


def test_a_size_that_is_needed_and_cannot_be_read(tmp_path):
    path = tmp_path / "a.png"
    raw = raw_image(("cat", 1, 1, 2, 2), size=None, image_path=str(path))
    with pytest.raises(InputError, match="a.png: image cannot be read"):
        rules.judge([raw])
