"""Recipes, and what the command line changes of them."""

import dataclasses
import re

import pytest

from ssd_tf import training
from ssd_tf.errors import InputError
from ssd_tf.training.optimizer import build_schedule
from ssd_tf.training.recipes import scaled_to_batch


def plan(name, params="", *, flags=None, **values):
    """The recipe of a run on 100 images."""
    choice = training.choose_recipe(
        name, flags=flags or {}, params=params, **values
    )
    return choice.resolve(100)


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


def test_recipes_are_values():
    recipe = training.RECIPES["small_data"]
    assert hash(recipe)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.steps = 1


def test_every_recipe_resolves():
    for name, recipe in training.RECIPES.items():
        assert training.RecipeChoice(name).resolve(100).schedule == (
            recipe.schedule
        )


@pytest.mark.parametrize(
    "dataset, image_size, recipe",
    [
        ("shapes", 300, "shapes"),
        ("voc/2007", 300, "voc_ssd300"),
        ("voc/2007+2012", 512, "voc_ssd512"),
        ("coco/2017", 300, "coco_ssd300"),
        ("coco/2017", 512, "coco_ssd512"),
        ("voc/2007", 320, "voc_ssd300"),
        ("coco/2017", 320, "coco_ssd300"),
        ("voc_folder", 300, "small_data"),
        ("coco_folder", 512, "small_data"),
    ],
)
def test_default_recipes(dataset, image_size, recipe):
    assert training.default_recipe(dataset, image_size) == recipe
    for init_weights in ("imagenet", "runs/mine"):
        trained = training.default_recipe(
            dataset, image_size, init_weights=init_weights
        )
        assert trained == ("fine_tune" if recipe == "small_data" else recipe)
    assert training.default_preset(dataset) == (
        "ssd300_efficientnet_lite0" if recipe == "small_data" else "ssd300_tiny"
    )


def test_the_rate_drops_at_the_same_fractions_of_another_length():
    train = plan("voc_ssd300", flags={"steps": 1_200})
    assert train.decay_steps == (800, 1_000)
    # 100 images, batches of 32: 3.125 steps per epoch
    train = plan("voc_ssd300", epochs=960)
    assert (train.steps, train.decay_steps) == (3_000, (2_000, 2_500))


def test_the_linear_rule():
    """Four times the batch: four times the rate, a quarter of the steps."""
    train = plan("voc_ssd300", scale_to_batch=True, flags={"batch_size": 128})
    assert train.batch_size == 128
    assert train.learning_rate == pytest.approx(4e-3)
    assert (train.steps, train.decay_steps) == (30_000, (20_000, 25_000))
    assert train.eval_every == 5_000


def test_the_linear_rule_is_for_those_who_ask():
    train = plan("voc_ssd300", flags={"batch_size": 128})
    assert (train.learning_rate, train.steps) == (1e-3, 120_000)


def test_the_recipe_s_own_batch_size_scales_nothing():
    recipe = training.RECIPES["voc_ssd300"]
    assert scaled_to_batch(recipe, 32) == recipe


def test_scaling_to_no_batch_size_is_refused():
    with pytest.raises(InputError, match="give --batch_size .* is 8"):
        plan("small_data", scale_to_batch=True)


def test_two_learning_rates_are_refused():
    with pytest.raises(InputError, match="learning_rate=0.01 does too"):
        plan(
            "voc_ssd300",
            scale_to_batch=True,
            flags={"batch_size": 64, "learning_rate": 0.01},
        )


def test_scaling_works_with_values_of_recipe_params():
    flag = plan("voc_ssd300", scale_to_batch=True, flags={"batch_size": 128})
    text = plan("voc_ssd300", "batch_size=128", scale_to_batch=True)
    assert text == flag
    with pytest.raises(InputError, match="learning_rate=0.5 does too"):
        plan("voc_ssd300", "learning_rate=.5,batch_size=8", scale_to_batch=True)


def test_a_flag_that_is_not_given_keeps_the_recipe_s_value():
    flags = {"batch_size": None, "rotate_90": None, "steps": 3_200}
    assert plan("small_data", flags=flags) == training.RECIPES["small_data"]


def test_any_field_by_recipe_params():
    recipe = plan(
        "voc_ssd300",
        "alpha=2,warmup_steps=500,schedule=cosine,augmentation=none",
    )
    assert recipe == dataclasses.replace(
        training.RECIPES["voc_ssd300"],
        alpha=2.0,
        warmup_steps=500,
        schedule="cosine",
        augmentation="none",
    )


def test_decay_steps_that_are_given_are_not_moved():
    recipe = plan("voc_ssd300", "decay_steps=500:900", flags={"steps": 1_000})
    assert (recipe.steps, recipe.decay_steps) == (1_000, (500, 900))
    recipe = plan("voc_ssd300", "decay_steps=500:900", epochs=320)
    assert (recipe.steps, recipe.decay_steps) == (1_000, (500, 900))


def test_steps_by_recipe_params_are_those_of_the_flag():
    recipe = plan("voc_ssd300", "steps=1200")
    assert (recipe.steps, recipe.decay_steps) == (1_200, (800, 1_000))
    assert plan("small_data", "steps=7").steps == 7  # no min_epochs here
    # 100 images, batches of 8: 12.5 steps per epoch
    assert plan("small_data", "steps=7,min_epochs=4").steps == 50
    assert plan("small_data", "min_epochs=400").steps == 5_000


def test_box_scales_by_recipe_params():
    choice = training.choose_recipe(
        "small_data", flags={}, params="box_scales=coco"
    )
    assert choice.box_scales == "coco"


@pytest.mark.parametrize(
    "params, message",
    [
        ("x=1", "recipe 'small_data' has no parameter 'x'; known: batch_size"),
        (
            "optimizer=adam",
            "recipe 'small_data': unknown optimizer 'adam'; known: adamw, sgd",
        ),
        ("schedule=flat", "unknown schedule 'flat'; known: cosine, steps"),
        ("augmentation=strong", "unknown augmentation 'strong'; known: ssd"),
        ("box_scales=lvis", "unknown box_scales 'lvis'; known: voc, coco"),
        (
            "box_loss=diou",
            "unknown box_loss 'diou'; known: smooth_l1, giou, ciou",
        ),
        ("batch_size=0", "recipe 'small_data': batch_size must be at least 1"),
        ("momentum=1.5", "momentum must be in 0..1, got 1.5"),
        ("alpha=nan", "alpha must be at least 0, got nan"),
        (
            "seed=1,weight_decay=1",
            "recipe 'small_data' has no parameter 'seed'; known: batch_size",
        ),
        (
            "weight_decay=1",
            "--weight_decay and --recipe_params=weight_decay=... are the same; "
            "give one of them",
        ),
    ],
)
def test_wrong_recipe_params(params, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        plan("small_data", params, flags={"weight_decay": 0.5})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("epochs", [0, -1, float("nan"), float("inf")])
def test_wrong_epochs(epochs):
    with pytest.raises(InputError, match="--epochs must be above 0, got"):
        plan("small_data", epochs=epochs)


def test_steps_and_epochs_are_refused():
    with pytest.raises(InputError, match="give --steps or --epochs, not both"):
        plan("small_data", "steps=3", epochs=2)


def test_scaling_to_an_impossible_batch_is_refused():
    with pytest.raises(InputError, match="batch_size must be at least 1"):
        plan("small_data", "batch_size=0", scale_to_batch=True)
