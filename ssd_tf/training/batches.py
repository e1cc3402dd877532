"""The batches of a run: from the step it stands at, on its devices."""

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.config import TrainConfig
from ssd_tf.data import balancing, pipeline, shuffling, sources
from ssd_tf.data.augmentation.policy import Policy, count_partners
from ssd_tf.data.memory_cache import cache_in_memory
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
      cache: one of `memory_cache.CACHES`; "memory" keeps the split decoded.

    Raises:
      InputError: an image does not decode, or memory has a limit below.
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
        cache: str = "none",
    ):
        self._source = source
        if cache == "memory":
            with pipeline.naming_undecodable(source, train_config.train_split):
                self._source = cache_in_memory(source, train_config.train_split)
        self._train_config = train_config
        self._trainer = trainer
        self._policy = policy
        self._image_size = image_size
        self._workers = workers
        self._data_service = data_service
        self._num_partners = count_partners(policy)
        if self._num_partners:
            shuffling.check_random_access(source, "mosaic or mixup")
        self._factors = None
        if train_config.balance_classes:
            self._factors = _balance(source, train_config.train_split)

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
            factors=self._factors,
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
            factors=self._factors,
            num_partners=self._num_partners,
        )


def _balance(source, split: str) -> np.ndarray:
    """The factors of a split's images; logs what they do."""
    presence = sources.class_presence(source, split)  # [I, C]
    factors = balancing.repeat_factors(presence)
    shares = factors / factors.mean()
    logging.info(
        "balance_classes: images come %.2g to %.2g times in an epoch; by class "
        "%s",
        *(shares.min(), shares.max()),
        ", ".join(
            f"{name} {presence[:, k] @ shares:.0f} for {presence[:, k].sum()}"
            for k, name in enumerate(source.class_names)
        ),
    )
    return factors
