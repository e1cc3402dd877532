"""What README.md and the guides show in code fences.

The notebooks are run whole by test_notebooks.py, with the commands in them.
"""

import pathlib
import re
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(
    r"^( *)```(\w*)(?: title=\"([^\"]*)\")?\n(.*?)^\1```$",
    re.MULTILINE | re.DOTALL,
)


class Fence(NamedTuple):
    """A code fence; `page` is relative to the repository."""

    page: str
    language: str
    title: str  # "" without one
    text: str


def read_fences() -> list[Fence]:
    """All fences of all pages, in order."""
    return [
        Fence(path.relative_to(ROOT).as_posix(), language, title, text)
        for path in PAGES
        for _, language, title, text in _FENCE.findall(
            path.read_text(encoding="utf-8")
        )
    ]


def commands_of(fence: Fence) -> list[str]:
    """The commands of a fence: its lines, with those that go on joined."""
    text = re.sub(r"\\\n\s*", "", fence.text)
    text = re.sub(r"\|\n\s*", "| ", text)
    lines = [line.rstrip() for line in text.splitlines()]
    if fence.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    elif fence.language != "bash":
        lines = []
    return [line for line in lines if line and not line.startswith("#")]


def shown_commands() -> list[str]:
    """Our own commands, each once, in order."""
    own = [fence for fence in read_fences() if not fence.title]
    commands = [command for fence in own for command in commands_of(fence)]
    return list(dict.fromkeys(commands))
