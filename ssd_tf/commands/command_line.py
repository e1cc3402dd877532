"""Flags of one command: their help, and errors in one line each."""

import math
import re
import textwrap

from absl import flags

from ssd_tf.errors import InputError, did_you_mean

_NUMBERS = (flags.IntegerParser, flags.FloatParser)
_PLACEHOLDERS = {
    flags.IntegerParser: "=N",
    flags.FloatParser: "=X",
    flags.ListParser: "=A,B,...",
    flags.EnumParser: "=NAME",
    flags.BooleanParser: "",
}


def parse(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Parses flags; returns the arguments between them.

    Raises:
      InputError: one line that names the flag.
    """
    values.set_gnu_getopt(True)  # arguments may stand before flags
    try:
        _, *arguments = values(["", *argv])
    except flags.UnrecognizedFlagError as error:
        near = did_you_mean(error.flagname, values, prefix="--")
        raise InputError(
            f"unknown flag --{error.flagname}"
            + (near or "; --help names the flags of this command")
        ) from error
    except flags.IllegalFlagValueError as error:
        raise InputError(_complaint(error, values)) from error
    except (flags.Error, ValueError) as error:
        # "Missing value for flag --steps", "--norotate_90=3 does not take ..."
        text = str(error).removeprefix("Missing value for flag ")
        raise InputError(
            text if text == str(error) else f"{text} needs a value"
        ) from error
    for name in values:
        value = values[name].value
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"--{name}={value} is no finite number")
    return arguments


def _complaint(
    error: flags.IllegalFlagValueError, values: flags.FlagValues
) -> str:
    missing = [
        f"--{name}"
        for name in values
        if values[name].value is None and _is_required(values[name])
    ]
    text = " ".join(str(error).split())
    match = re.match(r"flag --(\w+)=(.*)", text)
    if not match or match[1] not in values:
        return text
    name, reason = match[1], " ".join(str(error.__context__).split())
    if f"--{name}" in missing and not error.__context__:
        verb = "is" if len(missing) == 1 else "are"
        return f"{' and '.join(missing)} {verb} required"
    given = match[2].removesuffix(f": {reason}")
    return f"--{name}={given} {_expectation(given, values[name].parser)}"


def _expectation(given: str, parser: flags.ArgumentParser) -> str:
    if isinstance(parser, flags.EnumParser):
        known = parser.enum_values
        return (
            f"is unknown{did_you_mean(given, known)}; expected one of: "
            f"{', '.join(known)}"
        )
    if isinstance(parser, flags.BooleanParser):
        return "is neither true nor false"
    if isinstance(parser, flags.ListParser):
        return "is no list; expected A,B,... in one line"
    is_integer = isinstance(parser, flags.IntegerParser)
    try:
        number = int(given, 0) if is_integer else float(given)
    except ValueError:
        return f"is no {'whole ' if is_integer else ''}number"
    if isinstance(number, float) and not math.isfinite(number):
        return "is no finite number"
    return f"is out of range; expected {parser.syntactic_help}"


def _is_required(flag: flags.Flag) -> bool:
    # absl keeps `required` as a validator only.
    return any("other than None" in v.message for v in flag.validators)


def format_flags(values: flags.FlagValues) -> str:
    """Returns the help of all flags, by group."""
    lines: list[str] = []
    for group, members in values.flags_by_module_dict().items():
        lines += ["", f"{group}:"]
        for flag in members:
            lines += _format_flag(flag)
    return "\n".join(lines)


def _format_flag(flag: flags.Flag) -> list[str]:
    # absl's own list of values, <a|b>, stands first.
    texts = [re.sub(r"^<\S+>: ", "", flag.help).removesuffix(".")]
    if isinstance(flag.parser, flags.EnumParser):
        texts.append(f"One of: {', '.join(flag.parser.enum_values)}")
    elif isinstance(flag.parser, _NUMBERS):
        texts.append(flag.parser.syntactic_help.capitalize())
    if _is_required(flag):
        texts.append("Required")
    elif flag.default not in (None, ""):
        texts.append(f"Default: {str(flag.default_as_str)[1:-1]}")
    name = f"[no]{flag.name}" if flag.boolean else flag.name
    placeholder = _PLACEHOLDERS.get(type(flag.parser), "=TEXT")
    indent = " " * 6
    return [
        f"  --{name}{placeholder}",
        *textwrap.wrap(
            "".join(f"{text}. " for text in texts),
            80,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ),
    ]
