"""The contract of every backbone, and what the detector does around it."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import PRESETS, InputError, build_anchors, build_detector
from ssd_tf.models import BACKBONES, Backbone, layers

C = 3


def config_of(backbone):
    """A detector of three classes, of the smallest preset with a backbone."""
    presets = [p for p in PRESETS.values() if p.backbone == backbone]
    config = min(
        presets or [PRESETS["ssd300_vgg16"]], key=lambda p: p.image_size
    )
    return dataclasses.replace(config, backbone=backbone, num_classes=C)


@pytest.fixture(scope="module", params=sorted(BACKBONES))
def detector(request):
    """One detector of each backbone, its config, and outputs of two images."""
    config = config_of(request.param)
    model = build_detector(config)
    return model, config, model(random_images(2, size=config.image_size))


@pytest.fixture(scope="module")
def tiny():
    return build_detector(config_of("tiny"))


def random_images(batch, seed=0, size=300):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (batch, size, size, 3), np.uint8)


def test_contract(detector):
    model, config, outputs = detector
    num_anchors = len(build_anchors(config))
    size = config.image_size
    assert model.input_shape == (None, size, size, 3)
    assert {name: value.shape for name, value in model.output.items()} == {
        "logits": (None, num_anchors, C + 1),
        "localisations": (None, num_anchors, 4),
    }
    assert outputs["logits"].shape == (2, num_anchors, C + 1)
    assert outputs["localisations"].shape == (2, num_anchors, 4)
    for value in outputs.values():
        assert value.dtype == tf.float32
        assert np.isfinite(value).all()
    # An image's outputs are its own, whatever the batch; and pixels are 0..255
    # whatever their type.
    alone = model(random_images(2, size=size)[1:].astype(np.float32))
    for name, value in outputs.items():
        np.testing.assert_allclose(alone[name][0], value[1], atol=1e-3)


def test_type_of_the_pixels_changes_nothing(tiny):
    images = random_images(2)
    expected = tiny(images)
    for name, value in tiny(images.astype(np.float32)).items():
        np.testing.assert_array_equal(value, expected[name])


def test_outputs_depend_on_the_image(detector):
    _, config, outputs = detector
    starts = [level.start for level in build_anchors(config).levels]
    for value in outputs.values():
        for anchor in (*starts, starts[1] - 1, -1):
            assert np.abs(value[0, anchor] - value[1, anchor]).max() > 0


def test_statistics_are_those_of_the_last_steps(detector):
    """Of a training of 500 steps less than a hundredth is from before."""
    model, _, _ = detector
    for layer in layers.batch_norms(model):
        assert layer.momentum**500 < 0.01


def head_layers(model, suffix):
    return [layer for layer in model.layers if layer.name.endswith(suffix)]


@pytest.mark.parametrize("level", range(6))
@pytest.mark.parametrize(
    "suffix, output, channels",
    [("_mbox_conf", "logits", C + 1), ("_mbox_loc", "localisations", 4)],
)
def test_head_channels_are_box_major(tiny, level, suffix, output, channels):
    config = config_of("tiny")
    anchors = build_anchors(config)
    heads = head_layers(tiny, suffix)
    assert len(heads) == 6
    boxes_per_cell = config.boxes_per_cell[level]
    original = heads[level].get_weights()
    kernel, bias = (np.zeros_like(w) for w in original)
    assert bias.shape == (boxes_per_cell * channels,)
    box, channel = boxes_per_cell - 2, 2
    bias[box * channels + channel] = 7
    heads[level].set_weights([kernel, bias])
    values = tiny(random_images(1))[output].numpy()[0]
    heads[level].set_weights(original)
    # Exactly that box of every cell of the level, and that channel of it.
    expected = np.zeros([anchors.levels[level].num_anchors, channels])
    expected[box::boxes_per_cell, channel] = 7
    np.testing.assert_array_equal(values[anchors.level == level], expected)


def test_cells_run_row_by_row(tiny):
    # An image that differs in its right half changes anchors on the right.
    images = np.full([2, 300, 300, 3], 128, np.uint8)
    images[1, :100, 200:] = 255
    logits = tiny(images)["logits"].numpy()
    changed = np.abs(logits[1] - logits[0]).max(axis=1)[:5776]
    grid = changed.reshape(38, 38, 4).max(axis=2)
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    assert row < 17 and column > 21
    assert grid[-1, 0] == 0


def test_preprocessing_is_inside(outline):
    # The means, R, G, B, become zeros; the channels are swapped to B, G, R.
    normalize = outline(config_of("vgg16")).get_layer("normalize")
    pixels = np.float32([[[[123, 117, 104], [124, 117, 104]]]])
    np.testing.assert_array_equal(normalize(pixels), [[[[0, 0, 0], [0, 0, 1]]]])


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, [0, 0, 2]),
        ({"channel_order": "rgb"}, [2, 0, 0]),
        ({"pixel_mean": (122.0, 117.0, 103.0)}, [1, 0, 3]),
        ({"pixel_scale": 0.25}, [0, 0, 0.5]),
        (
            {"pixel_scale": 2.0, "pixel_mean": (5.0, 17.0, 4.0)}
            | {"channel_order": "bgr"},
            [200, 200, 240],
        ),
    ],
)
def test_pixels_of_the_configuration(changes, expected, outline):
    config = dataclasses.replace(config_of("vgg16"), **changes)
    normalize = outline(config).get_layer("normalize")
    pixels = np.float32([[[[125, 117, 104]]]])
    np.testing.assert_array_equal(normalize(pixels)[0, 0, 0], expected)


def test_pixels_of_a_backbone_that_normalises_itself(toy_config):
    mine = Backbone(build=lambda images, size: [images])
    config = dataclasses.replace(
        toy_config, backbone="mine", pixel_scale=1.0, pixel_mean=(1.0, 2.0, 3.0)
    )
    with pytest.raises(InputError, match="'mine' normalises pixels itself; "):
        build_detector(config, backbone=mine)


@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_feature_maps_that_do_not_fit_are_refused(backbone, outline):
    config = config_of(backbone)
    *sizes, last = config.feature_sizes
    config = dataclasses.replace(config, feature_sizes=(*sizes, 4))
    begin = f"{sizes[0]}x{sizes[0]}, .*, {sizes[-1]}x{sizes[-1]}"
    with pytest.raises(
        ValueError,
        match=f"'{backbone}' makes feature maps {begin}, {last}x{last} of a "
        f"{config.image_size} px image, but feature_sizes has {begin}, 4x4",
    ):
        outline(config)


def test_backbone_can_be_handed_in(outline):
    config = dataclasses.replace(config_of("tiny"), backbone="mine")
    names = [f"stage{k}" for k in range(6)]
    mine = dataclasses.replace(
        BACKBONES["tiny"], level_names=lambda num_levels: names[:num_levels]
    )
    model = outline(config, backbone=mine)
    assert model.name == "ssd300_mine"
    assert model.output["logits"].shape == (None, 8732, C + 1)
    heads = [layer.name for layer in head_layers(model, "_mbox_conf")]
    assert heads == [f"{name}_mbox_conf" for name in names]


def test_unknown_backbone():
    config = dataclasses.replace(config_of("tiny"), backbone="vgg19")
    with pytest.raises(InputError, match="'vgg19'; known: .*tiny, vgg16"):
        build_detector(config)


def test_save_and_load(tiny, tmp_path):
    path = tmp_path / "detector.keras"
    tiny.save(path)
    loaded = keras.saving.load_model(path)
    images = random_images(1)
    expected = tiny(images)
    for name, value in loaded(images).items():
        np.testing.assert_array_equal(value, expected[name])


def test_outputs_are_float32_under_mixed_precision():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_detector(config_of("tiny"))
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert model.get_layer("stem").compute_dtype == "bfloat16"
    assert all(v.dtype == "float32" for v in model.output.values())


def test_precision_is_that_of_one_detector():
    config = config_of("tiny")
    half = build_detector(config, precision="mixed_float16")
    assert half.get_layer("stem").compute_dtype == "float16"
    assert {v.dtype for v in half.variables} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"

    def fail(images, image_size):
        raise ValueError(keras.config.dtype_policy().name)

    broken = dataclasses.replace(BACKBONES["tiny"], build=fail)
    with pytest.raises(ValueError, match="mixed_bfloat16"):
        build_detector(config, backbone=broken, precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        full = build_detector(config, precision="float32")
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert full.get_layer("stem").compute_dtype == "float32"


@pytest.mark.parametrize(
    "name, expected",
    [
        # Of the original code's weights for 20 classes, without counters of
        # batches and biases in front of a normalisation.
        ("ssdlite320_mobilenet_v3_large", 2_502_804),
        ("ssd320_mobilenet_v2", 3_348_100),
        ("ssd300_mobilenet_v1", 9_490_884),
        ("ssdlite300_mobilenet_v2", 3_432_580),
    ],
)
def test_parameters_of_other_projects_networks(name, expected, outline):
    assert outline(PRESETS[name]).count_params() == expected


def test_presets_are_named_after_size_and_backbone():
    for name, config in PRESETS.items():
        begin, _, network = name.partition("_")
        assert begin in (
            f"ssd{config.image_size}",
            f"ssdlite{config.image_size}",
        )
        assert config.backbone.startswith(network)
        assert config.backbone in BACKBONES
