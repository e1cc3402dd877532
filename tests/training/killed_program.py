"""A training that is killed, again and again: for a process of its own.

Every line of its input is a JSON object: run_dir, and phase, occurrence and
share, the moment of the kill: when this share of the time that the phase takes
is over, counted from the beginning of that occurrence of it. Without a phase
the training goes to its end. Each is done in a fork, so that TensorFlow is
imported once, and answered by a line with the exit status.
"""

import dataclasses
import json
import os
import signal
import sys
import threading
import time

import tensorflow as tf

from ssd_tf.data.sources import registry
from ssd_tf.training import RunDir, TrainingRun, evaluations, loop, saving, step
from tests import conftest

TRAIN = dataclasses.replace(
    conftest.SMALL_TRAIN, steps=40, eval_every=14, flip_up_down=True
)
SAVE_EVERY, REPORT_EVERY = 3, 5
# Seconds, roughly: the moments are random, and the results are not.
PHASES = {
    "first step": 2.0,
    "step": 0.01,
    "save": 0.1,
    "evaluation": 0.5,
    "end": 0.002,
}


class Killer:
    """Wraps functions that are phases; kills in the one that is asked for."""

    def __init__(self, phase, occurrence, share):
        self._phase = phase
        self._left = occurrence
        self._delay = PHASES.get(phase, 0.0) * share

    def wrap(self, phase, function):
        if phase != self._phase:
            return function

        def run(*args, **kwargs):
            self._left -= 1
            if self._left:
                return function(*args, **kwargs)
            killer = threading.Thread(target=self._kill)
            killer.start()
            function(*args, **kwargs)
            killer.join()  # never: at its end at the latest it is killed

        return run

    def _kill(self):
        time.sleep(self._delay)
        os.kill(os.getpid(), signal.SIGKILL)


def train(data_dir, run_dir, *moment):
    killer = Killer(*moment)
    conftest.disable_grappler()
    compile_step = step.Trainer.compile_step

    def compile_killed_step(trainer, spec):
        train_step = compile_step(trainer, spec)
        for phase in ("first step", "step"):
            train_step = killer.wrap(phase, train_step)
        return train_step

    step.Trainer.compile_step = compile_killed_step
    tf.train.CheckpointManager.save = killer.wrap(
        "save", tf.train.CheckpointManager.save
    )
    evaluations.Evaluations.make = killer.wrap(
        "evaluation", evaluations.Evaluations.make
    )
    loop.write_json = killer.wrap("end", loop.write_json)
    loop._REPORT_EVERY_STEPS = REPORT_EVERY
    loop.leave_report = lambda run_dir, source: None  # after all that is kept
    saving.Saver.is_due = (
        lambda saver: saver._trainer.steps_done % SAVE_EVERY == 0
    )
    run = TrainingRun(
        conftest.SMALL_DETECTOR,
        TRAIN,
        registry.build_source("shapes", data_dir=data_dir),
        RunDir(run_dir),
        backbone=conftest.SMALL_NETWORK,
    )
    # Without what AutoGraph does at the start of every process: half of it.
    tf.autograph.experimental.do_not_convert(run.train)()


def main(data_dir):
    for line in sys.stdin:
        process = os.fork()
        if not process:
            os.dup2(2, 1)  # where the answers go
            try:
                train(data_dir, *json.loads(line))
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
