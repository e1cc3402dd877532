"""The data that a model is measured on."""

from typing import NamedTuple

from absl import flags

from ssd_tf import TrainConfig, training
from ssd_tf.commands.flag_groups import dataset_of
from ssd_tf.data import sources
from ssd_tf.data.sources import Source
from ssd_tf.data.sources.divided_folder import DEFAULT_VAL_FRACTION
from ssd_tf.errors import InputError


class DataChoice(NamedTuple):
    """A data set, its folder or None for the usual one, and a split.

    No split stands for `run_split`, that of the run, where the data have it,
    and else for the one that they have for evaluation. `val_dir` and the
    fractions are as of `sources.build_source`.
    """

    dataset: str
    data_dir: str | None
    split: str | None
    val_dir: str | None = None
    val_fraction: float | None = None
    usual_fraction: float = DEFAULT_VAL_FRACTION
    run_split: str | None = None

    def build_source(self, class_names: tuple[str, ...] | None = None):
        """The source; InputError if the data cannot be used."""
        return sources.build_source(
            self.dataset,
            data_dir=self.data_dir,
            class_names=class_names,
            val_dir=self.val_dir,
            val_fraction=self.val_fraction,
            usual_fraction=self.usual_fraction,
        )

    def split_of(self, source: Source) -> str:
        """The split of the source to measure on."""
        own = self.run_split
        if self.split or not own:
            return self.split or source.default_splits[1]
        parts = {part.partition("[")[0] for part in own.split("+")}
        return own if parts <= {*source.splits()} else source.default_splits[1]


def choose_data(values: flags.FlagValues) -> DataChoice:
    """The data that the flags name, and for a run else those of its training.

    Raises:
      InputError: no data set was named, and the model is no run.
    """
    run_dir = training.RunDir(values.model)
    if run_dir.config_file.exists():
        _, train = run_dir.read_configs()
        # Folder and split of one data set mean nothing for another.
        if train.dataset and values.dataset in (None, train.dataset):
            return _data_of_run(values, train)
    if values.dataset is None and not values.data_dir:
        is_run = run_dir.config_file.exists()
        what = "was converted without data" if is_run else "is no run directory"
        raise InputError(
            f"--model={values.model} {what}, so it does not say what to "
            "measure on; give --data_dir for a folder, or --dataset"
        )
    return DataChoice(
        dataset_of(values),
        values.data_dir,
        values.split,
        values.val_dir,
        values.val_fraction,
    )


def _data_of_run(values: flags.FlagValues, train: TrainConfig) -> DataChoice:
    """The data of a training, where they are now, or those of another folder.

    Of another folder the layout may be another, and its own splits count.
    """
    if not values.data_dir:
        fraction = values.val_fraction
        return DataChoice(
            train.dataset,
            sources.data_dir_of_run(train),
            values.split or train.eval_split,
            values.val_dir or train.val_dir,
            train.val_fraction if fraction is None else fraction,
        )
    return DataChoice(
        sources.layout_of(train.dataset, values.data_dir),
        values.data_dir,
        values.split,
        values.val_dir,
        values.val_fraction,
        train.val_fraction or DEFAULT_VAL_FRACTION,
        train.eval_split,
    )


def open_split(
    data: DataChoice, *, model: str, class_names: tuple[str, ...]
) -> tuple[Source, str]:
    """The source, read with the classes of a model, and the split's name.

    A folder may lack objects of some classes, and takes the model's order; a
    data set with a list of its own must have the model's list. Messages name
    the model.

    Raises:
      InputError: the data cannot be read, have other classes than the model,
        or have no objects.
    """
    if not class_names:
        raise InputError(f"--model={model} holds no names of its classes")
    try:
        source = data.build_source(class_names)
        split = data.split_of(source)
        source.num_examples(split)  # A folder meets unknown classes here.
    except InputError:
        # If the data can be read as they are, the model's classes are why.
        own = data.build_source()
        own.num_examples(data.split_of(own))
        raise InputError(
            f"--model={model} has the classes {', '.join(class_names)}; "
            f"{own.name} has {', '.join(own.class_names)}; expected the same, "
            "in the same order"
        ) from None
    _check_has_objects(source, split)
    return source, split


def _check_has_objects(source: Source, split: str) -> None:
    """Fails now rather than after the model has seen every image."""
    if not sources.has_objects(
        source, split, counted=lambda example: example["gt_labels"] > 0
    ):
        raise InputError(
            f"split {split!r} of {source.name} has no objects to be found; "
            f"its splits: {', '.join(source.splits())}"
        )
