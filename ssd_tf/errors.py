"""Errors about what the user gave, as opposed to errors in the code."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line and names what was found, where, and what was
    expected. Commands print it without a traceback and exit with status 1.
    """
