"""journal.jsonl: when a run was started how, and what its time went to.

Other than metrics.jsonl it tells of the machine: it differs from run to run.
"""

import datetime
import os
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssd_tf.training.metrics_log import MetricsLog
from ssd_tf.version import __version__


def library_versions() -> dict[str, str]:
    """The versions of what a run was made with, by name."""
    return {
        "ssd_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


class Journal:
    """The file, which need not be there yet."""

    def __init__(self, path: pathlib.Path):
        self._log = MetricsLog(path)

    def start(
        self,
        step: int,
        *,
        command: Sequence[str],
        num_replicas: int,
        images: Mapping[str, int],
    ) -> None:
        """Notes a start of the program, at a step.

        Args:
          command: that started it; empty where it was none.
          num_replicas: devices that train together.
          images: their number in each split.
        """
        now = datetime.datetime.now(datetime.UTC)
        self._log.append(
            {
                "step": step,
                "kind": "start",
                "started_utc": now.isoformat(timespec="seconds"),
                "command": list(command),
                "devices": _devices(num_replicas),
                "images": dict(images),
                "versions": library_versions(),
            }
        )

    def spent(self, step: int, what: str, seconds: float) -> None:
        """Notes time that was spent on something until a step."""
        self._log.append(
            {
                "step": step,
                "kind": "spent",
                "what": what,
                "seconds": round(seconds, 3),
            }
        )

    def starts(self) -> list[dict[str, Any]]:
        """What `start` noted, in order."""
        return [e for e in self._log.entries() if e.get("kind") == "start"]

    def seconds(self) -> dict[str, float]:
        """What `spent` noted, added up by what it was spent on."""
        total: dict[str, float] = {}
        for entry in self._log.entries():
            if entry.get("kind") == "spent":
                what = str(entry["what"])
                total[what] = total.get(what, 0.0) + float(entry["seconds"])
        return total


def _devices(num_replicas: int) -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"{os.cpu_count()} CPU cores"
    facts = tf.config.experimental.get_device_details(gpus[0])
    return f"{num_replicas} x {facts.get('device_name', 'GPU')}"
