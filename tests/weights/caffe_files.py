"""Caffe's messages, written by hand (src/caffe/proto/caffe.proto)."""

import numpy as np

PROTOTXT = b"""name: "toy" input: "data"
input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
  convolution_param { num_output: 2 kernel_size: 1 } }
"""
_rng = np.random.default_rng(0)
ARRAYS = {
    "conv1": [_rng.standard_normal(s).astype("f4") for s in ((4, 3, 3, 3), 4)],
    "conv2": [_rng.standard_normal(s).astype("f4") for s in ((2, 4, 1, 1), 2)],
}


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def integer(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def shape(*dims, packed=True):
    if packed:
        return message(7, message(1, b"".join(map(varint, dims))))
    return message(7, b"".join(integer(1, dim) for dim in dims))


def old_shape(*dims):
    dims = (1,) * (4 - len(dims)) + dims
    return b"".join(integer(k, dim) for k, dim in enumerate(dims, start=1))


def data(array):
    return message(5, array.astype("<f4").tobytes())


def net(*, old=False):
    """The net of `PROTOTXT`; `old` as before 2014, in `layers`."""
    field, name, kind, blobs = (2, 4, 5, 6) if old else (100, 1, 2, 7)
    out = message(1, b"toy")
    for key, arrays in ARRAYS.items():
        content = message(name, key.encode())
        content += integer(5, 4) if old else message(kind, b"Convolution")
        for array in arrays:
            dims = (old_shape if old else shape)(*array.shape)
            content += message(blobs, dims + data(array))
        out += message(field, content)
    return out
