"""The commands of `python -m ssd_tf`, one file each."""

import argparse
import sys
from types import ModuleType

from ssd_tf import console
from ssd_tf.commands import anchors, detect, evaluate, validate

# Each has a docstring, `add_arguments(parser)` and `run(arguments)`.
COMMANDS: dict[str, ModuleType] = {
    "anchors": anchors,
    "detect": detect,
    "evaluate": evaluate,
    "validate": validate,
}


def main(argv: list[str] | None = None) -> None:
    """Runs a command and exits with its status."""
    parser = argparse.ArgumentParser(
        prog="python -m ssd_tf", description="SSD object detection."
    )
    subparsers = parser.add_subparsers(required=True, dest="command")
    for name, command in COMMANDS.items():
        summary = (command.__doc__ or "").splitlines()[0]
        subparser = subparsers.add_parser(
            name, help=summary, description=summary
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    arguments = parser.parse_args(argv)
    sys.exit(console.call(arguments.run, arguments))
