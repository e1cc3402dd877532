import dataclasses
import json
import re

import pytest

from ssd_tf import PRESETS, DetectorConfig, InputError, TrainConfig
from ssd_tf.config import Recipe


def test_preset_names():
    assert set(PRESETS) == {
        "ssd300_vgg16",
        "ssd512_vgg16",
        "ssd300_resnet50",
        "ssd300_mobilenet_v2",
        "ssd300_tiny",
        "ssd300_efficientnet_lite0",
        "ssdlite320_mobilenet_v3_large",
        "ssd320_mobilenet_v2",
        "ssd300_mobilenet_v1",
        "ssdlite300_mobilenet_v2",
    }


def test_defaults_are_those_of_the_paper():
    config = PRESETS["ssd300_vgg16"]
    assert config.variances == (0.1, 0.1, 0.2, 0.2)
    assert config.num_classes == 20
    assert config.matcher == "ssd"
    assert not config.clip_anchors
    assert not config.encode_variance_in_target
    assert config.score_threshold == 0.01
    assert config.nms_iou_threshold == 0.45
    assert config.pre_nms_top_k == 400
    assert config.max_detections == 200


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_frozen_and_hold_tuples_only(name):
    config = PRESETS[name]
    hash(config)  # a list anywhere inside would raise
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.num_classes = 3


def test_boxes_per_cell():
    assert PRESETS["ssd300_vgg16"].boxes_per_cell == (4, 6, 6, 6, 4, 4)
    assert PRESETS["ssd512_vgg16"].boxes_per_cell == (4, 6, 6, 6, 6, 4, 4)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_detector_config_survives_json(name):
    config = dataclasses.replace(
        PRESETS[name],
        num_classes=2,
        class_names=("red cell", "white cell"),
        class_ids=(90, 2),
        pixel_mean=(122.99925, 117.0, 104.0),
        pixel_scale=1 / 128,
        channel_order="bgr",
        matcher_params=(("iou_threshold", 0.4),),
    )
    text = json.dumps(config.to_dict())
    restored = DetectorConfig.from_dict(json.loads(text))
    assert restored == config
    assert hash(restored) == hash(config)


def test_train_config_survives_json():
    config = TrainConfig(dataset="shapes", decay_steps=(5, 7), steps=9)
    text = json.dumps(config.to_dict())
    assert TrainConfig.from_dict(json.loads(text)) == config


def test_class_names_that_contradict_num_classes_are_refused():
    with pytest.raises(
        ValueError, match="num_classes is 3, but class_names has 2: cat, dog"
    ):
        dataclasses.replace(
            PRESETS["ssd300_tiny"], num_classes=3, class_names=("cat", "dog")
        )


def test_a_detector_without_classes_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        dataclasses.replace(PRESETS["ssd300_tiny"], num_classes=0)


@pytest.mark.parametrize(
    "changes, expected",
    [
        (
            {"class_ids": (1, 2)},
            "of the 3 classes, and no two the same, got (1, 2)",
        ),
        ({"class_ids": (1, 7, 7)}, "no two the same, got (1, 7, 7)"),
        ({"pixel_mean": (1.0, 2.0)}, "must be three numbers, got (1.0, 2.0)"),
        (
            {"pixel_mean": (1.0, 2.0, float("nan"))},
            "must be three numbers, got (1.0, 2.0, nan)",
        ),
        ({"pixel_scale": 0.0}, "pixel_scale must be above 0, got 0.0"),
        ({"pixel_scale": float("inf")}, "must be above 0, got inf"),
        ({"channel_order": "RGB"}, "must be 'rgb' or 'bgr', got 'RGB'"),
    ],
)
def test_what_decoding_and_preprocessing_cannot_use(changes, expected):
    with pytest.raises(InputError, match=re.escape(expected)):
        dataclasses.replace(PRESETS["ssd300_tiny"], num_classes=3, **changes)


def test_a_configuration_of_an_earlier_version_is_read():
    values = json.loads(json.dumps(PRESETS["ssd300_tiny"].to_dict()))
    added = ("class_ids", "pixel_mean", "pixel_scale", "channel_order")
    added += ("clip_anchor_centers", "clip_anchor_sizes")
    for name in added:
        del values[name]
    assert DetectorConfig.from_dict(values) == PRESETS["ssd300_tiny"]


@pytest.mark.parametrize(
    "name", ["steps_px", "min_sizes_px", "max_sizes_px", "aspect_ratios"]
)
def test_levels_that_disagree_are_refused(name):
    config = PRESETS["ssd300_tiny"]
    short = getattr(config, name)[:-1]
    with pytest.raises(ValueError, match=f"{name} must have one entry for.* 6"):
        dataclasses.replace(config, **{name: short})


@pytest.mark.parametrize(
    "field, value, expected",
    [
        ("batch_size", 0, "at least 1"),
        ("steps", 0, "at least 1"),
        ("min_epochs", -1, "at least 0"),
        ("eval_every", -1, "at least 0"),
        ("learning_rate", -1e-3, "at least 0"),
        ("learning_rate", float("nan"), "at least 0"),
        ("alpha", float("inf"), "at least 0"),
        ("warmup_steps", -1, "at least 0"),
        ("momentum", 1.5, "in 0..1"),
        ("average_decay", float("nan"), "in 0..1"),
        ("weight_decay", -1.0, "at least 0"),
        ("bias_lr_multiplier", -1.0, "at least 0"),
        ("gradient_clip_norm", -1.0, "at least 0"),
        ("negative_ratio", -1.0, "at least 0"),
        ("decay_steps", (5, 3), "at least 0 and rise"),
        ("decay_steps", (-5, 3), "at least 0 and rise"),
    ],
)
@pytest.mark.parametrize("config", [Recipe, TrainConfig])
def test_impossible_values_of_a_recipe_are_refused(
    config, field, value, expected
):
    message = re.escape(f"{field} must be {expected}, got {value}")
    with pytest.raises(InputError, match=message):
        config(**{field: value})


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError, match="'float16'; known: .*mixed_float16"):
        TrainConfig(precision="float16")
