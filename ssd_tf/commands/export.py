"""Export a trained run: SavedModel, LiteRT (TFLite) or ONNX.

    --run_dir=RUN --export_dir=EXPORTS

writes EXPORTS/<model_name>/<version>/, the layout that TF Serving watches, and
EXPORTS/serving/ with what TF Serving is started with.

    --run_dir=RUN --export_dir=EXPORTS --format=litert
    --run_dir=RUN --export_dir=EXPORTS --format=onnx

write EXPORTS/<detector>.tflite and .onnx. Nothing is ever overwritten.
"""

import functools
import shlex
from collections.abc import Callable

from absl import flags

from ssd_tf import serving, training
from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.serving import formats


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags: those of every export, and the formats' options."""
    run = FlagGroup(values, "run")
    run.text("run_dir", "Folder of the run.", required=True)
    run.text("export_dir", "Folder of the exported models.", required=True)
    run.choice(
        "format",
        serving.EXPORT_FORMATS,
        f"Writes {serving.model_kinds(article=True)}.",
        "saved_model",
    )
    for option in formats.export_options().values():
        _define_flag(option, values)


def _define_flag(option: serving.ExportOption, values: flags.FlagValues):
    group = FlagGroup(values, option.group)
    text = f"{_scope(option)}{option.help}"
    if option.choices:
        group.choice(option.name, option.choices, text, option.default)
        return
    low, high = option.bounds
    bounds = {"lower_bound": low, "upper_bound": high}
    declare: dict[type, Callable] = {
        bool: group.switch,
        int: functools.partial(group.count, **bounds),
        float: functools.partial(group.number, **bounds),
        str: group.text,
    }
    declare[option.kind](option.name, text, option.default)


def _scope(option: serving.ExportOption) -> str:
    """Start of an option's help: where it has an effect, if not always."""
    defaults = {n: o.default for n, o in formats.export_options().items()}
    if any(defaults[name] == value for name, value in option.needs):
        return ""
    scope = [f"--{name}={value}" for name, value in option.needs]
    return f"{', '.join(scope or formats.formats_with(option))}: "


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Exports the run."""
    del arguments  # none
    export_format = serving.EXPORT_FORMATS[values.format]
    given = {
        name: values[name].value
        for name in formats.export_options()
        if values[name].present
    }
    formats.check_options(export_format, given)  # fails before the work
    run_dir = training.RunDir(values.run_dir)
    exported = serving.export(
        *training.load_run(values.run_dir),
        values.export_dir,
        export_format=export_format,
        options=given,
        run_name=run_dir.path.resolve().name,
        result=run_dir.read_result() if run_dir.is_finished else None,
        source=run_dir.read_source(),
    )
    print(f"exported {exported.path}")
    if exported.model:
        print(
            "next:\n  python -m ssd_tf detect "
            f"--model={shlex.quote(str(exported.model))} IMAGE.jpg "
            "--output_dir=detections"
        )
    if exported.server_script:
        print(f"  sh {shlex.quote(str(exported.server_script))}")
