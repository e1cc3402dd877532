"""From flags to complete configurations."""

import dataclasses
import os

import pytest

from ssd_tf import PRESETS, training
from ssd_tf.errors import InputError
from ssd_tf.training import initialize
from ssd_tf.weights import networks


class Folder:
    """A source of 100 images, as far as plans look at it."""

    name = "folder"
    class_names = ("cat", "dog")
    default_splits = ("train", "val")

    def num_examples(self, split):
        return {"train": 100, "val": 10, "none": 0}[split]


def plan(**values):
    return training.plan_training(
        Folder(),
        training.RecipeChoice("small_data"),
        dataset="voc_folder",
        data_dir="cells",
        **values,
    )


def test_what_the_data_set_decides():
    train_config = plan(backbone="vgg16")
    assert train_config.steps == 3_200  # 30 epochs of 100 images are fewer
    assert train_config.recipe == "small_data"
    assert train_config.data_dir == os.path.abspath("cells")
    assert train_config.train_split == "train"
    assert train_config.eval_split == "val"
    assert train_config.init_weights == "imagenet"
    train_config = plan(backbone="tiny", train_split="val", eval_split="train")
    assert (train_config.train_split, train_config.eval_split) == (
        *("val", "train"),
    )
    assert train_config.init_weights == "none"


def test_a_split_without_images_is_refused():
    with pytest.raises(InputError, match="--train_split=none has no image"):
        plan(backbone="tiny", train_split="none")


def test_switches_of_the_detector():
    """Flags that weights of Caffe need; None keeps the preset's value."""
    config = training.plan_detector(
        "ssd512_vgg16",
        Folder(),
        changes={
            "truncate_sizes": True,
            "encode_variance_in_target": True,
            "clip_anchors": None,
        },
    )
    assert config.truncate_sizes and config.encode_variance_in_target
    assert not config.clip_anchors


@pytest.mark.parametrize(
    "preset, sizes",
    [
        ("ssd300_vgg16", (21, 45, 99, 153, 207, 261)),
        ("ssd512_vgg16", (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8)),
    ],
)
def test_coco_recipes_bring_coco_s_default_boxes(preset, sizes):
    scales = training.RECIPES["coco_ssd300"].box_scales
    detector = training.plan_detector(preset, Folder(), box_scales=scales)
    assert detector.min_sizes_px == pytest.approx(sizes)


@pytest.mark.parametrize(
    "preset", ["ssd300_mobilenet_v1", "ssdlite320_mobilenet_v3_large"]
)
def test_presets_of_another_grid_keep_their_sizes(preset):
    detector = training.plan_detector(preset, Folder(), box_scales="coco")
    assert detector.min_sizes_px == PRESETS[preset].min_sizes_px
    assert detector.max_sizes_px == PRESETS[preset].max_sizes_px


def test_sizes_that_the_user_gives_win_over_the_recipe_s():
    sizes = (10.0, 20.0, 40.0, 80.0, 160.0, 220.0)
    detector = training.plan_detector(
        "ssd300_vgg16",
        Folder(),
        box_scales="coco",
        changes={"min_sizes_px": sizes, "clip_anchors": None},
    )
    assert detector.min_sizes_px == sizes
    assert detector.max_sizes_px[-1] == 315


def choose(init_weights, preset="ssd300_vgg16", *, is_given=False, path=None):
    return training.choose_detector(
        preset, init_weights, is_given=is_given, path=path
    )


@pytest.fixture
def weights_of(monkeypatch):
    """(configuration, whole) -> every file is of that detector."""

    def call(config, *, is_backbone=False):
        network = networks.Network(
            "torchvision", config, {}, (), is_backbone=is_backbone
        )
        monkeypatch.setattr(initialize, "read_network", lambda text: network)

    return call


_LEARNED = dataclasses.replace(
    PRESETS["ssd300_vgg16"],
    clip_anchor_sizes=True,
    pixel_mean=(120.0, 110.0, 100.0),
    channel_order="rgb",
    matcher="atss",
    matcher_params=(("k", 3),),
)


@pytest.mark.parametrize("init_weights", [None, "none", "imagenet"])
def test_without_a_detector_the_preset_is_taken(init_weights):
    assert choose(init_weights) == PRESETS["ssd300_vgg16"]


def test_weights_bring_their_detector_but_no_matcher(weights_of):
    weights_of(_LEARNED)
    assert choose("file.pth") == dataclasses.replace(
        _LEARNED, matcher="ssd", matcher_params=()
    )


def test_a_preset_that_is_given_takes_the_pixels(weights_of):
    weights_of(_LEARNED)
    assert choose("file.pth", is_given=True) == dataclasses.replace(
        PRESETS["ssd300_vgg16"],
        pixel_mean=(120.0, 110.0, 100.0),
        channel_order="rgb",
    )
    tiny = choose("file.pth", "ssd300_tiny", is_given=True)
    assert tiny == PRESETS["ssd300_tiny"]


@pytest.mark.parametrize("is_given", [False, True])
def test_a_backbone_brings_its_pixels_alone(weights_of, is_given):
    weights_of(_LEARNED, is_backbone=True)
    config = choose("file.pth", is_given=is_given)
    assert config.channel_order == "rgb" and not config.clip_anchor_sizes


def test_a_run_that_has_begun_needs_its_weights_no_more(small_run, tmp_path):
    gone = str(tmp_path / "gone.pth")
    with pytest.raises(InputError, match="gone.pth is neither a file nor"):
        choose(gone, path=str(small_run))
    run_dir = training.RunDir(tmp_path / "run")
    config, train_config = training.RunDir(small_run).read_configs()
    run_dir.create(config, dataclasses.replace(train_config, init_weights=gone))
    assert choose(gone, path=str(run_dir.path)) == config


def test_a_class_of_the_data_has_no_id_of_the_weights(shapes_source):
    base = dataclasses.replace(
        _LEARNED, num_classes=1, class_names=("cat",), class_ids=(17,)
    )
    config = training.plan_detector(base, shapes_source)
    assert config.class_ids == ()
    assert config.class_names == shapes_source.class_names
    assert config.clip_anchor_sizes
