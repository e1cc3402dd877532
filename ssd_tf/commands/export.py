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
from ssd_tf.commands.flag_groups import FlagGroup, define_checkpoint
from ssd_tf.serving import formats
from ssd_tf.training.run_dir import CONVERTED


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags: those of every export, and the formats' options."""
    run = FlagGroup(values, "run")
    run.text("run_dir", "Folder of the run.", required=True)
    define_checkpoint(run)
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
    _, train_config = run_dir.read_configs()
    found = training.find_weights(run_dir, values.checkpoint or "best")
    weights = {
        "checkpoint": found.name,
        "step": found.step,
        "steps": train_config.steps,
        "finished": run_dir.is_finished,
    }
    exported = serving.export(
        *training.load_run(values.run_dir, checkpoint=found),
        values.export_dir,
        export_format=export_format,
        options=given,
        run_name=run_dir.path.resolve().name,
        result=training.figures_of(run_dir, found),
        weights=weights,
        source=run_dir.read_source(),
    )
    print(f"exported {exported.path}")
    if not run_dir.is_finished and train_config.recipe != CONVERTED:
        print(
            f"the run is unfinished: its {found.name} weights are those of "
            f"step {found.step} of {train_config.steps}"
        )
    elif found.is_best and found.step != run_dir.last_step:
        print(
            f"with the weights of step {found.step}, the run's best "
            "evaluation; --checkpoint=last takes those of step "
            f"{run_dir.last_step}"
        )
    if exported.model:
        print(
            "next:\n  python -m ssd_tf detect "
            f"--model={shlex.quote(str(exported.model))} IMAGE.jpg "
            "--output_dir=detections"
        )
    if exported.server_script:
        print(f"  sh {shlex.quote(str(exported.server_script))}")
