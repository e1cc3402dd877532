"""Files of other projects' networks, made from the names of their weights."""

import zlib

import h5py
import numpy as np
import tensorflow as tf

from ssd_tf import PRESETS, build_detector
from ssd_tf.weights import vgg_names
from tests.weights import caffe_files


def vgg_shapes(size, num_classes=20):
    """Shapes of SSD on VGG16, {our layer: those of its weights}."""
    model = build_detector(PRESETS[f"ssd{size}_vgg16"])
    found = {}
    for layer in model.layers:
        if layer.weights:
            shapes = [tuple(weight.shape) for weight in layer.weights]
            if layer.name.endswith("_mbox_conf"):
                shapes = [
                    (*s[:-1], s[-1] // 21 * (num_classes + 1)) for s in shapes
                ]
            found[layer.name] = shapes
    return found


def vgg_weights(size, num_classes=20, *, seed=0):
    """Weights of those shapes, {our layer: arrays in Keras' order}.

    Kernels keep the size of what flows through them, as He et al. 2015.
    """
    return {
        name: [
            _values(f"{name}/{k}", shape, seed)
            for k, shape in enumerate(shapes)
        ]
        for name, shapes in vgg_shapes(size, num_classes).items()
    }


def _values(name, shape, seed):
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    values = rng.standard_normal(shape).astype("f4")
    if len(shape) == 4:
        # Pixels have a spread of about 64, everything else of about 1.
        scale = 64 if name.startswith("conv1_1/") else 1
        return values * np.float32(np.sqrt(2 / np.prod(shape[:3])) / scale)
    if name.startswith(vgg_names.NORM + "/"):
        return 20 + values
    return values * np.float32(0.1)


def write_keras(path, layers):
    """As Keras 2 writes weights of ssd_keras."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        file.attrs["keras_version"], file.attrs["backend"] = "2.1.4", "tf"
        for name, arrays in layers.items():
            group = file.create_group(name)
            kinds = ("kernel", "bias") if len(arrays) == 2 else ("gamma",)
            names = [f"{name}/{name}_{kind}:0" for kind in kinds]
            group.attrs["weight_names"] = [n.encode() for n in names]
            for weight, array in zip(names, arrays, strict=True):
                group[weight] = array


def write_tensorflow(path, layers, size):
    """As a checkpoint of SSD-Tensorflow, with what optimisers add."""
    names = vgg_names.layer_names(
        vgg_names.PROJECTS[f"ssd_tensorflow_{size}"], 6 if size == 300 else 7
    )
    variables = {
        theirs: array
        for ours, arrays in layers.items()
        for theirs, array in zip(names[ours], arrays, strict=True)
    }
    first = names["conv1_1"][0]
    variables[f"{first}/Adam"] = np.zeros_like(variables[first])
    variables["global_step"] = np.int64(7)
    tf.raw_ops.SaveV2(
        prefix=str(path),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=list(variables.values()),
    )


def write_caffe(path, layers):
    """As Caffe's `.caffemodel`."""
    net = caffe_files.message(1, b"VGG_VOC0712_SSD")
    for name, arrays in layers.items():
        kind = b"Normalize" if name == vgg_names.NORM else b"Convolution"
        content = caffe_files.message(1, name.encode())
        content += caffe_files.message(2, kind)
        for array in arrays:
            if array.ndim == 4:
                array = array.transpose(3, 2, 0, 1)
            blob = caffe_files.shape(*array.shape) + caffe_files.data(array)
            content += caffe_files.message(7, blob)
        net += caffe_files.message(100, content)
    path.write_bytes(net)
