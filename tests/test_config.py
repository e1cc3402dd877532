import dataclasses
import json

import pytest

from ssd_tf import PRESETS, DetectorConfig, TrainConfig
from ssd_tf.config import default_box_sizes_px


@pytest.mark.parametrize(
    "scales, size, levels, expected",
    [
        ("voc", 300, 6, (30, 60, 111, 162, 213, 264, 315)),
        ("coco", 300, 6, (21, 45, 99, 153, 207, 261, 315)),
        ("voc", 512, 7, (35.84, 76.8, 153.6, 230.4, 307.2, 384, 460.8, 537.6)),
        (
            "coco",
            512,
            7,
            (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72),
        ),
    ],
)
def test_published_default_box_sizes(scales, size, levels, expected):
    min_sizes_px, max_sizes_px = default_box_sizes_px(scales, size, levels)
    assert min_sizes_px == pytest.approx(expected[:-1], abs=1e-9)
    assert max_sizes_px == pytest.approx(expected[1:], abs=1e-9)


def test_unpublished_default_box_sizes_are_refused():
    with pytest.raises(ValueError, match="scales 'voc' at 400 px.*coco at 300"):
        default_box_sizes_px("voc", 400, 6)
    with pytest.raises(ValueError, match="scales 'lvis' at 300 px"):
        default_box_sizes_px("lvis", 300, 6)


def test_preset_names():
    assert set(PRESETS) == {
        "ssd300_vgg16",
        "ssd512_vgg16",
        "ssd300_resnet50",
        "ssd300_mobilenet_v2",
        "ssd300_tiny",
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
    "name", ["steps_px", "min_sizes_px", "max_sizes_px", "aspect_ratios"]
)
def test_levels_that_disagree_are_refused(name):
    config = PRESETS["ssd300_tiny"]
    short = getattr(config, name)[:-1]
    with pytest.raises(ValueError, match=f"{name} must have one entry for.* 6"):
        dataclasses.replace(config, **{name: short})
