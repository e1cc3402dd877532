"""Label-assignment strategies, one per file, chosen by name."""

import dataclasses
from typing import Any

from ssd_tf.errors import InputError
from ssd_tf.matchers.base import (
    IGNORED,
    UNMATCHED,
    Matcher,
    MatchResult,
    valid_objects,
)
from ssd_tf.matchers.ssd import SsdMatcher

MATCHERS: dict[str, type] = {
    "ssd": SsdMatcher,
}


def build_matcher(name: str, params: tuple[tuple[str, Any], ...] = ()):
    """The matcher of a name, with parameters as (name, value) pairs.

    Raises:
      InputError: for an unknown name or parameter; lists the known ones.
    """
    if name not in MATCHERS:
        raise InputError(
            f"unknown matcher {name!r}; known: {', '.join(sorted(MATCHERS))}"
        )
    fields = [field.name for field in dataclasses.fields(MATCHERS[name])]
    for param, _ in params:
        if param not in fields:
            raise InputError(
                f"matcher {name!r} has no parameter {param!r}; "
                f"known: {', '.join(fields)}"
            )
    return MATCHERS[name](**dict(params))


__all__ = [
    "IGNORED",
    "MATCHERS",
    "MatchResult",
    "Matcher",
    "UNMATCHED",
    "build_matcher",
    "valid_objects",
]
