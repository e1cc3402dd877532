"""Export a trained run: SavedModel, LiteRT (TFLite) or ONNX.

    --run_dir=RUN --export_dir=EXPORTS

writes EXPORTS/<model_name>/<version>/, the layout that TF Serving watches, and
EXPORTS/serving/ with what TF Serving is started with.

    --run_dir=RUN --export_dir=EXPORTS --format=litert
    --run_dir=RUN --export_dir=EXPORTS --format=onnx

write EXPORTS/<detector>.tflite and .onnx. Nothing is ever overwritten.
"""

import logging
import math
import pathlib
import shlex

from absl import flags
from absl import logging as absl_logging

from ssd_tf import Decoder, serving, training
from ssd_tf.commands.flag_groups import flag_group
from ssd_tf.data import sources
from ssd_tf.errors import InputError


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    run = flag_group(values, "run")
    flags.DEFINE_string(
        "run_dir", None, "Folder of the run.", required=True, **run
    )
    flags.DEFINE_string(
        "export_dir",
        None,
        "Folder of the exported models.",
        required=True,
        **run,
    )
    flags.DEFINE_enum(
        "format",
        "saved_model",
        ["saved_model", "litert", "onnx"],
        "What to write: versions of a SavedModel, or a .tflite or .onnx file.",
        **run,
    )
    detections = flag_group(values, "detections")
    flags.DEFINE_bool(
        "nms",
        True,
        "litert, onnx: detect; --nonms gives the network's own outputs.",
        **detections,
    )
    flags.DEFINE_float(
        "score_threshold",
        None,
        "Lowest score of a detection, 0..1 (default: the run's).",
        lower_bound=0.0,
        upper_bound=1.0,
        **detections,
    )
    flags.DEFINE_float(
        "nms_iou_threshold",
        None,
        "Overlap above which the lower score goes, 0..1 (default: the run's).",
        lower_bound=0.0,
        upper_bound=1.0,
        **detections,
    )
    flags.DEFINE_integer(
        "max_detections",
        None,
        "Detections per image (default: the run's).",
        lower_bound=1,
        **detections,
    )
    data = flag_group(values, "data")
    flags.DEFINE_string(
        "data_dir",
        None,
        "int8, real warm-up: folder of the data set (default: the run's).",
        **data,
    )
    saved_model = flag_group(values, "saved_model")
    flags.DEFINE_string(
        "model_name",
        None,
        "saved_model: name to serve under (default: that of the run's folder).",
        **saved_model,
    )
    flags.DEFINE_integer(
        "version",
        None,
        "saved_model: version to write (default: the next).",
        lower_bound=1,
        upper_bound=serving.MAX_VERSION,
        **saved_model,
    )
    flags.DEFINE_enum(
        "warmup",
        "synthetic",
        ["synthetic", "real", "none"],
        "saved_model: pictures of the requests that TF Serving runs while it "
        "loads the version; real ones are of the run's eval_split and are "
        "stored with the model.",
        **saved_model,
    )
    litert = flag_group(values, "litert")
    flags.DEFINE_enum(
        "quantization",
        "none",
        list(serving.QUANTIZATIONS),
        "litert: float16 halves the file; int8 also calculates in 8 bits, with "
        "ranges from images of the run's data set.",
        **litert,
    )
    flags.DEFINE_string(
        "representative_split",
        None,
        "int8: split of those images (default: the one trained on).",
        **litert,
    )
    flags.DEFINE_integer(
        "representative_images",
        100,
        "int8: number of images.",
        lower_bound=1,
        **litert,
    )


# Flags that some formats have no use for, and flags that others call for.
_FORMATS_OF_FLAG = {
    "model_name": ("saved_model",),
    "version": ("saved_model",),
    "warmup": ("saved_model",),
    "quantization": ("litert",),
    "nms": ("litert", "onnx"),
}
_INT8, _REAL, _NMS = "--quantization=int8", "--warmup=real", "--nms"
_CALLED_FOR_BY = {
    "representative_split": (_INT8,),
    "representative_images": (_INT8,),
    "data_dir": (_INT8, _REAL),
    "score_threshold": (_NMS,),
    "nms_iou_threshold": (_NMS,),
    "max_detections": (_NMS,),
}


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Exports the run."""
    del arguments  # none
    _check_flags(values)
    config, train, model = training.load_run(values.run_dir)
    decoder = Decoder(
        config,
        score_threshold=values.score_threshold,
        nms_iou_threshold=values.nms_iou_threshold,
        max_detections=values.max_detections,
    )
    exported, usable = _EXPORTERS[values.format](
        values, model, config, train, decoder
    )
    print(f"exported {exported}")
    if values.nms:
        print(
            "next:\n  python -m ssd_tf detect "
            f"--model={shlex.quote(str(usable))} IMAGE.jpg "
            "--output_dir=detections"
        )
    if values.format == "saved_model":
        print(
            f"  sh {shlex.quote(values.export_dir + '/serving/docker_run.sh')}"
        )


def _check_flags(values):
    """Raises InputError where a flag was given that would do nothing."""
    for name, formats in _FORMATS_OF_FLAG.items():
        if values[name].present and values.format not in formats:
            raise InputError(
                f"--{name} has no effect with --format={values.format}; it is "
                f"for --format={' and '.join(formats)}"
            )
    given = {
        f"--quantization={values.quantization}",
        f"--warmup={values.warmup}",
        _NMS if values.nms else "--nonms",
    }
    for name, callers in _CALLED_FOR_BY.items():
        if values[name].present and not given.intersection(callers):
            raise InputError(
                f"--{name} has no effect without {' or '.join(callers)}"
            )
    for name in ("score_threshold", "nms_iou_threshold"):
        if math.isnan(values[name].value or 0.0):  # passes absl's bounds
            raise InputError(f"--{name}=nan is no number; expected 0..1")


def _export_saved_model(values, model, config, train, decoder):
    run_dir = training.RunDir(values.run_dir)
    name = serving.check_model_name(
        values.model_name or run_dir.path.resolve().name
    )
    pictures = _warmup_images(values, config, train)
    result = run_dir.read_result() if run_dir.is_finished else None

    def write_extras(version_dir):
        serving.write_labels(version_dir, config.class_names)
        if pictures:
            serving.write_warmup(version_dir, pictures, model_name=name)
        serving.write_model_card(
            version_dir,
            model_name=name,
            architecture=model.name,
            config=config,
            train=train,
            decoder=decoder,
            result=result,
        )

    export_dir = pathlib.Path(values.export_dir)
    version = serving.export_saved_model(
        serving.DetectionModule(model, config, decoder=decoder),
        export_dir / name,
        version=values.version,
        write_extras=write_extras,
    )
    missing = serving.write_server_files(export_dir)
    if missing:
        absl_logging.warning(
            "%s was changed and is left as it is; it lacks %s",
            export_dir / "serving/models.config",
            ", ".join(missing),
        )
    return version, export_dir / name


def _export_litert(values, model, config, train, decoder):
    suffix = "" if values.quantization == "none" else f"_{values.quantization}"
    path = serving.export_litert(
        model,
        config,
        _file(values, model, f"{suffix}.tflite"),
        decoder=decoder,
        quantization=values.quantization,
        representative_images=_representative_images(values, config, train),
        with_nms=values.nms,
    )
    return path, path


def _export_onnx(values, model, config, train, decoder):
    del train
    # It tells of every step.
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    path = serving.export_onnx(
        model,
        config,
        _file(values, model, ".onnx"),
        decoder=decoder,
        with_nms=values.nms,
    )
    return path, path


# Each returns what it wrote, and the path that detect takes.
_EXPORTERS = {
    "saved_model": _export_saved_model,
    "litert": _export_litert,
    "onnx": _export_onnx,
}


def _warmup_images(values, config, train):
    """Encoded pictures for warm-up requests, or none."""
    if values.warmup == "real":
        return serving.real_images(
            _source(values, config, train), train.eval_split
        )
    return serving.synthetic_images() if values.warmup == "synthetic" else []


def _file(values, model, ending: str) -> pathlib.Path:
    raw = "" if values.nms else "_raw"
    return pathlib.Path(values.export_dir) / f"{model.name}{raw}{ending}"


def _representative_images(values, config, train):
    """Images for int8, None for the others, which need none."""
    if values.quantization != "int8":
        return None
    return serving.representative_images(
        _source(values, config, train),
        values.representative_split or train.train_split,
        image_size=config.image_size,
        count=values.representative_images,
    )


def _source(values, config, train):
    """The run's data set."""
    return sources.build_source(
        train.dataset,
        data_dir=values.data_dir or train.data_dir,
        class_names=config.class_names,
    )
