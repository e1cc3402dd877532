import cv2
import numpy as np
import pytest

from ssd_tf.errors import InputError
from ssd_tf.weights import caffe
from tests.weights.caffe_files import (
    ARRAYS,
    PROTOTXT,
    data,
    integer,
    message,
    net,
    old_shape,
    shape,
)

TWO = np.array([1.5, -2.0], "f4")


def one_blob(*fields, name=b"conv", count=1):
    """A net whose layer has blobs of the fields."""
    blob = message(7, b"".join(fields))
    return message(100, message(1, name) + blob * count)


@pytest.mark.parametrize("old", [False, True], ids=["layer", "layers"])
def test_blobs_are_those_that_opencv_reads(old):
    theirs = cv2.dnn.readNetFromCaffe(
        np.frombuffer(PROTOTXT, "u1").copy(), np.frombuffer(net(old=old), "u1")
    )
    ours = caffe.parse(net(old=old)).tensors
    for layer in ARRAYS:
        for index in (0, 1):
            blob = theirs.getParam(layer, index)
            array = ours[f"{layer}/{index}"]
            np.testing.assert_array_equal(array.ravel(), blob.ravel())
            if index == 0:
                assert array.shape == blob.shape


@pytest.mark.parametrize("old", [False, True], ids=["layer", "layers"])
def test_names_order_and_values(old):
    weights = caffe.parse(net(old=old))
    assert weights.format == "caffe"
    assert list(weights.tensors) == ["conv1/0", "conv1/1", "conv2/0", "conv2/1"]
    kind = "4" if old else "Convolution"
    assert weights.metadata == {
        "name": "toy",
        "layer_types": {"conv1": kind, "conv2": kind},
    }
    for layer, arrays in ARRAYS.items():
        for index, array in enumerate(arrays):
            blob = weights.tensors[f"{layer}/{index}"]
            # The older message has always four dimensions.
            dims = (1,) * (4 - array.ndim) + array.shape if old else array.shape
            assert blob.shape == dims
            np.testing.assert_array_equal(blob.reshape(array.shape), array)


@pytest.mark.parametrize(
    "fields",
    [
        (shape(2), data(TWO)),
        (shape(2, packed=False), data(TWO)),
        (data(TWO), shape(2)),
        (shape(2), message(8, TWO.astype("<f8").tobytes())),
        (shape(2), b"\x2d" + TWO[:1].tobytes(), b"\x2d" + TWO[1:].tobytes()),
        (shape(2), data(TWO[:1]), data(TWO[1:])),
        # An unknown field, and the gradient that a snapshot may have.
        (shape(2), integer(99, 5), message(6, bytes(8)), data(TWO)),
    ],
)
def test_every_way_to_write_a_blob(fields):
    (array,) = caffe.parse(one_blob(*fields)).tensors.values()
    np.testing.assert_array_equal(array, TWO)


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"", "no layer with weights"),
        (message(1, b"toy"), "no layer with weights"),
        (
            one_blob(shape(3), data(TWO)),
            r"conv/0 has 8 bytes for the shape \[3",
        ),
        (one_blob(data(TWO)), "has 8 bytes for the shape"),
        (one_blob(shape(1 << 50), data(TWO)), "no valid shape"),
        (one_blob(shape(1 << 30, 1 << 30)), "no valid shape"),
        (one_blob(shape((1 << 64) - 1), data(TWO)), "no valid shape"),
        (one_blob(shape(*[1] * 40), data(TWO[:1])), "no valid shape"),
        (one_blob(shape(*[1] * 400), data(TWO[:1])), "damaged"),
        (one_blob(old_shape(1 << 20, 1 << 20, 1 << 20, 1)), "no valid shape"),
        (one_blob(shape(2), integer(5, 2)), "damaged"),
        (one_blob(shape(2), data(TWO)) * 2, "two layers named conv"),
        (one_blob(shape(2), data(TWO), name=b"a\n"), r"named 'a\\n/0'"),
        (one_blob(shape(2), data(TWO), name=b"\xff"), "damaged"),
        (net()[:-1], "damaged"),
        (b"\x0a\xff\xff\xff\xff\x7f", "damaged"),
        (b"\x08" + b"\xff" * 11, "damaged"),
        (b"\x0b\x0c", "damaged"),
        (b"\x02\x00", "damaged"),
        (b"\x20\x00" * 1_000_001, "more than 1000000 fields"),
    ],
)
def test_what_is_damaged_or_asks_for_much(content, problem):
    with pytest.raises(InputError, match=problem):
        caffe.parse(content)


@pytest.mark.parametrize(
    "head, expected",
    [
        (net(), True),
        (net(old=True), True),
        (net()[:20], True),
        (message(3, b"data") + integer(4, 300) + net(), True),
        (message(1, b"a graph") + message(1, b"has many nodes"), False),
        (b"\x08\x07\x12\x07pytorch", False),  # ONNX
        (b'name: "toy"\n', False),
        (b"\n\n\n", False),
        (b"", False),
    ],
)
def test_a_net_is_known_by_its_begin(head, expected):
    assert caffe.is_net(head) is expected
