"""A page of HTML: its parts, and the whole in one file."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from matplotlib.figure import Figure

from ssd_tf.report.plots import data_uri
from ssd_tf.version import __version__

_GENERATOR = "ssd_tf report"


@dataclasses.dataclass(frozen=True)
class Section:
    """A titled part of a page, of parts made by the functions below."""

    id: str
    title: str
    parts: Sequence[Mapping[str, Any]]


def text(value: str, *, is_note: bool = False) -> dict[str, Any]:
    """A paragraph."""
    return {"kind": "text", "text": value, "is_note": is_note}


def code(value: str) -> dict[str, Any]:
    """Lines as a program takes or gives them."""
    return {"kind": "code", "text": value}


def details(title: str, value: str) -> dict[str, Any]:
    """Lines that are folded away."""
    return {"kind": "details", "title": title, "text": value}


def table(
    rows: Sequence[Sequence[Any]],
    *,
    header: Sequence[str] = (),
    title: str = "",
) -> dict[str, Any]:
    """A table; without a header it is one of names and texts.

    A cell is text, or a dict of "text" and the "color" behind it.
    """
    return {
        "kind": "table",
        "rows": rows,
        "header": header,
        "title": title,
        "is_text": not header,
    }


def figures(
    drawings: Mapping[str, Figure], *, is_wide: bool = False
) -> dict[str, Any]:
    """Drawings by what they show; a wide one keeps its size on a phone."""
    return {
        "kind": "figures",
        "is_wide": is_wide,
        "figures": [
            {"alt": name, "src": data_uri(figure)}
            for name, figure in drawings.items()
        ],
    }


def pairs(title: str, items: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Pictures: "truth", "found" as `src`, with "name" and "caption"."""
    return {"kind": "pairs", "title": title, "pairs": items}


def tile(name: str, value: str, note: str = "") -> dict[str, str]:
    """A figure that is seen first."""
    return {"name": name, "value": value, "note": note}


def render(
    title: str,
    *,
    subtitle: str = "",
    tiles: Sequence[Mapping[str, str]] = (),
    sections: Sequence[Section] = (),
) -> str:
    """The page as one HTML text that asks for nothing else."""
    return _template().render(
        title=title,
        subtitle=subtitle,
        tiles=tiles,
        sections=sections,
        generator=f"{_GENERATOR} {__version__}",
    )


def is_report(content: bytes) -> bool:
    """True for a page of `render`."""
    return f'content="{_GENERATOR} '.encode() in content[:2000]


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = pathlib.Path(__file__).with_name("page.html")
    return environment.from_string(source.read_text(encoding="utf-8"))
