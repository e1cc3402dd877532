"""Exports a trained run as a SavedModel.

    python export.py --run_dir=RUN --export_dir=EXPORTS

writes EXPORTS/<version>/, the layout that TF Serving watches.
"""

import os

from absl import flags

# TensorFlow reads this once, while it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ssd_tf import Decoder, console, serving, training  # noqa: E402

flags.DEFINE_string("run_dir", None, "Folder of the run.", required=True)
flags.DEFINE_string(
    "export_dir", None, "Folder of the exported versions.", required=True
)
flags.DEFINE_integer(
    "version", None, "Version to write (default: the next).", lower_bound=1
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


def main(argv):
    """Exports the run."""
    console.expect_no_arguments(argv)
    config, _, model = training.load_run(FLAGS.run_dir)
    decoder = Decoder(
        config,
        score_threshold=FLAGS.score_threshold,
        nms_iou_threshold=FLAGS.nms_iou_threshold,
        max_detections=FLAGS.max_detections,
    )
    module = serving.DetectionModule(model, config, decoder=decoder)
    version = serving.export_saved_model(
        module, FLAGS.export_dir, version=FLAGS.version
    )
    print(
        f"exported {version}\nnext:\n"
        f"  python -m ssd_tf detect --model={FLAGS.export_dir} IMAGE.jpg "
        "--output_dir=detections"
    )


if __name__ == "__main__":
    console.run(main)
