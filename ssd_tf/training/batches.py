"""The batches of a run: from the step it stands at, on its devices."""

import tensorflow as tf

from ssd_tf.config import TrainConfig
from ssd_tf.data import pipeline, shuffling
from ssd_tf.data.augmentation.policy import Policy
from ssd_tf.training.step import Trainer
from ssd_tf.training.workers import Workers


class Batches:
    """What a run trains on.

    Args:
      source: the data.
      train_config: split, batch size and seed.
      trainer: whose encoder makes the targets, and on whose devices.
      policy: the augmentation.
      image_size: side of the images in pixels.
      workers: share out each batch.
      data_service: as of `pipeline.training_batches`.
    """

    def __init__(
        self,
        source,
        train_config: TrainConfig,
        trainer: Trainer,
        *,
        policy: Policy,
        image_size: int,
        workers: Workers,
        data_service: str | None = None,
    ):
        self._source = source
        self._train_config = train_config
        self._trainer = trainer
        self._policy = policy
        self._image_size = image_size
        self._workers = workers
        self._data_service = data_service

    def after(self, step: int) -> tf.data.Dataset:
        """The (distributed) data set of `TrainingBatch` after a step."""
        dataset = pipeline.training_batches(
            self._source,
            self._train_config.train_split,
            encoder=self._trainer.encoder,
            policy=self._policy,
            image_size=self._image_size,
            batch_size=self._train_config.batch_size,
            seed=self._train_config.seed,
            start_step=step,
            share=self._workers.share,
            data_service=self._data_service,
        )
        strategy = self._trainer.strategy
        if not self._workers.are_many:
            return strategy.experimental_distribute_dataset(dataset)
        # One by one to the devices of this worker.
        size = self._train_config.batch_size // strategy.num_replicas_in_sync
        return strategy.distribute_datasets_from_function(
            lambda context: dataset.rebatch(size, drop_remainder=True)
        )

    def image_ids(self, step: int) -> list[str]:
        """Names of the images of the batch after a step."""
        return shuffling.batch_image_ids(
            self._source,
            self._train_config.train_split,
            batch_size=self._train_config.batch_size,
            seed=self._train_config.seed,
            step=step,
        )
