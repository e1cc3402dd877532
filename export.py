"""Exports a trained run: SavedModel, LiteRT (TFLite) or ONNX.

    python export.py --run_dir=RUN --export_dir=EXPORTS

writes EXPORTS/<model_name>/<version>/, the layout that TF Serving watches, and
EXPORTS/serving/ with what TF Serving is started with.

    python export.py --run_dir=RUN --export_dir=EXPORTS --format=litert
    python export.py --run_dir=RUN --export_dir=EXPORTS --format=onnx

write EXPORTS/<detector>.tflite and .onnx. Nothing is ever overwritten.
"""

import logging
import math
import os
import pathlib
import shlex

from absl import flags
from absl import logging as absl_logging

# TensorFlow reads this once, while it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ssd_tf import Decoder, console, serving, training  # noqa: E402
from ssd_tf.data import registry  # noqa: E402
from ssd_tf.errors import InputError  # noqa: E402

flags.DEFINE_string("run_dir", None, "Folder of the run.", required=True)
flags.DEFINE_string(
    "export_dir", None, "Folder of the exported models.", required=True
)
flags.DEFINE_enum(
    "format",
    "saved_model",
    ["saved_model", "litert", "onnx"],
    "What to write: versions of a SavedModel, or a .tflite or .onnx file.",
)
flags.DEFINE_string(
    "model_name",
    None,
    "saved_model: name to serve under (default: that of the run's folder).",
)
flags.DEFINE_integer(
    "version",
    None,
    "saved_model: version to write (default: the next).",
    lower_bound=1,
    upper_bound=serving.MAX_VERSION,
)
flags.DEFINE_enum(
    "warmup",
    "synthetic",
    ["synthetic", "real", "none"],
    "saved_model: pictures of the requests that TF Serving runs while it "
    "loads the version; real ones are of the run's eval_split and are stored "
    "with the model.",
)
flags.DEFINE_enum(
    "quantization",
    "none",
    list(serving.QUANTIZATIONS),
    "litert: float16 halves the file; int8 also calculates in 8 bits, with "
    "ranges from images of the run's data set.",
)
flags.DEFINE_string(
    "representative_split",
    None,
    "int8: split of those images (default: the one trained on).",
)
flags.DEFINE_integer(
    "representative_images", 100, "int8: number of images.", lower_bound=1
)
flags.DEFINE_string(
    "data_dir",
    None,
    "int8, real warm-up: folder of the data set (default: the run's).",
)
flags.DEFINE_bool(
    "nms",
    True,
    "litert, onnx: detect; --nonms gives the network's own outputs.",
)
flags.DEFINE_float(
    "score_threshold",
    None,
    "Lowest score of a detection, 0..1 (default: the run's).",
    lower_bound=0.0,
    upper_bound=1.0,
)
flags.DEFINE_float(
    "nms_iou_threshold",
    None,
    "Overlap above which the lower score goes, 0..1 (default: the run's).",
    lower_bound=0.0,
    upper_bound=1.0,
)
flags.DEFINE_integer(
    "max_detections",
    None,
    "Detections per image (default: the run's).",
    lower_bound=1,
)

FLAGS = flags.FLAGS

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


def main(argv):
    """Exports the run."""
    console.expect_no_arguments(argv)
    _check_flags()
    config, train, model = training.load_run(FLAGS.run_dir)
    decoder = Decoder(
        config,
        score_threshold=FLAGS.score_threshold,
        nms_iou_threshold=FLAGS.nms_iou_threshold,
        max_detections=FLAGS.max_detections,
    )
    exported, usable = _EXPORTERS[FLAGS.format](model, config, train, decoder)
    print(f"exported {exported}")
    if FLAGS.nms:
        print(
            "next:\n  python -m ssd_tf detect "
            f"--model={shlex.quote(str(usable))} IMAGE.jpg "
            "--output_dir=detections"
        )
    if FLAGS.format == "saved_model":
        print(
            f"  sh {shlex.quote(FLAGS.export_dir + '/serving/docker_run.sh')}"
        )


def _check_flags():
    """Raises InputError where a flag was given that would do nothing."""
    for name, formats in _FORMATS_OF_FLAG.items():
        if FLAGS[name].present and FLAGS.format not in formats:
            raise InputError(
                f"--{name} has no effect with --format={FLAGS.format}; it is "
                f"for --format={' and '.join(formats)}"
            )
    given = {
        f"--quantization={FLAGS.quantization}",
        f"--warmup={FLAGS.warmup}",
        _NMS if FLAGS.nms else "--nonms",
    }
    for name, callers in _CALLED_FOR_BY.items():
        if FLAGS[name].present and not given.intersection(callers):
            raise InputError(
                f"--{name} has no effect without {' or '.join(callers)}"
            )
    for name in ("score_threshold", "nms_iou_threshold"):
        if math.isnan(FLAGS[name].value or 0.0):  # passes absl's bounds
            raise InputError(f"--{name}=nan is no number; expected 0..1")


def _export_saved_model(model, config, train, decoder):
    run_dir = training.RunDir(FLAGS.run_dir)
    name = serving.check_model_name(
        FLAGS.model_name or run_dir.path.resolve().name
    )
    pictures = _warmup_images(config, train)
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

    export_dir = pathlib.Path(FLAGS.export_dir)
    version = serving.export_saved_model(
        serving.DetectionModule(model, config, decoder=decoder),
        export_dir / name,
        version=FLAGS.version,
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


def _export_litert(model, config, train, decoder):
    suffix = "" if FLAGS.quantization == "none" else f"_{FLAGS.quantization}"
    path = serving.export_litert(
        model,
        config,
        _file(model, f"{suffix}.tflite"),
        decoder=decoder,
        quantization=FLAGS.quantization,
        representative_images=_representative_images(config, train),
        with_nms=FLAGS.nms,
    )
    return path, path


def _export_onnx(model, config, train, decoder):
    del train
    # It tells of every step.
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    path = serving.export_onnx(
        model,
        config,
        _file(model, ".onnx"),
        decoder=decoder,
        with_nms=FLAGS.nms,
    )
    return path, path


# Each returns what it wrote, and the path that detect takes.
_EXPORTERS = {
    "saved_model": _export_saved_model,
    "litert": _export_litert,
    "onnx": _export_onnx,
}


def _warmup_images(config, train):
    """Encoded pictures for warm-up requests, or none."""
    if FLAGS.warmup == "real":
        return serving.real_images(_source(config, train), train.eval_split)
    return serving.synthetic_images() if FLAGS.warmup == "synthetic" else []


def _file(model, ending: str) -> pathlib.Path:
    raw = "" if FLAGS.nms else "_raw"
    return pathlib.Path(FLAGS.export_dir) / f"{model.name}{raw}{ending}"


def _representative_images(config, train):
    """Images for int8, None for the others, which need none."""
    if FLAGS.quantization != "int8":
        return None
    return serving.representative_images(
        _source(config, train),
        FLAGS.representative_split or train.train_split,
        image_size=config.image_size,
        count=FLAGS.representative_images,
    )


def _source(config, train):
    """The run's data set."""
    return registry.build_source(
        train.dataset,
        data_dir=FLAGS.data_dir or train.data_dir,
        class_names=config.class_names,
    )


if __name__ == "__main__":
    console.run(main)
