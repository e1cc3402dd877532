"""The commands of `python -m ssd_tf`, one file each.

A command is a module with a docstring, whose first line is its summary,
`define_flags(values)` and `run(values, arguments)`. Its flags are absl's, in
a set of their own, and their `module_name` is the group they are shown under.
`ARGUMENTS` names what may follow the flags, and `WHEN_STOPPED` is the last
line after an interrupt.
"""

import sys
from types import ModuleType

from absl import flags

from ssd_tf import console
from ssd_tf.commands import (
    anchors,
    convert,
    convert_data,
    data_service,
    demo,
    detect,
    evaluate,
    export,
    report,
    train,
    validate,
    weights,
)
from ssd_tf.commands.command_line import format_flags, parse
from ssd_tf.errors import InputError, did_you_mean

COMMANDS: dict[str, ModuleType] = {
    "train": train,
    "evaluate": evaluate,
    "export": export,
    "report": report,
    "detect": detect,
    "demo": demo,
    "validate": validate,
    "anchors": anchors,
    "data_service": data_service,
    "weights": weights,
    "convert": convert,
    "convert_data": convert_data,
}
_PROGRAM = "python -m ssd_tf"
_HELP = {"-h", "-help", "--help", "--helpshort", "--helpfull"}


def main(argv: list[str] | None = None) -> None:
    """Runs a command and exits with its status.

    Args:
      argv: the command and its flags; those of the process by default.
    """
    name, *rest = (sys.argv[1:] if argv is None else argv) or [""]
    if not name or name in _HELP:
        print(_overview(), file=sys.stdout if name else sys.stderr)
        sys.exit(0 if name else 2)
    sys.exit(
        console.call(
            lambda: _run(name, rest),
            when_stopped=getattr(COMMANDS.get(name), "WHEN_STOPPED", "stopped"),
        )
    )


def _run(name: str, argv: list[str]) -> None:
    if name not in COMMANDS:
        raise InputError(
            f"unknown command {name!r}{did_you_mean(name, COMMANDS)}; known: "
            f"{', '.join(COMMANDS)}"
        )
    command = COMMANDS[name]
    values = flags.FlagValues()
    command.define_flags(values)
    if _HELP.intersection(argv):
        print(_help(name, command, values))
        return
    arguments = parse(values, argv)
    if arguments and not getattr(command, "ARGUMENTS", ""):
        raise InputError(
            f"unexpected argument {arguments[0]!r}; expected flags only"
        )
    command.run(values, arguments)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = (
        f"  {name:<{width}}  {_docstring(command)[0]}"
        for name, command in COMMANDS.items()
    )
    commands = "\n".join(lines)
    return (
        "SSD object detection.\n\n"
        f"usage: {_PROGRAM} COMMAND --flag=value ...\n\n"
        f"{commands}\n\n"
        f"{_PROGRAM} COMMAND --help names the flags of a command."
    )


def _help(name: str, command: ModuleType, values: flags.FlagValues) -> str:
    """The docstring of a command and its flags by group."""
    arguments = getattr(command, "ARGUMENTS", "")
    usage = f"usage: {console.sibling(name)} --flag=value ... {arguments}"
    return "\n".join(
        [usage.rstrip(), "", *_docstring(command), format_flags(values)]
    )


def _docstring(command: ModuleType) -> list[str]:
    return (command.__doc__ or "").strip().splitlines()
