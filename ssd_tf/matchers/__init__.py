"""Label-assignment strategies, chosen by name."""

from typing import Any

from ssd_tf import parameters
from ssd_tf.errors import InputError
from ssd_tf.matchers.atss import AtssMatcher
from ssd_tf.matchers.base import (
    IGNORED,
    UNMATCHED,
    Matcher,
    MatchResult,
    valid_objects,
)
from ssd_tf.matchers.fcos import FcosMatcher, centerness
from ssd_tf.matchers.ssd import SsdMatcher
from ssd_tf.matchers.topk import TopkMatcher
from ssd_tf.matchers.two_thresholds import RetinanetMatcher, RpnMatcher
from ssd_tf.matchers.yolo import (
    Yolov2Matcher,
    Yolov3Matcher,
    ignore_by_prediction,
)

MATCHERS: dict[str, type[Matcher]] = {
    "ssd": SsdMatcher,
    "rpn": RpnMatcher,
    "retinanet": RetinanetMatcher,
    "yolov2": Yolov2Matcher,
    "yolov3": Yolov3Matcher,
    "fcos": FcosMatcher,
    "topk": TopkMatcher,
    "atss": AtssMatcher,
}


def build_matcher(
    name: str, params: tuple[tuple[str, Any], ...] = ()
) -> Matcher:
    """Builds the matcher of a name, with parameters as (name, value) pairs.

    Raises:
      InputError: for an unknown name or parameter, or an impossible value.
    """
    matcher = _matcher_type(name)
    values = dict(parameters.checked(f"matcher {name!r}", matcher, params))
    try:
        return matcher(**values)
    except InputError as error:
        raise InputError(f"matcher {name!r}: {error}") from None


def parse_matcher_params(name: str, text: str) -> tuple[tuple[str, Any], ...]:
    """Parses `matcher_params` such as "k=9,center_rule=true".

    Raises:
      InputError: as `build_matcher`.
    """
    params = parameters.parse(f"matcher {name!r}", _matcher_type(name), text)
    build_matcher(name, params)
    return params


def _matcher_type(name: str) -> type[Matcher]:
    if name not in MATCHERS:
        raise InputError(
            f"unknown matcher {name!r}; known: {', '.join(sorted(MATCHERS))}"
        )
    return MATCHERS[name]


__all__ = [
    "IGNORED",
    "MATCHERS",
    "MatchResult",
    "Matcher",
    "UNMATCHED",
    "build_matcher",
    "centerness",
    "ignore_by_prediction",
    "parse_matcher_params",
    "valid_objects",
]
