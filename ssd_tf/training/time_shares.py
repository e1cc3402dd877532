"""What the time of a run was spent on."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from ssd_tf.durations import duration

START = "starting"
STEPS = "training"
DATA = "waiting for data"
EVALUATION = "evaluating"
SAVING = "saving"
_TOLD = (DATA, EVALUATION, SAVING)


class TimeShares:
    """A clock that tells what it was watched for, first the start.

    Args:
      clock: seconds, always later.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._begun_at = self._since = clock()
        self._kinds = [START]
        self._seconds: dict[str, float] = defaultdict(float)
        self._taken: dict[str, float] = {}

    @contextlib.contextmanager
    def on(self, kind: str) -> Iterator[None]:
        """A context whose time is spent on that; within another, not on it."""
        self._note()
        self._kinds.append(kind)
        try:
            yield
        finally:
            self._note()
            self._kinds.pop()

    def _note(self) -> None:
        now = self._clock()
        self._seconds[self._kinds[-1]] += now - self._since
        self._since = now

    def take(self) -> dict[str, float]:
        """Seconds since they were last taken, of each kind that had any."""
        self._note()
        before, self._taken = self._taken, dict(self._seconds)
        passed = {
            kind: seconds - before.get(kind, 0.0)
            for kind, seconds in self._taken.items()
        }
        return {kind: seconds for kind, seconds in passed.items() if seconds}

    def describe(self) -> str:
        """A line: the time so far, and the shares of it."""
        seconds = self._clock() - self._begun_at
        shares = (
            f"{100 * self._seconds[kind] / max(seconds, 1e-9):.1f}% {kind}"
            for kind in _TOLD
        )
        return f"took {duration(seconds)}: {', '.join(shares)}"
