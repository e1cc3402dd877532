"""What a training says while it runs: one bar, or plain lines in a pipe."""

import sys
from collections.abc import Mapping
from typing import Any

from tqdm.auto import tqdm

from ssd_tf import console
from ssd_tf.durations import duration

_COLUMNS = ("step", "mAP@.5", "COCO AP", "AP50", "AP75", "best F1", "at score")


class Progress:
    """The bar of a training, in images; a context.

    Where nobody looks at a terminal, it is a line for each report.

    Args:
      steps: of the whole run.
      step: those done.
      batch_size: images in each.
    """

    def __init__(self, steps: int, *, step: int, batch_size: int):
        self._steps = steps
        self._batch_size = batch_size
        self._is_terminal = sys.stderr.isatty()
        self._has_estimated = self._has_header = False
        self._bar = tqdm(
            total=steps * batch_size,
            initial=step * batch_size,
            unit=" images",
            desc="train",
            mininterval=console.bar_interval(),
            disable=not self._is_terminal,
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error) -> None:
        self._bar.close()

    def update(self) -> None:
        """Counts a step."""
        self._bar.update(self._batch_size)

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Tells the figures of the steps before, and the time to come."""
        seconds = self._batch_size / max(values["images_per_second"], 1e-9)
        left = duration((self._steps - step) * seconds)
        self._bar.set_postfix_str(f"loss={values['loss']:.3f}", refresh=False)
        if not self._is_terminal:
            self.write(
                f"step {step}/{self._steps}: loss {values['loss']:.3f}, "
                f"{values['images_per_second']:.1f} images/s, {left} left"
            )
        elif not self._has_estimated and step < self._steps:
            self.write(f"about {left} for the {self._steps - step} steps left")
        self._has_estimated = True

    def evaluation(self, figures: Mapping[str, Any]) -> None:
        """Tells an evaluation as a row of a table."""
        if not self._has_header:
            self.write(table_line(_COLUMNS))
            self._has_header = True
        self.write(evaluation_row(figures))

    def write(self, line: str) -> None:
        """Says a line, above the bar where there is one."""
        self._bar.write(line, file=sys.stderr)


def evaluation_row(figures: Mapping[str, Any]) -> str:
    """The main figures of an evaluation, under the titles of the table."""
    coco, best = figures["coco"], figures.get("best_f1") or {}
    numbers = (
        figures["mAP"],
        coco["mAP"],
        coco.get("AP50"),
        coco.get("AP75"),
        best.get("f1"),
        best.get("score_threshold"),
    )
    return table_line(
        [
            str(figures["step"]),
            *("-" if value is None else f"{value:.4f}" for value in numbers),
        ]
    )


def table_line(cells) -> str:
    """Cells under one another, to the right."""
    return "  ".join(f"{cell:>8}" for cell in cells)
