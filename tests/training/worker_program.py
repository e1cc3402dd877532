"""A worker of a training on several machines: for processes of its own.

The first argument is JSON: data_dir, run_dir, steps of each call of `train`
(None: to the end), and dies_at, the step in which the process is killed.
"""

import itertools
import json
import os
import signal
import sys

import tensorflow as tf

from ssd_tf import console, training
from ssd_tf.data.sources import registry
from ssd_tf.training import step
from tests import conftest


def main(data_dir, run_dir, until, dies_at):
    conftest.disable_grappler()
    strategy = training.build_strategy()
    source = registry.build_source("shapes", data_dir=data_dir)
    if dies_at:
        compile_step = step.Trainer.compile_step

        def compile_last_step(trainer, spec):
            train_step = compile_step(trainer, spec)
            first = int(trainer.optimizer.iterations.numpy()) + 1
            steps = itertools.count(first)

            def run(batch):
                if next(steps) == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return train_step(batch)

            return run

        step.Trainer.compile_step = compile_last_step
    run = training.TrainingRun(
        conftest.SMALL_DETECTOR,
        conftest.TRAIN_OF_WORKERS,
        source,
        training.RunDir(run_dir),
        strategy=strategy,
        backbone=conftest.SMALL_NETWORK,
    )
    print(f"begins at step {run.step}", flush=True)
    # Without what AutoGraph does at the start of every process.
    train = tf.autograph.experimental.do_not_convert(run.train)
    for stop in until:
        train(until=stop)
    print(f"ends at step {run.step}", flush=True)


if __name__ == "__main__":
    sys.exit(console.call(lambda: main(**json.loads(sys.argv[1]))))
