"""Parameters as text, checked against the fields of a dataclass."""

import dataclasses
import types
import typing
from typing import Any

from ssd_tf.errors import InputError

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    types.NoneType: "none",
    tuple[int, ...]: "whole numbers divided by ':'",
}


def parse(
    owner: str, fields_of: type, text: str
) -> tuple[tuple[str, Any], ...]:
    """Parses "key=value,key=value" by the types of a dataclass' fields.

    A switch is true or false, None is none, and the items of tuples are
    divided by ":", because a shell takes ";" as its own.

    Args:
      owner: such as "matcher 'topk'", for messages.
      fields_of: the dataclass.
      text: the parameters.

    Returns:
      (parameter, value) pairs in the order given.

    Raises:
      InputError: as `checked`, or something is no key=value.
    """
    pairs = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        param, separator, value = item.partition("=")
        if not separator:
            raise InputError(f"{owner}: expected parameter=value, got {item!r}")
        pairs.append((param.strip(), value.strip()))
    return checked(owner, fields_of, tuple(pairs))


def checked(
    owner: str, fields_of: type, params: tuple[tuple[str, Any], ...]
) -> tuple[tuple[str, Any], ...]:
    """Returns the parameters with each value of its field's type.

    Raises:
      InputError: for an unknown or repeated parameter, or a bad value.
    """
    fields = [field.name for field in dataclasses.fields(fields_of)]
    hints = typing.get_type_hints(fields_of)
    seen: dict[str, Any] = {}
    for param, value in params:
        if param not in fields:
            raise InputError(
                f"{owner} has no parameter {param!r}; "
                f"known: {', '.join(fields)}"
            )
        if param in seen:
            raise InputError(f"{owner}: {param!r} is given twice")
        hint = hints[param]
        is_union = isinstance(hint, types.UnionType)
        allowed = typing.get_args(hint) if is_union else (hint,)
        for kind in allowed:
            try:
                seen[param] = _convert(value, kind)
                break
            except (AttributeError, KeyError, TypeError, ValueError):
                continue
        else:
            expected = " or ".join(_KINDS[kind] for kind in allowed)
            raise InputError(
                f"{owner}: {param!r} must be {expected}, got {value!r}"
            )
    return tuple(seen.items())


def _convert(value, kind):
    """The value as `kind`, from text or from a number that equals it."""
    if typing.get_origin(kind) is tuple:
        if isinstance(value, str):
            value = value.split(":") if value else ()
        item_kind = typing.get_args(kind)[0]
        return tuple(_convert(item, item_kind) for item in value)
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
