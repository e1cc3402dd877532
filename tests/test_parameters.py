"""Parameters of matchers and recipes as text."""

import dataclasses
import re

import pytest

from ssd_tf import InputError, matchers, parameters
from ssd_tf.config import Recipe


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("topk", "", ()),
        ("topk", "k=9,center_rule=true", (("k", 9), ("center_rule", True))),
        (
            "topk",
            " k = 3 , center_rule=False,",
            (("k", 3), ("center_rule", False)),
        ),
        ("ssd", "iou_threshold=0", (("iou_threshold", 0.0),)),
        ("ssd", "forced_match=last_wins", (("forced_match", "last_wins"),)),
        ("yolov2", "level=none", (("level", None),)),
        (
            "yolov2",
            "level=1,ignore_iou=.5",
            (("level", 1), ("ignore_iou", 0.5)),
        ),
    ],
)
def test_parse(name, text, expected):
    params = matchers.parse_matcher_params(name, text)
    assert params == expected
    for (_, value), (_, other) in zip(params, expected):
        assert type(value) is type(other)
    assert matchers.build_matcher(name, params)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("sdd", "", "unknown matcher 'sdd'; known: atss, fcos, retinanet"),
        ("topk", "q=1", "matcher 'topk' has no parameter 'q'; known: k, cent"),
        ("topk", "k", "matcher 'topk': expected parameter=value, got 'k'"),
        ("topk", "k=1,k=2", "matcher 'topk': 'k' is given twice"),
        ("topk", "k=9.5", "'k' must be a whole number, got '9.5'"),
        ("topk", "k=0", "matcher 'topk': k must be between 1 and"),
        ("topk", "center_rule=yes", "'center_rule' must be true or false, got"),
        ("ssd", "iou_threshold=x", "'iou_threshold' must be a number, got 'x'"),
        (
            "ssd",
            "iou_threshold=nan",
            "'iou_threshold' must be a number, got nan",
        ),
        ("ssd", "iou_threshold=50", "between 0 and 1, got 50.0"),
        ("ssd", "forced_match=all", "one of bipartite, last_wins, none, got"),
        ("rpn", "negative_iou=.8", "negative_iou must be between 0 and 0.7"),
        ("yolov2", "level=a", "'level' must be a whole number or none"),
        ("yolov2", "level=-1", "level must be between 0 and"),
    ],
)
def test_wrong_parameters(name, text, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        matchers.parse_matcher_params(name, text)
    assert "\n" not in str(error.value)


def test_values_from_code_are_checked_too():
    assert matchers.build_matcher("ssd", (("iou_threshold", 1),))
    for name, param, value in [
        ("topk", "k", 2.5),
        ("topk", "k", True),
        ("topk", "center_rule", 1),
        ("ssd", "iou_threshold", None),
    ]:
        with pytest.raises(InputError, match=f"{param!r} must be"):
            matchers.build_matcher(name, ((param, value),))


def test_every_parameter_can_be_written():
    for name, matcher in matchers.MATCHERS.items():
        text = ",".join(
            f"{field.name}={field.default}"
            for field in dataclasses.fields(matcher)
        )
        params = matchers.parse_matcher_params(name, text)
        assert matchers.build_matcher(name, params) == matcher()


def parse_recipe(text):
    return dict(parameters.parse("recipe 'small_data'", Recipe, text))


def test_every_field_of_a_recipe_can_be_written():
    recipe = Recipe(rotate_90=True, decay_steps=(7,), box_scales="coco")
    values = {**recipe.to_dict(), "decay_steps": "80000:100000"}
    text = ",".join(f"{name}={value}" for name, value in values.items())
    parsed = parse_recipe(text)
    assert parsed == {**recipe.to_dict(), "decay_steps": (80_000, 100_000)}
    for name, value in recipe.to_dict().items():
        assert type(parsed[name]) is type(value)


@pytest.mark.parametrize(
    "text, expected", [("", ()), ("9", (9,)), ("5:7:9", (5, 7, 9))]
)
def test_tuples(text, expected):
    assert parse_recipe(f"decay_steps={text}") == {"decay_steps": expected}


@pytest.mark.parametrize(
    "text, message",
    [
        ("x=1", "recipe 'small_data' has no parameter 'x'; known: batch_size,"),
        ("steps=1e3", "'steps' must be a whole number, got '1e3'"),
        ("decay_steps=5;7", "must be whole numbers divided by ':', got '5;7'"),
        ("decay_steps=5::7", "must be whole numbers divided by ':'"),
        ("rotate_90=2", "'rotate_90' must be true or false, got '2'"),
        ("alpha=1,alpha=2", "recipe 'small_data': 'alpha' is given twice"),
    ],
)
def test_wrong_values_of_a_recipe(text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        parse_recipe(text)
