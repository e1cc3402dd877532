"""The batches of a run: from the step it stands at, on its devices."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.config import TrainConfig
from ssd_tf.data import balancing, images, pipeline, shuffling, sources
from ssd_tf.data.augmentation import Policy, count_partners
from ssd_tf.data.memory_cache import cache_in_memory
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.errors import InputError
from ssd_tf.training.step import Trainer
from ssd_tf.training.workers import Workers

_BATCHES_AHEAD = 8
_OF_READING = (
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnknownError,
)


class Batches:
    """What a run trains on.

    Args:
      source: the data.
      train_config: split, batch size and seed.
      trainer: whose encoder makes the targets, and on whose devices.
      policy: the augmentation.
      image_size: side of the images in pixels.
      workers: share out each batch.
      usable: knows which images are left out, and learns of more.
      data_service: as of `pipeline.training_batches`.
      cache: one of `memory_cache.CACHES`; "memory" keeps the split decoded.

    Raises:
      InputError: the pictures need more memory than may be kept, or the
        policy needs what the source cannot do.
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
        usable: UsableImages,
        data_service: str | None = None,
        cache: str = "none",
    ):
        self._source = source
        self._train_config = train_config
        self._trainer = trainer
        self._policy = policy
        self._image_size = image_size
        self._workers = workers
        self._usable = usable
        self._data_service = data_service
        self._num_partners = count_partners(policy)
        if self._num_partners:
            shuffling.check_random_access(source, "mosaic or mixup")
        self._factors = None
        if train_config.balance_classes:
            self._factors = _balance(source, train_config.train_split)
        if cache == "memory":
            self._source = self._cached()

    def _cached(self):
        """The source in memory, without what does not decode."""
        split = self._train_config.train_split
        everything = range(self._source.num_examples(split))
        while True:
            try:
                return cache_in_memory(
                    self._source, split, left_out=self._usable.left_out(split)
                )
            except tf.errors.OpError as error:
                if not self._usable.find_more(split, everything):
                    raise InputError(
                        f"an image of split {split!r} cannot be read: "
                        f"{images.reason(error)}"
                    ) from error

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
            left_out=self._usable.left_out(self._train_config.train_split),
            factors=self._factors,
        )
        strategy = self._trainer.strategy
        if not self._workers.are_many:
            return strategy.experimental_distribute_dataset(dataset)
        # One by one to the devices of this worker.
        size = self._train_config.batch_size // strategy.num_replicas_in_sync
        return strategy.distribute_datasets_from_function(
            lambda context: dataset.rebatch(size, drop_remainder=True)
        )

    def sound(self, dataset: tf.data.Dataset, step: int) -> Iterator[Any]:
        """The batches of `after(step)`, and on where images go bad.

        An image that cannot be read or decoded any more is left out, and the
        batch is made again with what stands for it; see
        `shuffling.shuffled_examples`.

        Raises:
          InputError: too many images cannot be used.
        """
        batches = iter(dataset)
        while True:
            try:
                batch = next(batches)
            except tf.errors.OpError as error:
                self._leave_out(step, error)
                batches = iter(self.after(step))
                continue
            yield batch
            step += 1

    def _leave_out(self, step: int, error: tf.errors.OpError) -> None:
        """Finds what keeps a batch from being read; a graph knows no names."""
        split = self._train_config.train_split
        size = self._train_config.batch_size
        mine = self._workers.share.positions(size)
        # Of a service the batches come in another order.
        ahead = _BATCHES_AHEAD if self._data_service else 1
        for later in range(step, step + ahead):
            positions = self._positions(later)
            of_mine = [positions[i] for i in mine] + positions[size:]
            if self._usable.find_more(split, of_mine):
                return
        if isinstance(error, _OF_READING):
            raise InputError(
                f"an image of split {split!r} cannot be read: "
                f"{images.reason(error)}"
            ) from error
        raise error

    def _positions(self, step: int) -> list[int]:
        return shuffling.batch_positions(
            self._source,
            self._train_config.train_split,
            batch_size=self._train_config.batch_size,
            seed=self._train_config.seed,
            step=step,
            factors=self._factors,
            num_partners=self._num_partners,
        )

    def image_ids(self, step: int) -> list[str]:
        """Names of the images of the batch after a step."""
        split = self._train_config.train_split
        return shuffling.batch_image_ids(
            self._source,
            split,
            batch_size=self._train_config.batch_size,
            seed=self._train_config.seed,
            step=step,
            left_out=self._usable.left_out(split),
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
