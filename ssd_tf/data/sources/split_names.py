"""Names of splits as people give them."""

import re
from collections.abc import Sequence

# What a split is called, before a year or what else sets it apart. The first
# group that one split fits counts.
_TRAIN = (("train", "training", "trainset"), ("trainval", "trn"))
_EVALUATION = (
    ("val", "valid", "validation", "valset"),
    ("dev", "eval", "evaluation"),
    ("test", "testing", "testset"),
)


def is_train_name(name: str) -> bool:
    """True for "train", "Training", "train2017" and the like."""
    return _group_of(name, _TRAIN) is not None


def is_eval_name(name: str) -> bool:
    """True for "val", "Valid", "test2017" and the like."""
    return _group_of(name, _EVALUATION) is not None


def is_split_name(name: str) -> bool:
    """True for the name of a split to train or to evaluate on."""
    return is_train_name(name) or is_eval_name(name)


def name_in(stem: str) -> str:
    """The split that a file is called by: "train" of "train_labels"."""
    words = re.split("[^a-zA-Z0-9]+", stem)
    names = filter(is_split_name, words)
    return next(names, stem)


def find_train_split(names: Sequence[str]) -> str | None:
    """The split to train on; None where none, or several, could be meant."""
    return _find(names, _TRAIN)


def find_eval_split(names: Sequence[str]) -> str | None:
    """The split to evaluate on: a validation split, else one for tests."""
    return _find(names, _EVALUATION)


def _find(names: Sequence[str], groups: Sequence[Sequence[str]]) -> str | None:
    for number, words in enumerate(groups):
        exact = [word for word in words if word in names]
        found = [name for name in names if _group_of(name, groups) == number]
        if exact or len(found) == 1:
            return (exact or found)[0]
        if found:
            return None
    return None


def _group_of(name: str, groups: Sequence[Sequence[str]]) -> int | None:
    word = re.match("[a-z]*", name.lower())[0]  # type: ignore[index]
    return next((i for i, words in enumerate(groups) if word in words), None)
