"""The beginning of a run: refused as a whole, or opened as a whole."""

from collections.abc import Sequence

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.models import Backbone
from ssd_tf.training.initialize import initialize_weights
from ssd_tf.training.reports import Reporter
from ssd_tf.training.run_data import RunData
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.saving import Saver
from ssd_tf.training.step import Trainer
from ssd_tf.training.workers import Workers


def check_together(
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    *,
    run_dir: RunDir,
    data: RunData,
    workers: Workers,
) -> None:
    """Refuses what cannot be trained, on all workers or on none.

    Raises:
      InputError: the data or the run directory do not fit, or the workers
        were started with different values.
    """
    configs = detector_config, train_config
    workers.from_all(data.check)
    workers.from_all(lambda: run_dir.check(*configs))
    workers.check_same(
        {
            **detector_config.to_dict(),
            **train_config.to_dict(),
            "data": data.digests,
            # May lie elsewhere on each.
            "data_dir": None,
            "val_dir": None,
        }
    )
    data.scan()


def open_run(
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    source,
    *,
    run_dir: RunDir,
    data: RunData,
    trainer: Trainer,
    saver: Saver,
    backbone: Backbone | None,
    command: Sequence[str],
    is_chief: bool,
) -> Reporter:
    """Takes the run directory and gives the model its weights.

    Args:
      detector_config, train_config, source: of the run.
      run_dir: created if it is not there.
      data, trainer, saver: of the run.
      backbone: as of `Trainer`.
      command: that started it.
      is_chief: has the first weights, which the other workers take from it.

    Returns:
      what writes its reports.

    Raises:
      InputError: the weights cannot be had, and nothing was written; or the
        run directory cannot be used.
    """
    source_of_weights = None
    if not saver.restore():
        if is_chief:
            source_of_weights = initialize_weights(
                *(detector_config, train_config, trainer.model),
                backbone=backbone,
            )
        trainer.restart_average()
    # Not before the weights are there: a mistake in --init_weights must
    # not leave a directory that refuses its correction.
    run_dir.make()
    saver.lock()
    run_dir.create(detector_config, train_config)
    run_dir.write_source(source_of_weights)
    data.remember()
    saver.open()
    reporter = Reporter(run_dir)
    reporter.settings(detector_config, train_config)
    run_dir.journal.start(
        trainer.steps_done,
        command=command,
        num_replicas=trainer.strategy.num_replicas_in_sync,
        images={
            split: source.num_examples(split)
            for split in (train_config.train_split, train_config.eval_split)
        },
    )
    return reporter
