"""From flags to complete configurations."""

import dataclasses

import pytest

from ssd_tf import training
from ssd_tf.errors import InputError
from ssd_tf.training.planning import scaled_to_batch
from ssd_tf.training.schedule import build_schedule


class Folder:
    """A source of 100 images, as far as plans look at it."""

    name = "folder"
    class_names = ("cat", "dog")
    default_splits = ("train", "val")

    def num_examples(self, split):
        return {"train": 100, "val": 10}[split]


def plan(recipe, **values):
    return training.plan_training(
        Folder(),
        dataset="voc_folder",
        data_dir=None,
        backbone="tiny",
        recipe=recipe,
        **values,
    )


@pytest.mark.parametrize(
    "recipe, batch_size, rates",
    [
        ("voc_ssd300", 32, {0: 1e-3, 80_000: 1e-4, 100_000: 1e-5}),
        ("voc_ssd512", 24, {0: 1e-3, 80_000: 1e-4, 100_000: 1e-5}),
        ("coco_ssd300", 32, {0: 1e-3, 280_000: 1e-4, 360_000: 1e-5}),
        ("coco_ssd512", 24, {0: 1e-3, 360_000: 1e-4, 480_000: 1e-5}),
    ],
)
def test_published_schedules(recipe, batch_size, rates):
    steps = {
        "voc_ssd300": 120_000,
        "voc_ssd512": 120_000,
        "coco_ssd300": 400_000,
        "coco_ssd512": 520_000,
    }
    train = plan(recipe)
    assert train.steps == steps[recipe]
    assert train.batch_size == batch_size
    assert (train.optimizer, train.momentum) == ("sgd", 0.9)
    assert (train.weight_decay, train.bias_lr_multiplier) == (5e-4, 2.0)
    assert (train.augmentation, train.negative_ratio) == ("ssd", 3.0)
    schedule = build_schedule(train)
    for step, rate in rates.items():
        assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)
        if step:
            assert float(schedule(step - 1)) == pytest.approx(10 * rate)


@pytest.mark.parametrize("recipe", training.RECIPES)
def test_recipes_are_frozen_and_say_where_they_come_from(recipe):
    values = training.RECIPES[recipe]
    with pytest.raises(dataclasses.FrozenInstanceError):
        values.steps = 1
    source = ("Source:", "Loshchilov", "embedded")
    assert any(word in type(values).__doc__ for word in source)


@pytest.mark.parametrize(
    "dataset, image_size, recipe",
    [
        ("shapes", 300, "shapes"),
        ("voc/2007", 300, "voc_ssd300"),
        ("voc/2007+2012", 512, "voc_ssd512"),
        ("coco/2017", 300, "coco_ssd300"),
        ("coco/2017", 512, "coco_ssd512"),
        ("voc_folder", 300, "small_data"),
        ("coco_folder", 512, "small_data"),
    ],
)
def test_default_recipes(dataset, image_size, recipe):
    assert training.default_recipe(dataset, image_size) == recipe


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


def test_sizes_that_the_user_gives_win_over_the_recipe_s():
    sizes = (10.0, 20.0, 40.0, 80.0, 160.0, 220.0)
    detector = training.plan_detector(
        "ssd300_vgg16",
        Folder(),
        box_scales="coco",
        box_sizes={"min_sizes_px": sizes},
    )
    assert detector.min_sizes_px == sizes
    assert detector.max_sizes_px[-1] == 315


def test_the_rate_drops_at_the_same_fractions_of_another_length():
    train = plan("voc_ssd300", steps=1_200)
    assert train.decay_steps == (800, 1_000)
    # 100 images, batches of 32: 3.125 steps per epoch
    train = plan("voc_ssd300", epochs=960)
    assert (train.steps, train.decay_steps) == (3_000, (2_000, 2_500))


def test_the_linear_rule():
    """Four times the batch: four times the rate, a quarter of the steps."""
    train = plan(
        "voc_ssd300", scale_to_batch=True, overrides={"batch_size": 128}
    )
    assert train.batch_size == 128
    assert train.learning_rate == pytest.approx(4e-3)
    assert (train.steps, train.decay_steps) == (30_000, (20_000, 25_000))
    assert train.eval_every == 5_000


def test_the_linear_rule_is_for_those_who_ask():
    train = plan("voc_ssd300", overrides={"batch_size": 128})
    assert (train.learning_rate, train.steps) == (1e-3, 120_000)


def test_the_recipe_s_own_batch_size_scales_nothing():
    recipe = training.RECIPES["voc_ssd300"]
    assert scaled_to_batch(recipe, 32) == recipe


def test_scaling_to_no_batch_size_is_refused():
    with pytest.raises(InputError, match="give --batch_size .* is 8"):
        plan("small_data", scale_to_batch=True)


def test_two_learning_rates_are_refused():
    with pytest.raises(InputError, match="--learning_rate=0.01 does too"):
        plan(
            "voc_ssd300",
            scale_to_batch=True,
            overrides={"batch_size": 64, "learning_rate": 0.01},
        )
