"""Errors about what the user gave, as opposed to errors in the code."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line and names what was found, where, and what was
    expected. Commands print it without a traceback and exit with status 1.
    """


def did_you_mean(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Returns ", did you mean ...?", or nothing where no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {prefix}{near[0]}?" if near else ""
