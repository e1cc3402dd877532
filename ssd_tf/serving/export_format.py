"""The parts of an export format: its record, its options, what it is given."""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data import sources
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError
from ssd_tf.serving.predictor import Predictor


@dataclasses.dataclass(frozen=True)
class ExportOption:
    """A choice that formats offer; the command makes a flag of it.

    Attributes:
      name: of the option and of its flag.
      kind: of its values: bool, int, float or str.
      default, help, group: of the flag.
      choices: all values that a str may have; any by default.
      bounds: lowest and highest value of a number; None is no bound.
      needs: (name, value) of other options, one of which must be set for this
        one to have an effect.
    """

    name: str
    kind: type
    default: Any
    help: str
    group: str
    choices: tuple[str, ...] = ()
    bounds: tuple[float | None, float | None] = (None, None)
    needs: tuple[tuple[str, Any], ...] = ()

    def check(self, value) -> None:
        """Raises InputError where the option cannot have the value."""
        if self.choices and value not in self.choices:
            raise InputError(
                f"unknown {self.name} {value!r}; known: "
                f"{', '.join(self.choices)}"
            )
        if isinstance(value, float) and math.isnan(value):
            lowest, highest = self.bounds
            raise InputError(
                f"--{self.name}=nan is no number; expected "
                f"{lowest:g}..{highest:g}"
            )


class Exported(NamedTuple):
    """The places that an export wrote to.

    `model` is the path that `detect` takes, None if it gives no detections;
    `server_script` starts a server.
    """

    path: pathlib.Path
    model: pathlib.Path | None
    server_script: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True)
class ExportRequest:
    """A detector to export, with a value for each option of the format.

    `decoder` has the thresholds to export; the rest is as in
    `ssd_tf.serving.export`.
    """

    detector_config: DetectorConfig
    train_config: TrainConfig
    model: keras.Model
    decoder: Decoder
    export_dir: pathlib.Path
    options: Mapping[str, Any]
    run_name: str
    result: Mapping[str, Any] | None
    weights: Mapping[str, Any] | None = None
    source: Mapping[str, Any] | None = None

    def file(self, ending: str) -> pathlib.Path:
        """Path for a format of one file, with the option `nms`."""
        raw = "" if self.options["nms"] else "_raw"
        return self.export_dir / f"{self.model.name}{raw}{ending}"

    def open_pictures(self) -> tuple[sources.Source, tuple[str, str]]:
        """Pictures to calibrate and to warm up with, whatever their classes.

        For a format with `PICTURE_OPTIONS`: the data set, and its splits for
        training and for evaluation, those of the run where it is the run's.

        Raises:
          InputError: the data cannot be used, or the run and the options name
            none.
        """
        run, data_dir = self.train_config, self.options["data_dir"]
        dataset = self.options["dataset"]
        if data_dir and not dataset:
            dataset = sources.layout_of(run.dataset or "folder", data_dir)
        if dataset in (None, run.dataset):
            source = sources.build_source_of_run(run, None, data_dir=data_dir)
            return source, (run.train_split, run.eval_split)
        source = sources.build_source(dataset, data_dir=data_dir)
        return source, source.default_splits


@dataclasses.dataclass(frozen=True)
class ExportFormat:
    """One way to write a detector and to read it again.

    Attributes:
      name: value of --format.
      suffix: of its files, such as ".onnx"; "" for a folder.
      options: that it understands.
      export: writes a detector; never over something that is there.
      load: path -> predictor; raises InputError if it cannot be read.
    """

    name: str
    suffix: str
    options: tuple[ExportOption, ...]
    export: Callable[[ExportRequest], Exported]
    load: Callable[[pathlib.Path], Predictor]


_of_decoder = functools.partial(
    ExportOption, group="detections", needs=(("nms", True),)
)
DECODER_OPTIONS = (
    _of_decoder(
        *("score_threshold", float, None),
        "Lowest score of a detection, 0..1 (default: the run's).",
        bounds=(0.0, 1.0),
    ),
    _of_decoder(
        *("nms_iou_threshold", float, None),
        "Overlap above which the lower score goes, 0..1 (default: the run's).",
        bounds=(0.0, 1.0),
    ),
    _of_decoder(
        *("max_detections", int, None),
        "Detections per image (default: the run's).",
        bounds=(1, None),
    ),
    _of_decoder(
        *("multi_label", bool, True),
        "Detect a box as several classes, as Caffe does; --nomulti_label "
        "keeps each box's best class only.",
    ),
    _of_decoder(
        *("agnostic_nms", bool, False),
        "One object, one class: boxes of all classes suppress one another in "
        "NMS, and each keeps its best class only.",
    ),
)
NMS = ExportOption(
    *("nms", bool, True),
    "Detect; --nonms gives the network's own outputs.",
    group="detections",
)
_of_pictures = functools.partial(
    ExportOption,
    group="data",
    needs=(("quantization", "int8"), ("warmup", "real")),
)
PICTURE_OPTIONS = (
    _of_pictures(
        *("dataset", str, None),
        "Data set of the pictures, whatever its classes (default: the run's).",
        choices=tuple(sources.SOURCES),
    ),
    _of_pictures(
        *("data_dir", str, None),
        "Folder of the data set (default: the run's).",
    ),
)
