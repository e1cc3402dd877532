"""metrics.jsonl: a line per report, the same with kills as without.

The speed, `images_per_second`, is measured and differs from run to run.
"""

import json
import pathlib
import time
from typing import Any

from absl import logging

from ssd_tf.errors import InputError
from ssd_tf.files import write_bytes, writing


class MetricsLog:
    """The file, which need not be there yet."""

    def __init__(self, path: pathlib.Path):
        self._path = path

    def append(self, entry: dict[str, Any]) -> None:
        """Adds a line; InputError if it cannot be written."""
        with writing(self._path), self._path.open("ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")

    def forget_after(self, step: int) -> None:
        """Drops lines of steps that a resumed run is about to repeat.

        Where lines are damaged, other than the last at a kill, the file is
        kept under another name, and a line says so.
        """
        content = self._read()
        lines = content.splitlines()
        steps = [_step_of(line) for line in lines]
        if None in steps[:-1]:
            when = time.strftime("%Y%m%dT%H%M%S")
            kept = self._path.with_name(f"{self._path.name}.damaged_{when}")
            logging.warning(
                "%s: %d lines are damaged and left out; it is kept as %s",
                *(self._path, steps.count(None), kept.name),
            )
            write_bytes(kept, content)
        past = b"".join(
            line + b"\n"
            for line, its_step in zip(lines, steps, strict=True)
            if its_step is not None and its_step <= step
        )
        if past != content:
            write_bytes(self._path, past)

    def entries(self) -> list[dict[str, Any]]:
        """The lines that are whole, in order."""
        return [
            json.loads(line)
            for line in self._read().splitlines()
            if _step_of(line) is not None
        ]

    def evaluation_of(self, step: int) -> dict[str, Any] | None:
        """The figures of an evaluation after a step; None without."""
        for line in self._read().splitlines()[::-1]:
            if _step_of(line) == step:
                entry = json.loads(line)
                if entry.pop("kind", None) == "evaluation":
                    return entry
        return None

    def evaluations(self) -> list[dict[str, Any]]:
        """The figures of all evaluations, each of another step, in order."""
        found = {}
        for line in self._read().splitlines():
            if _step_of(line) is not None:
                entry = json.loads(line)
                if entry.pop("kind", None) == "evaluation":
                    found[entry["step"]] = entry
        return [found[step] for step in sorted(found)]

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be read: {error.strerror}"
            ) from error


def _step_of(line: bytes) -> int | None:
    """The step of a whole line, or None."""
    try:
        step = json.loads(line)["step"]
    except (KeyError, RecursionError, TypeError, ValueError):
        return None
    return step if isinstance(step, int) else None
