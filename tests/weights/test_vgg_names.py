import dataclasses
import json

import numpy as np
import pytest

from ssd_tf import PRESETS, build_detector
from ssd_tf.errors import InputError
from ssd_tf.weights import WeightFile, vgg_names
from tests.weights.torch_files import FILES

PEERS = {
    "ssd_pytorch_ssd300_voc": "ssd.pytorch",
    "torchvision_ssd300_vgg16_coco": "torchvision",
    "lufficc_vgg_ssd300_voc": "lufficc",
    "lufficc_vgg_ssd512_voc": "lufficc",
    "qfgaohao_vgg16_ssd_voc": "qfgaohao",
}
HEADS = "_mbox_conf"


@pytest.fixture(scope="module")
def our_shapes():
    """(Image size, number of classes) -> {layer: shapes of its weights}."""
    found = {}
    for size in (300, 512):
        config = PRESETS[f"ssd{size}_vgg16"]
        model = build_detector(config)
        shapes = {
            layer.name: [tuple(weight.shape) for weight in layer.weights]
            for layer in model.layers
            if layer.weights
        }
        for classes in (20, 90):
            found[size, classes] = {
                name: [_with_classes(shape, classes, name) for shape in layer]
                for name, layer in shapes.items()
            }
    return found


def _with_classes(shape, classes, layer):
    """The shape that 20 classes have, for another number."""
    if not layer.endswith(HEADS):
        return shape
    return (*shape[:-1], shape[-1] // 21 * (classes + 1))


def read_peer(name):
    """The shapes of a peer's weights, and whatever values."""
    peer = json.loads((FILES / f"peers/{name}.json").read_text())
    tensors = {
        key: np.broadcast_to(np.float32(0), shape)
        for key, shape in peer["state_dict"].items()
    }
    return peer["input_size"], WeightFile("pytorch", tensors, {})


@pytest.mark.parametrize("name, project", PEERS.items())
def test_every_tensor_is_used_and_every_layer_filled(name, project, our_shapes):
    size, weights = read_peer(name)
    named = vgg_names.to_layers(weights)
    assert named.project == project
    classes = 90 if project == "torchvision" else 20
    expected = dict(our_shapes[size, classes])
    if project == "qfgaohao":
        # gamma, beta, mean and variance where ours has a factor
        expected[vgg_names.NORM] = [(512,)] * 4
    assert shapes_of(named) == expected
    unused = ("source_layer_add_ons.0.num_batches_tracked",)
    assert named.unused == (unused if project == "qfgaohao" else ())


def shapes_of(named):
    return {
        name: [array.shape for array in layer]
        for name, layer in named.layers.items()
    }


@pytest.mark.parametrize("size, num_levels", [(300, 6), (512, 7)])
@pytest.mark.parametrize("project", ["caffe", "ssd_keras", "ssd_tensorflow"])
def test_projects_of_other_formats(project, size, num_levels, our_shapes):
    """Made from the names, whose files are not at hand."""
    if project == "ssd_tensorflow":
        project = f"ssd_tensorflow_{size}"
    names = vgg_names.PROJECTS[project]
    expected = our_shapes[size, 20]
    tensors = {}
    for layer, theirs in vgg_names.layer_names(names, num_levels).items():
        for name, shape in zip(theirs, expected[layer], strict=True):
            if len(shape) == 4 and not names.is_hwio:
                shape = tuple(shape[axis] for axis in (3, 2, 0, 1))
            if project == "ssd_keras":
                layer, index = name.split("/")
                name = f"{layer}/{layer}_1/{'kernel bias'.split()[int(index)]}"
            tensors[name] = np.broadcast_to(np.float32(0), shape)
    named = vgg_names.to_layers(WeightFile(names.format, tensors, {}))
    assert named.project == project
    assert shapes_of(named) == expected
    assert named.unused == ()


def test_literal_names_of_projects_whose_files_are_not_at_hand():
    tf_300 = vgg_names.PROJECTS["ssd_tensorflow_300"]
    theirs = vgg_names.layer_names(tf_300, 6)
    net = "ssd_300_vgg"
    assert theirs["conv4_3"][0] == f"{net}/conv4/conv4_3/weights"
    assert theirs["fc6"][1] == f"{net}/conv6/biases"
    assert theirs["conv6_2"][0] == f"{net}/block8/conv3x3/weights"
    assert theirs["conv9_1"][0] == f"{net}/block11/conv1x1/weights"
    assert theirs["conv4_3_norm_mbox_loc"][0] == (
        f"{net}/block4_box/conv_loc/weights"
    )
    assert theirs["fc7_mbox_conf"][0] == f"{net}/block7_box/conv_cls/weights"
    assert theirs["conv9_2_mbox_conf"][0] == (
        f"{net}/block11_box/conv_cls/weights"
    )
    tf_512 = vgg_names.PROJECTS["ssd_tensorflow_512"]
    theirs = vgg_names.layer_names(tf_512, 7)
    assert theirs["conv10_2"][0] == "ssd_512_vgg/block12/conv4x4/weights"
    caffe = vgg_names.layer_names(vgg_names.PROJECTS["caffe"], 7)
    assert caffe["conv10_2"] == ("conv10_2/0", "conv10_2/1")
    assert caffe["conv4_3_norm"] == ("conv4_3_norm/0",)
    assert caffe["conv4_3_norm_mbox_conf"][0] == "conv4_3_norm_mbox_conf/0"


def test_kernels_are_transposed_and_vectors_flattened():
    kernel = np.arange(24).reshape(4, 3, 2, 1)  # [O, I, H, W]
    names = vgg_names.layer_names(vgg_names.PROJECTS["caffe"], 6)
    tensors = {
        name: kernel if index == 0 else np.arange(4).reshape(1, 1, 1, 4)
        for theirs in names.values()
        for index, name in enumerate(theirs)
    }
    tensors["conv4_3_norm/0"] = np.arange(4).reshape(1, 1, 1, 4)
    layers = vgg_names.to_layers(WeightFile("caffe", tensors, {})).layers
    ours, bias = layers["fc7"]
    assert ours.shape == (2, 1, 3, 4)
    assert ours[1, 0, 2, 3] == kernel[3, 2, 1, 0]
    np.testing.assert_array_equal(bias, [0, 1, 2, 3])
    np.testing.assert_array_equal(layers["conv4_3_norm"], [[0, 1, 2, 3]])


def change(weights, change_names):
    tensors = dict(weights.tensors)
    change_names(tensors)
    return dataclasses.replace(weights, tensors=tensors)


@pytest.mark.parametrize(
    "change_names, problem",
    [
        (
            lambda tensors: tensors.pop("extras.3.bias"),
            "has names of ssd.pytorch, but no extras.3.bias",
        ),
        (
            lambda tensors: tensors.update({"extra.weight": np.zeros(2)}),
            "has names of ssd.pytorch, but also extra.weight",
        ),
        (
            lambda tensors: tensors.pop("vgg.0.weight"),
            "its weights are named vgg.0.bias, vgg.2.weight, vgg.2.bias",
        ),
    ],
)
def test_what_is_missing_or_unknown(change_names, problem):
    _, weights = read_peer("ssd_pytorch_ssd300_voc")
    with pytest.raises(InputError, match=problem):
        vgg_names.to_layers(change(weights, change_names))
