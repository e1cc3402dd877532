"""Splits by the names that people give them."""

import pytest

from ssd_tf.data.sources.split_names import (
    find_eval_split,
    find_train_split,
    is_eval_name,
    is_train_name,
    name_in,
)


@pytest.mark.parametrize(
    "names, train, evaluation",
    [
        (("train", "val"), "train", "val"),
        (("train", "trainval", "val", "test"), "train", "val"),
        (("Train", "Valid"), "Train", "Valid"),
        (("TRAIN", "TEST", "VALIDATION"), "TRAIN", "VALIDATION"),
        (("train2017", "val2017"), "train2017", "val2017"),
        (("trainval", "test"), "trainval", "test"),
        (("train", "train_extra", "dev"), "train", "dev"),
        (("train_a", "train_b", "val_a", "val_b"), None, None),
        (("default",), None, None),
        (("trains", "devices", "values"), None, None),
        ((), None, None),
    ],
)
def test_default_splits(names, train, evaluation):
    assert find_train_split(names) == train
    assert find_eval_split(names) == evaluation


def test_kinds_of_names():
    names = ["train_a", "Testing", "default", "trainval"]
    assert [n for n in names if is_train_name(n)] == ["train_a", "trainval"]
    assert [n for n in names if is_eval_name(n)] == ["Testing"]


@pytest.mark.parametrize(
    "stem, name",
    [("train_labels", "train"), ("pets-Val-2", "Val"), ("labels", "labels")],
)
def test_names_in_those_of_files(stem, name):
    assert name_in(stem) == name
