"""Matcher parameters as text, checked against the matcher's fields."""

import dataclasses
import types
import typing
from typing import Any

from ssd_tf.errors import InputError

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    types.NoneType: "none",
}


def parse(name: str, matcher: type, text: str) -> tuple[tuple[str, Any], ...]:
    """Parses `key=value,key=value`; see `parse_matcher_params`."""
    pairs = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        param, separator, value = item.partition("=")
        if not separator:
            raise InputError(
                f"matcher {name!r}: expected parameter=value, got {item!r}"
            )
        pairs.append((param.strip(), value.strip()))
    return checked(name, matcher, tuple(pairs))


def checked(
    name: str, matcher: type, params: tuple[tuple[str, Any], ...]
) -> tuple[tuple[str, Any], ...]:
    """Parameters with each value of its field's type.

    Raises:
      InputError: for an unknown or repeated parameter, or a bad value.
    """
    fields = [field.name for field in dataclasses.fields(matcher)]
    hints = typing.get_type_hints(matcher)
    seen: dict[str, Any] = {}
    for param, value in params:
        if param not in fields:
            raise InputError(
                f"matcher {name!r} has no parameter {param!r}; "
                f"known: {', '.join(fields)}"
            )
        if param in seen:
            raise InputError(f"matcher {name!r}: {param!r} is given twice")
        allowed = typing.get_args(hints[param]) or (hints[param],)
        for kind in allowed:
            if _fits(value, kind):
                seen[param] = _convert(value, kind)
                break
        else:
            expected = " or ".join(_KINDS[kind] for kind in allowed)
            raise InputError(
                f"matcher {name!r}: {param!r} must be {expected}, "
                f"got {value!r}"
            )
    return tuple(seen.items())


def _fits(value, kind: type) -> bool:
    try:
        _convert(value, kind)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return True


def _convert(value, kind: type):
    """The value as `kind`, from text or from a number that equals it."""
    if kind is bool:
        return value if isinstance(value, bool) else _TRUTH[value.lower()]
    if kind is types.NoneType:
        if value is None or value.lower() == "none":
            return None
        raise ValueError(value)
    if isinstance(value, bool):
        raise TypeError(value)
    converted = kind(value)
    if not isinstance(value, str) and converted != value:
        raise ValueError(value)
    return converted
