"""The data of a run: that they are those it began with, and can be read."""

import pathlib
from typing import Any

from absl import logging

from ssd_tf.config import TrainConfig
from ssd_tf.data import data_record
from ssd_tf.data.usable_images import MAX_BAD_IMAGES, UsableImages
from ssd_tf.errors import InputError
from ssd_tf.files import read_json, write_json
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.workers import Workers


class RunData:
    """Checks the data of a run, and remembers what was found with it.

    Args:
      source: the data.
      train_config: names the splits.
      run_dir: where they are remembered.
      workers: share out the look at the files.
      max_bad_images: largest share of a split's images that may be left out.
      accept_changed: go on where the data are not those of the run.

    Attributes:
      usable: which images are left out.
      record: see `data_record`.
    """

    def __init__(
        self,
        source,
        train_config: TrainConfig,
        run_dir: RunDir,
        workers: Workers,
        *,
        max_bad_images: float = MAX_BAD_IMAGES,
        accept_changed: bool = False,
    ):
        self._splits = (train_config.train_split, train_config.eval_split)
        self._run_dir = run_dir
        self._workers = workers
        self._accept_changed = accept_changed
        self.record = data_record.make_record(source, self._splits)
        known = _read(run_dir.images_file).get("files")
        self.usable = UsableImages(
            source, max_bad_images=max_bad_images, known=known
        )

    @property
    def digests(self) -> dict[str, str]:
        """The digest of each split."""
        splits = self.record["splits"]
        return {split: part["digest"] for split, part in splits.items()}

    def check(self) -> None:
        """Refuses other data; writes nothing.

        Raises:
          InputError: the run began with other data.
        """
        _check_record(
            self._run_dir, self.record, accept_changed=self._accept_changed
        )

    def scan(self) -> None:
        """Looks through the files; called by all workers.

        Raises:
          InputError: too many images of a split cannot be used.
        """
        for split in dict.fromkeys(self._splits):
            self.usable.scan(
                split,
                share=self._workers.share,
                exchange=lambda found: self._workers.from_all(lambda: found),
            )

    def remember(self) -> None:
        """Writes what was found into the run directory, which is there."""
        for file, value in (
            (self._run_dir.data_file, self.record),
            (self._run_dir.images_file, {"files": self.usable.known}),
        ):
            if _read(file) != value:
                write_json(file, value)

    def tell(self) -> None:
        """Names the images that were left out or recovered."""
        for line in self.usable.summary():
            logging.warning("%s", line)


def check_data(run_dir: RunDir, source, train_config: TrainConfig) -> None:
    """Refuses to go on with a run on other data than it began with.

    Raises:
      InputError: with what differs.
    """
    if run_dir.has_checkpoints:
        splits = train_config.train_split, train_config.eval_split
        record = data_record.make_record(source, splits)
        _check_record(run_dir, record, accept_changed=False)


def _check_record(
    run_dir: RunDir, record: data_record.Record, *, accept_changed: bool
) -> None:
    if not run_dir.has_checkpoints:
        return
    before = _read(run_dir.data_file)
    if not data_record.is_known(before):
        logging.warning(
            "%s has no record of the data it began with, as runs of earlier "
            "versions; those found now are taken for the same",
            run_dir.path,
        )
        return
    different = data_record.differences(before, record)
    if not different:
        return
    if accept_changed:
        logging.warning("goes on with other data: %s", "; ".join(different))
        return
    raise InputError(
        f"{run_dir.path} was trained on other data: {'; '.join(different)}; "
        "choose another --run_dir, or --accept_changed_data to go on from "
        "its weights"
    )


def _read(path: pathlib.Path) -> dict[str, Any]:
    """What a file that can be made again holds; nothing if it is damaged."""
    try:
        value = read_json(path)
    except InputError:
        return {}
    return value if isinstance(value, dict) else {}
