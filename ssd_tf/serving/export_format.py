"""The parts of an export format: its record, its options, what it is given."""

import dataclasses
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
      kind: type of its values: bool, int, float or str.
      default: value where none is given.
      help: one sentence, with unit or range.
      group: title under which the command's help shows it.
      choices: all values that a str may have; any by default.
      lowest: of an int or a float.
      highest: of an int or a float.
      needs: names and values of other options, one of which must be set for
        this one to have an effect; none by default.
    """

    name: str
    kind: type
    default: Any
    help: str
    group: str
    choices: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    needs: tuple[tuple[str, Any], ...] = ()

    def check(self, value) -> None:
        """Raises InputError where the option cannot have the value."""
        if self.choices and value not in self.choices:
            raise InputError(
                f"unknown {self.name} {value!r}; known: "
                f"{', '.join(self.choices)}"
            )
        if isinstance(value, float) and math.isnan(value):
            raise InputError(
                f"--{self.name}=nan is no number; expected "
                f"{self.lowest:g}..{self.highest:g}"
            )


class Exported(NamedTuple):
    """What an export wrote.

    Attributes:
      path: the file or folder.
      model: path that `detect` takes; None if it gives no detections.
      server_script: what starts a server, if there is one.
    """

    path: pathlib.Path
    model: pathlib.Path | None
    server_script: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True)
class ExportRequest:
    """A detector to export, and how.

    Attributes:
      detector_config: of the detector.
      train_config: how it was trained; names its data set.
      model: the detector.
      decoder: with the thresholds to export.
      export_dir: folder to write to.
      options: value of each option of the format, by name.
      run_name: name of the run.
      result: the run's last evaluation; None if it is not finished.
    """

    detector_config: DetectorConfig
    train_config: TrainConfig
    model: keras.Model
    decoder: Decoder
    export_dir: pathlib.Path
    options: Mapping[str, Any]
    run_name: str
    result: Mapping[str, Any] | None = None

    def build_source(self) -> sources.Source:
        """Builds the run's data set, of which `data_dir` is an option."""
        return sources.build_source(
            self.train_config.dataset,
            data_dir=self.options["data_dir"] or self.train_config.data_dir,
            class_names=self.detector_config.class_names,
        )


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


NMS = ExportOption(
    name="nms",
    kind=bool,
    default=True,
    help="Detect; --nonms gives the network's own outputs.",
    group="detections",
)
DECODER_OPTIONS = (
    ExportOption(
        name="score_threshold",
        kind=float,
        default=None,
        help="Lowest score of a detection, 0..1 (default: the run's).",
        group="detections",
        lowest=0.0,
        highest=1.0,
        needs=(("nms", True),),
    ),
    ExportOption(
        name="nms_iou_threshold",
        kind=float,
        default=None,
        help="Overlap above which the lower score goes, 0..1 (default: the "
        "run's).",
        group="detections",
        lowest=0.0,
        highest=1.0,
        needs=(("nms", True),),
    ),
    ExportOption(
        name="max_detections",
        kind=int,
        default=None,
        help="Detections per image (default: the run's).",
        group="detections",
        lowest=1,
        needs=(("nms", True),),
    ),
    ExportOption(
        name="multi_label",
        kind=bool,
        default=True,
        help="Detect a box as several classes, as Caffe does; "
        "--nomulti_label keeps each box's best class only.",
        group="detections",
        needs=(("nms", True),),
    ),
)
DATA_DIR = ExportOption(
    name="data_dir",
    kind=str,
    default=None,
    help="Folder of the data set (default: the run's).",
    group="data",
    needs=(("quantization", "int8"), ("warmup", "real")),
)
