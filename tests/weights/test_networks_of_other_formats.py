"""Caffe, ssd_keras and SSD-Tensorflow: the same answers as the original.

Caffe's network is run by OpenCV, from its prototxt to its detections; the
other two as `plain_ssd` writes them down from their code.
"""

import cv2
import numpy as np
import pytest

from ssd_tf import BoxCoder, Decoder, build_anchors, build_detector
from ssd_tf.class_names import COCO_CATEGORY_IDS, VOC_NAMES
from ssd_tf.weights import WeightFile, networks, read
from tests.weights import caffe_ssd, peer_files, plain_ssd

# models/keras_ssd300.py and keras_ssd512.py, for VOC and COCO.
KERAS_SCALES = {
    (300, 20): (0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05),
    (300, 80): (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
    (512, 20): (0.07, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05),
    (512, 80): (0.04, 0.1, 0.26, 0.42, 0.58, 0.74, 0.9, 1.06),
}
# `default_params` of nets/ssd_vgg_300.py and ssd_vgg_512.py, whose classes
# are VOC's.
TENSORFLOW_SIZES = {
    300: (21, 45, 99, 153, 207, 261, 315),
    512: (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72),
}


@pytest.fixture(scope="module")
def vgg_weights():
    """(size, number of classes) -> weights; those asked for last are kept."""
    kept = {}

    def call(size, num_classes=20):
        if (size, num_classes) not in kept:
            kept.clear()
            kept[size, num_classes] = peer_files.vgg_weights(size, num_classes)
        return kept[size, num_classes]

    return call


def picture(size):
    """[S, S, 3] uint8 RGB: smooth, with other channels each."""
    rng = np.random.default_rng(size)
    coarse = rng.uniform(0, 255, (8, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def converted(path, pixels):
    """Configuration and outputs of the detector that a file holds."""
    network = networks.identify(read(path))
    model = build_detector(network.detector_config)
    for name, arrays in network.layers.items():
        model.get_layer(name).set_weights(arrays)
    assert set(network.layers) == {v.name for v in model.layers if v.weights}
    return network.detector_config, model(pixels[None])


def assert_same(ours, theirs):
    """Equal to 1e-4 of their spread."""
    spread = theirs.std()
    assert spread > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * spread)


@pytest.mark.parametrize("size", [300, 512])
def test_caffe(size, vgg_weights, tmp_path):
    path = tmp_path / "net.caffemodel"
    peer_files.write_caffe(path, vgg_weights(size))
    net = cv2.dnn.readNetFromCaffe(
        np.frombuffer(caffe_ssd.prototxt(size), "u1").copy(),
        np.frombuffer(path.read_bytes(), "u1"),
    )
    pixels = picture(size)
    # examples/ssd.ipynb: BGR less the mean.
    blob = pixels[..., ::-1] - np.float32([104, 117, 123])
    net.setInput(np.ascontiguousarray(blob.transpose(2, 0, 1)[None]))
    offsets, logits, priors, found = net.forward(
        ["mbox_loc", "mbox_conf", "mbox_priorbox", "detection_out"]
    )
    config, outputs = converted(path, pixels)
    assert config.class_names == VOC_NAMES
    assert_same(outputs["logits"][0], logits.reshape(-1, 21))
    assert_same(outputs["localisations"][0], offsets.reshape(-1, 4))
    # x1, y1, x2, y2
    priors = priors[0, 0].reshape(-1, 4)[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(
        build_anchors(config).boxes, priors, rtol=0, atol=1e-6
    )
    check_detections(Decoder(config)(outputs), found[0, 0])


def check_detections(ours, theirs):
    """Against rows of image, class, score, x1, y1, x2, y2, none of them cut."""
    count = int(ours.num_detections[0])
    assert count == len(theirs) == 200
    rows = np.column_stack(
        [
            ours.classes[0, :count],
            ours.scores[0, :count],
            ours.boxes.numpy()[0, :count][:, [1, 0, 3, 2]],
        ]
    )
    theirs = theirs[:, 1:]
    order = [np.lexsort((r[:, 2], -r[:, 1].round(4))) for r in (rows, theirs)]
    np.testing.assert_allclose(
        rows[order[0]], theirs[order[1]], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize(
    "size, num_classes", [(300, 20), (512, 80)], ids=["voc300", "coco512"]
)
def test_ssd_keras(size, num_classes, vgg_weights, tmp_path):
    path = tmp_path / "weights.h5"
    peer_files.write_keras(path, vgg_weights(size, num_classes))
    pixels = picture(size)
    theirs = plain_ssd.ssd_keras(
        read(path).tensors, pixels, size, KERAS_SCALES[size, num_classes]
    )
    config, outputs = converted(path, pixels)
    assert config.class_names == (
        VOC_NAMES if num_classes == 20 else tuple(COCO_CATEGORY_IDS)
    )
    check_answer(config, outputs, theirs)


@pytest.mark.parametrize("size, num_classes", KERAS_SCALES)
def test_anchors_of_ssd_keras(size, num_classes):
    tensors = {
        f"{name}/{k}": np.broadcast_to(np.float32(0), shape)
        for name, shapes in peer_files.vgg_shapes(size, num_classes).items()
        for k, shape in enumerate(shapes)
    }
    network = networks.identify(WeightFile("keras", tensors, {}))
    config = network.detector_config
    np.testing.assert_allclose(
        build_anchors(config).cxcywh,
        plain_ssd.keras_anchors(size, KERAS_SCALES[size, num_classes]),
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize("size", [300, 512])
def test_ssd_tensorflow(size, vgg_weights, tmp_path):
    path = tmp_path / "model.ckpt"
    peer_files.write_tensorflow(path, vgg_weights(size), size)
    sizes = TENSORFLOW_SIZES[size]
    pixels = picture(size)
    theirs = plain_ssd.ssd_tensorflow(
        read(path).tensors, pixels, size, list(zip(sizes, sizes[1:]))
    )
    config, outputs = converted(path, pixels)
    assert config.class_names == VOC_NAMES
    check_answer(config, outputs, theirs)


def check_answer(config, outputs, theirs):
    """Logits, offsets and the boxes that they decode to."""
    assert_same(outputs["logits"][0], theirs.logits)
    assert_same(outputs["localisations"][0], theirs.offsets)
    coder = BoxCoder(config.variances, config.encode_variance_in_target)
    boxes = coder.decode(
        outputs["localisations"][0], build_anchors(config).boxes
    )
    np.testing.assert_allclose(boxes, theirs.boxes, rtol=0, atol=1e-4)
