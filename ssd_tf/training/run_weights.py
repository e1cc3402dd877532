"""Which weights of a run to take: those of its best evaluation, or the last."""

import pathlib
from typing import Any, NamedTuple

import tensorflow as tf
from absl import logging

from ssd_tf.config import TrainConfig
from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.training import checkpoints
from ssd_tf.training.average import build_average
from ssd_tf.training.run_dir import RunDir

CHECKPOINTS = ("best", "last")


class RunWeights(NamedTuple):
    """Weights of a run.

    `step`: of the run when it had them. `is_best`: they are those that its
    best evaluation has measured, else of its newest checkpoint.
    """

    prefix: pathlib.Path
    step: int
    is_best: bool

    @property
    def name(self) -> str:
        """The one of `CHECKPOINTS` that they are."""
        return CHECKPOINTS[0 if self.is_best else 1]


def find_weights(run_dir: RunDir, checkpoint: str = "best") -> RunWeights:
    """The weights of a run: "best" or "last".

    Where there are none of a best evaluation, they are the last: before the
    first evaluation, and in runs of earlier versions.

    Raises:
      InputError: there are no weights, or none that can be read.
    """
    if checkpoint not in CHECKPOINTS:
        raise InputError(
            f"checkpoint must be {' or '.join(CHECKPOINTS)}, got {checkpoint!r}"
        )
    skipped = []
    for prefix in checkpoints.find(run_dir.best):
        if checkpoint == "last" or checkpoints.is_unfinished(prefix):
            continue
        damage = checkpoints.damage(prefix)
        if not damage:
            return RunWeights(prefix, checkpoints.step_of(prefix), True)
        skipped.append(f"{prefix} ({damage})")
    last = checkpoints.newest(run_dir.checkpoints)
    if last is None:
        raise InputError(
            f"{run_dir.path} has no checkpoint yet; train it first"
        )
    for line in skipped:
        logging.warning("skipped %s, taking %s", line, last)
    return RunWeights(last, checkpoints.step_of(last), False)


def figures_of(run_dir: RunDir, found: RunWeights) -> dict[str, Any] | None:
    """What the training has measured of weights; None if it has not yet."""
    figures = run_dir.metrics.evaluation_of(found.step)
    if figures is None and run_dir.is_finished:
        result = run_dir.read_result()
        for known in (result, result.pop("best", None)):
            if known is not None and known["step"] == found.step:
                return known
    return figures


def restore_weights(
    run_dir: RunDir, found: RunWeights, train_config: TrainConfig, model
) -> None:
    """Gives a model of the run's configuration the weights that were found.

    Those that are evaluated: of the last checkpoint, the averages.

    Raises:
      InputError: they are of another model.
    """
    parts = {"model": model}
    average = build_average(train_config, model.trainable_variables)
    if found.is_best:  # they are the averages
        average = None
    if average is not None:
        parts["average"] = average
    try:
        # Not `restore`, which asks for a count of savings, too.
        status = tf.train.Checkpoint(**parts).read(str(found.prefix))
        status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError) as error:
        raise InputError(
            f"{found.prefix} does not fit the detector that "
            f"{run_dir.config_file} describes: {first_line(error)}"
        ) from error
    if average is not None:
        average.copy_to_model()
