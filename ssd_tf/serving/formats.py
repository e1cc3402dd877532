"""The export formats, and exporting a detector in one of them."""

import pathlib
from collections.abc import Mapping
from typing import Any

import keras

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError
from ssd_tf.serving.export_format import (
    DECODER_OPTIONS,
    Exported,
    ExportFormat,
    ExportOption,
    ExportRequest,
)
from ssd_tf.serving.litert_format import LITERT
from ssd_tf.serving.onnx import ONNX
from ssd_tf.serving.saved_model_format import SAVED_MODEL

EXPORT_FORMATS: dict[str, ExportFormat] = {
    export_format.name: export_format
    for export_format in (SAVED_MODEL, LITERT, ONNX)
}


def export_options() -> dict[str, ExportOption]:
    """Every option of the formats, by name."""
    return {
        option.name: option
        for export_format in EXPORT_FORMATS.values()
        for option in export_format.options
    }


def formats_with(option: ExportOption) -> list[str]:
    """Names of the formats that understand an option."""
    return [
        name
        for name, export_format in EXPORT_FORMATS.items()
        if option in export_format.options
    ]


def model_kinds(*, article: bool = False) -> str:
    """Kinds of models that can be loaded, for messages."""
    kinds = [f.suffix or "SavedModel" for f in EXPORT_FORMATS.values()]
    if article:
        kinds = [
            f"{'an' if kind.lstrip('.')[0] in 'aeiou' else 'a'} {kind}"
            for kind in kinds
        ]
    return f"{', '.join(kinds[:-1])} or {kinds[-1]} file"


def check_options(export_format: ExportFormat, given: dict[str, Any]) -> None:
    """Checks the options that were given, by name.

    Raises:
      InputError: one is unknown, would have no effect, or cannot have its
        value.
    """
    known = export_options() | {o.name: o for o in export_format.options}
    for name in given:
        if name not in known:
            raise InputError(
                f"unknown option {name!r}; known: {', '.join(known)}"
            )
    values = {name: option.default for name, option in known.items()} | given
    # First those that depend on the format alone: others need them.
    for name in sorted(given, key=lambda name: bool(known[name].needs)):
        _check_effect(known[name], export_format, values)
    for name, value in given.items():
        known[name].check(value)


def _check_effect(
    option: ExportOption, export_format: ExportFormat, values: Mapping
) -> None:
    """Raises InputError if an option does nothing beside those values."""
    if option.needs and all(values[n] != v for n, v in option.needs):
        needed = " or ".join(
            f"--{name}" if value is True else f"--{name}={value}"
            for name, value in option.needs
        )
        raise InputError(f"--{option.name} has no effect without {needed}")
    if option not in export_format.options:
        raise InputError(
            f"--{option.name} has no effect with "
            f"--format={export_format.name}; it is for "
            f"--format={' and '.join(formats_with(option))}"
        )


def export(
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    model: keras.Model,
    export_dir,
    *,
    export_format: ExportFormat = SAVED_MODEL,
    options: Mapping[str, Any] | None = None,
    run_name: str | None = None,
    result: Mapping[str, Any] | None = None,
    weights: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
) -> Exported:
    """Writes a detector in a format, of `EXPORT_FORMATS` or of one's own.

    Args:
      options: of the format, by name; the others have their defaults.
      run_name: that of the model by default.
      result: the figures of these weights; None if nobody measured them.
      weights: which ones of the run they are, for the model card.
      source: whose weights the run began with; None for ssd_tf's own.

    Raises:
      InputError: an option has no effect or cannot have its value, or the
        model cannot be written.
    """
    given = dict(options or {})
    check_options(export_format, given)
    values = {o.name: o.default for o in export_format.options} | given
    thresholds = {
        o.name: values[o.name] for o in DECODER_OPTIONS if o.name in values
    }
    return export_format.export(
        ExportRequest(
            detector_config,
            train_config,
            model,
            decoder=Decoder(detector_config, **thresholds),
            export_dir=pathlib.Path(export_dir),
            options=values,
            run_name=run_name or model.name,
            result=result,
            weights=weights,
            source=source,
        )
    )
