"""Networks of other projects answer here as in the original code."""

import dataclasses

import numpy as np
import pytest

from ssd_tf import build_anchors, build_detector, weights
from ssd_tf.weights import networks
from tests.weights import peers


@pytest.fixture(scope="module")
def build():
    """config -> its detector; those of one network share their memory."""
    built = {}

    def get(config):
        # Nothing else of it is in the network.
        config = dataclasses.replace(
            config,
            class_names=(),
            class_ids=(),
            max_detections=1,
            pre_nms_top_k=1,
            clip_anchor_centers=False,
        )
        if config not in built:
            built[config] = build_detector(config)
        return built[config]

    return get


@pytest.mark.parametrize("name", peers.NAMES)
def test_answers(name, build, tmp_path):
    peer = peers.load(name)
    path = tmp_path / f"{name}.pth"
    peers.write_pth(peer, path)
    network = networks.identify(weights.read(path))
    path.unlink()  # up to 110 MB
    config = network.detector_config
    model = build(config)
    assert {layer.name for layer in model.layers if layer.weights} == set(
        network.layers
    )
    for layer, arrays in network.layers.items():
        model.get_layer(layer).set_weights(arrays)
    outputs = model(peer.image[None])
    index = peer.answers["anchor_index"]
    # With these weights MobileNetV2 turns the rounding of float32 into more
    # than others do: PyTorch's answers differ by 2.5e-4 of their spread from
    # its own without oneDNN, and by 2e-4 from those in float64.
    most = 3e-4 if "mobilenet_v2" in name else 1e-4
    for key, spread in zip(("logits", "localisations"), peer.spread):
        expected = peer.answers[key]
        error = (outputs[key][0].numpy()[index] - expected) / spread
        assert np.abs(error).max() < most
        assert np.sqrt(np.square(error).mean()) < 2e-5
    assert_anchors(build_anchors(config), peer)


def assert_anchors(anchors, peer):
    expected = peer.answers["anchors"]
    is_corners = peer.name.startswith("torchvision")
    found = anchors.boxes[:, [1, 0, 3, 2]] if is_corners else anchors.cxcywh
    assert found.shape == expected.shape
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=1e-5 * expected.std()
    )
