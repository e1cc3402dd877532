"""SSD on VGG16 as ssd_keras and SSD-Tensorflow run it, in plain operations.

Written from the projects' own code, with its names, pixels, paddings and
anchors, and without anything of ssd_tf:

* pierluigiferrari/ssd_keras: models/keras_ssd300.py, models/keras_ssd512.py,
  keras_layers/keras_layer_AnchorBoxes.py, keras_layer_L2Normalization.py,
  keras_layer_DecodeDetections.py.
* balancap/SSD-Tensorflow: nets/ssd_vgg_300.py, nets/ssd_vgg_512.py,
  nets/custom_layers.py, nets/np_methods.py; preprocessing/
  ssd_vgg_preprocessing.py has the means.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_BLOCKS = (2, 2, 3, 3, 3)
_RATIOS = {
    300: ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    512: ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
}
_CELLS = {300: (38, 19, 10, 5, 3, 1), 512: (64, 32, 16, 8, 4, 2, 1)}
_STEPS = {300: (8, 16, 32, 64, 100, 300), 512: (8, 16, 32, 64, 128, 256, 512)}


class Answer(NamedTuple):
    """Of one picture: [A, C + 1], [A, 4], and boxes [A, 4] as yxyx in 0..1."""

    logits: np.ndarray
    offsets: np.ndarray
    boxes: np.ndarray


class _Network:
    """The layers that both projects have, under a project's names.

    Args:
      weights: name -> array; kernels [H, W, I, O].
      names: (kind, n, k) -> the two names of a convolution's weights.
      gamma: name of the scale behind conv4_3.
    """

    def __init__(
        self, weights: Mapping[str, np.ndarray], names: Callable, gamma: str
    ):
        self._weights, self._names = weights, names
        self._gamma = weights[gamma]

    def conv(self, x, key, *, padding="SAME", stride=1, rate=1, relu=True):
        kernel, bias = (self._weights[name] for name in self._names(*key))
        x = tf.nn.conv2d(x, kernel, stride, padding, dilations=rate) + bias
        return tf.nn.relu(x) if relu else x

    def run(self, pixels, size):
        """Normalised pixels -> logits [A, C + 1] and offsets [A, 4]."""
        x = pixels[None].astype(np.float32)
        for block, repeats in enumerate(_BLOCKS, start=1):
            for k in range(1, repeats + 1):
                x = self.conv(x, ("block", block, k))
            if block == 4:
                length = tf.sqrt(
                    tf.maximum(tf.reduce_sum(x * x, -1, True), 1e-12)
                )
                maps = [x / length * self._gamma]
            kernel, stride = (2, 2) if block < 5 else (3, 1)
            x = tf.nn.max_pool2d(x, kernel, stride, "SAME")
        x = self.conv(x, ("fc", 6, 0), rate=6)
        x = self.conv(x, ("fc", 7, 0))
        maps.append(x)
        num_strided = 2 if size == 300 else 4
        for n in range(len(_CELLS[size]) - 2):
            x = self.conv(x, ("extra", n, 1))
            stride = 2 if n < num_strided else 1
            if size == 512 or stride == 2:
                x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            x = self.conv(x, ("extra", n, 2), padding="VALID", stride=stride)
            maps.append(x)
        logits, offsets = [], []
        for k, features in enumerate(maps):
            boxes = 2 + 2 * len(_RATIOS[size][k])
            for kind, found in (("cls", logits), ("loc", offsets)):
                out = self.conv(features, (kind, k, 0), relu=False).numpy()
                found.append(out.reshape(-1, out.shape[-1] // boxes))
        return np.concatenate(logits), np.concatenate(offsets)


def ssd_keras(weights, pixels, size, scales) -> Answer:
    """Answers as ssd_keras with these scales of anchors."""
    levels = ["conv4_3_norm", "fc7"]
    levels += [f"conv{6 + n}_2" for n in range(len(_CELLS[size]) - 2)]

    def names(kind, n, k):
        layer = {
            "block": f"conv{n}_{k}",
            "fc": f"fc{n}",
            "extra": f"conv{6 + n}_{k}",
            "cls": f"{levels[n]}_mbox_conf" if n < len(levels) else "",
            "loc": f"{levels[n]}_mbox_loc" if n < len(levels) else "",
        }[kind]
        return [f"{layer}/{layer}/{layer}_{w}:0" for w in ("kernel", "bias")]

    norm = "conv4_3_norm"
    network = _Network(weights, names, f"{norm}/{norm}/{norm}_gamma:0")
    mean = np.float32([123, 117, 104])
    logits, offsets = network.run((pixels - mean)[..., ::-1], size)
    anchors = keras_anchors(size, scales)
    t = offsets * np.array([0.1, 0.1, 0.2, 0.2])
    cx, cy = (t[:, :2] * anchors[:, 2:] + anchors[:, :2]).T
    w, h = (np.exp(t[:, 2:]) * anchors[:, 2:]).T
    boxes = np.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], -1)
    return Answer(logits, offsets, boxes)


def keras_anchors(size, scales):
    """[A, 4] cx, cy, w, h in 0..1; scales are fractions of the image."""
    anchors = []
    for k, cells in enumerate(_CELLS[size]):
        shapes = [(scales[k],) * 2, (math.sqrt(scales[k] * scales[k + 1]),) * 2]
        for ratio in (r for n in _RATIOS[size][k] for r in (n, 1 / n)):
            root = math.sqrt(ratio)
            shapes.append((scales[k] * root, scales[k] / root))
        step = _STEPS[size][k]
        for row in range(cells):
            for column in range(cells):
                for w, h in shapes:
                    cx, cy = (column + 0.5) * step, (row + 0.5) * step
                    anchors.append((cx, cy, w * size, h * size))
    return np.array(anchors) / size


def ssd_tensorflow(weights, pixels, size, sizes_px) -> Answer:
    """Answers as SSD-Tensorflow with these (small, large) sizes of anchors."""
    net = f"ssd_{size}_vgg"

    def names(kind, n, k):
        block = 4 if n == 0 else 6 + n
        is_last = size == 512 and n == 4
        layer = {
            "block": f"conv{n}/conv{n}_{k}",
            "fc": f"conv{n}",
            "extra": f"block{8 + n}/conv"
            + ("1x1" if k == 1 else "4x4" if is_last else "3x3"),
            "cls": f"block{block}_box/conv_cls",
            "loc": f"block{block}_box/conv_loc",
        }[kind]
        return [f"{net}/{layer}/{w}" for w in ("weights", "biases")]

    gamma = f"{net}/block4_box/L2Normalization/gamma"
    network = _Network(weights, names, gamma)
    pixels = pixels - np.float32([123, 117, 104])
    logits, offsets = network.run(pixels, size)
    anchors = []  # y, x, h, w
    for k, cells in enumerate(_CELLS[size]):
        small, large = sizes_px[k]
        y, x = np.mgrid[0:cells, 0:cells]
        y, x = ((v + 0.5) * _STEPS[size][k] / size for v in (y, x))
        h = [small / size, math.sqrt(small * large) / size]
        w = list(h)
        for ratio in (r for n in _RATIOS[size][k] for r in (n, 1 / n)):
            h.append(small / size / math.sqrt(ratio))
            w.append(small / size * math.sqrt(ratio))
        grid = np.broadcast_arrays(y[..., None], x[..., None], h, w)
        anchors.append(np.stack(grid, -1).reshape(-1, 4))
    yref, xref, href, wref = np.concatenate(anchors).T
    cx = offsets[:, 0] * wref * 0.1 + xref
    cy = offsets[:, 1] * href * 0.1 + yref
    w = wref * np.exp(offsets[:, 2] * 0.2)
    h = href * np.exp(offsets[:, 3] * 0.2)
    boxes = np.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], -1)
    return Answer(logits, offsets, boxes)
