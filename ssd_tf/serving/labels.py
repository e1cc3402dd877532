"""labels.txt: the names of the classes 1..C, one a line."""

from collections.abc import Sequence

LABELS_FILE = "labels.txt"


def to_text(class_names: Sequence[str]) -> str:
    """What the file holds."""
    return "".join(f"{name}\n" for name in class_names)


def from_text(text: str) -> tuple[str, ...]:
    """The names in the file."""
    return tuple(text.split("\n")[:-1])
