import dataclasses
import re

import numpy as np
import pytest

from ssd_tf import PRESETS, InputError
from ssd_tf.class_names import COCO_NAMES_BY_ID, VOC_NAMES
from ssd_tf.weights import WeightFile, networks, vgg_names
from tests.weights import peers

CENTRE_FORM = {"clip_anchor_centers": True, "clip_anchor_sizes": True}
RGB = {"channel_order": "rgb", "pixel_mean": None, "pixel_scale": None}


def identify(tensors, file_format="pytorch"):
    return networks.identify(WeightFile(file_format, tensors, {}))


def with_classes(tensors, count, is_head):
    """The same weights for another number of classes."""
    result = {}
    for name, array in tensors.items():
        shape = list(array.shape)
        if is_head(name):
            old = 91 if shape[0] % 91 == 0 else 21
            shape[0] = shape[0] // old * (count + 1)
        result[name] = np.broadcast_to(np.float32(0), shape)
    return result


@pytest.mark.parametrize(
    "name, project, expected",
    [
        (
            "ssd_pytorch_ssd300_voc",
            "ssd.pytorch",
            {"backbone": "vgg16", "pre_nms_top_k": 200, **RGB, **CENTRE_FORM},
        ),
        (
            "lufficc_vgg_ssd512_voc",
            "lufficc",
            {"image_size": 512, "max_detections": 100, **RGB, **CENTRE_FORM}
            | {"truncate_sizes": False},
        ),
        (
            "torchvision_ssd300_vgg16_coco",
            "torchvision",
            {"clip_anchor_sizes": True, "clip_anchor_centers": False}
            | {"num_classes": 90, "class_ids": tuple(range(1, 91))}
            | {"min_sizes_px": (21, 45, 99, 153, 207, 261)},
        ),
        (
            "qfgaohao_vgg16_ssd_voc",
            "qfgaohao",
            {"backbone": "vgg16_batch_norm", **RGB, **CENTRE_FORM},
        ),
        (
            "qfgaohao_mobilenet_v1_ssd_voc",
            "qfgaohao",
            {"backbone": "mobilenet_v1", "head": "conv"},
        ),
    ],
)
def test_what_a_network_needs(name, project, expected):
    network = identify(peers.shapes_only(name))
    assert network.project == project
    assert not network.is_backbone
    config = network.detector_config
    assert {field: getattr(config, field) for field in expected} == expected
    if config.num_classes == 20:
        assert config.class_names == VOC_NAMES
        assert config.class_ids == ()


def test_pixels_of_torchvision():
    config = identify(
        peers.shapes_only("torchvision_ssd300_vgg16_coco")
    ).detector_config
    assert config.pixel_mean == pytest.approx((122.99925, 116.9991, 103.9992))
    assert (config.pixel_scale, config.channel_order) == (None, "rgb")
    assert config.class_names == COCO_NAMES_BY_ID
    # 12 is one of the ids that COCO never used.
    assert config.class_names[11:13] == ("N/A 12", "stop sign")
    assert len(set(config.class_names)) == 90


def test_classes_of_coco_bring_its_anchors():
    tensors = with_classes(
        peers.shapes_only("lufficc_vgg_ssd512_voc"),
        80,
        lambda name: "cls_headers" in name,
    )
    config = identify(tensors).detector_config
    assert config.num_classes == 80
    assert config.class_names[:2] == ("person", "bicycle")
    assert config.class_ids[-1] == 90
    assert config.min_sizes_px[:2] == pytest.approx((20.48, 51.2))
    assert config.max_sizes_px[-1] == pytest.approx(542.72)


def test_other_classes_have_no_names_and_the_anchors_of_voc():
    tensors = with_classes(
        peers.shapes_only("ssd_pytorch_ssd300_voc"),
        3,
        lambda name: name.startswith("conf."),
    )
    config = identify(tensors).detector_config
    assert (config.num_classes, config.class_names) == (3, ())
    assert config.min_sizes_px == PRESETS["ssd300_vgg16"].min_sizes_px


@pytest.mark.parametrize(
    "project, num_levels, changes",
    [
        ("caffe", 6, {}),
        ("caffe", 7, {}),
        ("ssd_keras", 6, {"truncate_sizes": False}),
        ("ssd_keras", 7, {"truncate_sizes": False}),
        ("ssd_tensorflow_300", 6, {"min": 21, "channel_order": "rgb"}),
        ("ssd_tensorflow_512", 7, {"min": 20.48, "channel_order": "rgb"}),
    ],
)
def test_projects_of_other_formats(project, num_levels, changes):
    """Made from the names, whose files are not at hand."""
    names = vgg_names.PROJECTS[project]
    boxes = PRESETS[f"ssd{300 if num_levels == 6 else 512}_vgg16"]
    boxes = iter(boxes.boxes_per_cell)
    tensors = {}
    for layer, theirs in vgg_names.layer_names(names, num_levels).items():
        channels = 21 * next(boxes) if layer.endswith("_conf") else 8
        for name, shape in zip(theirs, [(1, 1, 1, channels), (channels,)]):
            if project == "ssd_keras":
                layer, index = name.split("/")
                name = f"{layer}/{layer}/{index}"
            tensors[name] = np.zeros(shape, np.float32)
    config = identify(tensors, names.format).detector_config
    assert config.image_size == (300 if num_levels == 6 else 512)
    changes = dict(changes)
    least = changes.pop("min", None)
    preset = PRESETS[f"ssd{config.image_size}_vgg16"]
    assert config.min_sizes_px[0] == (least or preset.min_sizes_px[0])
    expected = dataclasses.replace(
        preset,
        class_names=VOC_NAMES,
        min_sizes_px=config.min_sizes_px,
        max_sizes_px=config.max_sizes_px,
        truncate_sizes=project == "caffe" and num_levels == 7,
    )
    assert config == dataclasses.replace(expected, **changes)


@pytest.mark.parametrize("name", peers.NAMES)
def test_what_is_left_over_counts_batches(name):
    unused = identify(peers.shapes_only(name)).unused
    assert all(n.endswith(".num_batches_tracked") for n in unused)
    assert bool(unused) == ("mobilenet" in name or "qfgaohao" in name)


def test_a_bias_in_front_of_a_normalisation_moves_its_mean():
    tensors = peers.shapes_only("qfgaohao_mobilenet_v2_ssd_lite_voc")
    head = "regression_headers.1"
    tensors[f"{head}.0.bias"] = np.full(1280, 0.25, np.float32)
    tensors[f"{head}.1.running_mean"] = np.full(1280, 2.0, np.float32)
    layer = identify(tensors).layers["level1_mbox_loc_depthwise_bn"]
    gamma, _, mean, _ = (array[0] for array in layer)
    assert (gamma, mean) == (0.0, 1.75)


def features():
    shapes = [(64, 3), (64, 64), (128, 64), (128, 128), (256, 128)]
    shapes += [(256, 256)] * 2 + [(512, 256)] + [(512, 512)] * 5
    indices = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    tensors = {}
    for index, shape in zip(indices, shapes, strict=True):
        tensors[f"features.{index}.weight"] = np.zeros((*shape, 3, 3), "f")
        tensors[f"features.{index}.bias"] = np.full(shape[0], index, "f")
    return tensors


def test_a_backbone_of_torchvision():
    tensors = features()
    missing = {f"classifier.{k}.bias": np.full(4, np.nan) for k in (0, 3, 6)}
    network = identify({**tensors, **missing})
    assert network.is_backbone and network.project == "torchvision"
    assert list(network.layers) == [
        *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2"),
        *("conv3_3", "conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2"),
        "conv5_3",
    ]
    assert network.layers["conv3_1"][0].shape == (3, 3, 128, 256)
    assert network.layers["conv4_2"][1][0] == 19
    assert network.unused == tuple(missing)
    config = network.detector_config
    assert (config.backbone, config.channel_order) == ("vgg16", "rgb")
    assert config.pixel_mean == pytest.approx((122.99925, 116.9991, 103.9992))


def test_a_classifier_of_torchvision_has_other_pixels():
    tensors = {**features(), "classifier.6.bias": np.ones(4, np.float32)}
    with pytest.raises(InputError, match="pixels are divided by a deviation"):
        identify(tensors)


@pytest.mark.parametrize(
    "change, problem",
    [
        (
            {"conf.2.bias": np.zeros(127)},
            "but 127 channels in conv6_2_mbox_conf; expected 6 anchors times "
            "classes and background",
        ),
        (
            {"conf.2.bias": np.zeros(6 * 4)},
            "heads of different numbers of classes: conv4_3_norm_mbox_conf: 21,"
            " fc7_mbox_conf: 21, conv6_2_mbox_conf: 4, ",
        ),
        ({"conf.2.bias": np.zeros(6)}, "but 6 channels in conv6_2_mbox_conf"),
    ],
)
def test_heads_that_contradict_each_other(change, problem):
    tensors = peers.shapes_only("ssd_pytorch_ssd300_voc")
    with pytest.raises(InputError, match=re.escape(problem)):
        identify({**tensors, **change})


@pytest.mark.parametrize(
    "name, change, problem",
    [
        (
            "qfgaohao_mobilenet_v1_ssd_voc",
            {"base_net.3.0.weight": None},
            "has names of qfgaohao, but no base_net.3.0.weight",
        ),
        (
            "torchvision_ssdlite320_mobilenet_v3_large_coco",
            {"more.weight": np.zeros(3)},
            "has names of torchvision, but also more.weight",
        ),
        (
            "lufficc_mobilenet_v2_ssd320_voc",
            {"backbone.features.1.conv.0.0.weight": np.zeros((32, 9))},
            "backbone.features.1.conv.0.0.weight: have the shapes (32, 9), "
            "which make no layer block1_depthwise",
        ),
    ],
)
def test_mobile_networks_that_are_not_whole(name, change, problem):
    tensors = {**peers.shapes_only(name), **change}
    tensors = {key: v for key, v in tensors.items() if v is not None}
    with pytest.raises(InputError, match=re.escape(problem)):
        identify(tensors)


def test_a_network_that_nobody_knows():
    with pytest.raises(InputError, match="its weights are named layer1.weight"):
        identify({"layer1.weight": np.zeros(3)})
