"""Measure a model on a data set: average precision and kinds of errors.

Prints a table by class. OUTPUT_DIR gets precision_recall.png, errors.png,
confusion.png (what objects were taken for), examples.jpg (ground truth beside
detections), metrics.json (every figure, the curves, and what was measured how)
and detections.json (COCO's results format); those of an earlier call are
replaced.

The figures of a run are by default those of its training: the same data, and
the area under the precision-recall curve. Figures published for VOC 2007 take
eleven points of the curve instead: --method=voc07.
"""

import contextlib
import json
import pathlib
from typing import Any

from absl import flags, logging

from ssd_tf import console, training
from ssd_tf.commands.evaluated_data import choose_data, open_split
from ssd_tf.commands.flag_groups import (
    FlagGroup,
    define_dataset,
    define_max_bad_images,
)
from ssd_tf.commands.predictor_flags import (
    LOOK_FLAGS,
    build_predictor,
    define_look_flags,
    define_model_flag,
)
from ssd_tf.data.sources import NumberedImages, Source
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.errors import InputError
from ssd_tf.evaluation import EvaluatedImage, Measurement, format_result
from ssd_tf.evaluation.coco_results import CocoResultsWriter
from ssd_tf.evaluation.confusion import ConfusionMatrix
from ssd_tf.evaluation.curves import AVERAGE_PRECISION
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.evaluation.plots import (
    plot_confusion,
    plot_error_breakdown,
    plot_precision_recall,
    save_figure,
)
from ssd_tf.files import write_json, written_whole
from ssd_tf.serving import Predictor
from ssd_tf.training.samples import draw_samples

_NUM_EXAMPLES = 4


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    define_model_flag(FlagGroup(values, "model"))
    data = FlagGroup(values, "data")
    define_dataset(data, default="that of the run")
    data.text(
        "split",
        "Split to measure on (default: the run's eval_split, or the one that "
        "the data set has for it).",
    )
    define_max_bad_images(data)
    report = FlagGroup(values, "report")
    report.text("output_dir", "Folder for plots, examples and JSON.")
    report.switch(
        "json", "Print all figures as one JSON line instead of a table."
    )
    figures = FlagGroup(values, "figures")
    figures.choice(
        "method",
        sorted(AVERAGE_PRECISION),
        "AP as the area under the curve, or as VOC 2007 defines it, by eleven "
        "points.",
        "area",
    )
    figures.number(
        "iou_threshold",
        "Lowest IoU of a correct detection, above 0, up to 1; COCO's figures "
        "have their own.",
        0.5,
    )
    figures.switch(
        "plus_one",
        "A box is max - min + 1 pixels long, as in the VOC devkit and in "
        "Caffe.",
    )
    figures.number(
        "score_threshold",
        "Lowest score of the detections whose errors are counted and which are "
        "drawn, 0..1; AP takes all.",
        SCORE_THRESHOLD,
    )
    define_look_flags(values)


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Measures, prints and writes."""
    del arguments  # none
    predictor = build_predictor(values).without_unused_classes()
    data = choose_data(values)
    source, split = open_split(
        data, model=values.model, class_names=predictor.class_names
    )
    measurement, confusion = _build_measurement(values, source)
    folder = console.make_folder("output_dir", values.output_dir)
    usable = UsableImages(source, max_bad_images=values.max_bad_images)
    examples = _measure(
        *(predictor, source, split),
        measurement=measurement,
        confusion=confusion,
        folder=folder,
        usable=usable,
    )
    configuration = {
        "model": values.model,
        "dataset": data.dataset,
        "data_dir": data.data_dir,
        "split": split,
        "num_images": source.num_examples(split),
        "class_names": list(source.class_names),
        **{name: values[name].value for name in LOOK_FLAGS},
    }
    result = {"configuration": configuration, **measurement.result()}
    result["confusion"] = confusion.result()
    if left_out := len(usable.left_out(split)):
        result["images_left_out"] = left_out
    what = f"{source.name} {split}"
    if values.json:
        print(json.dumps(result))
    else:
        print(format_result(result, title=f"{values.model} on {what}"))
    if folder:
        # The end of the path tells models apart and fits on a plot.
        name = "/".join(pathlib.Path(values.model).parts[-2:])
        _write_reports(
            folder,
            result,
            measurement=measurement,
            examples=examples,
            title=f"{name} on {what}",
        )
        logging.info("plots, examples and JSON are in %s", folder)


def _build_measurement(
    values: flags.FlagValues, source: Source
) -> tuple[Measurement, ConfusionMatrix]:
    how = {
        "iou_threshold": values.iou_threshold,
        "plus_one": values.plus_one,
        "score_threshold": values.score_threshold,
    }
    try:
        return (
            Measurement(source.class_names, method=values.method, **how),
            ConfusionMatrix(source.class_names, **how),
        )
    except ValueError as error:
        raise InputError(f"--{error}") from error


def _measure(
    predictor: Predictor,
    source: Source,
    split: str,
    *,
    measurement: Measurement,
    confusion: ConfusionMatrix,
    folder: pathlib.Path | None,
    usable: UsableImages,
) -> list[EvaluatedImage]:
    """Feeds what measures, writes detections, returns examples."""
    num_classes = len(source.class_names)
    with contextlib.ExitStack() as stack:
        writer = None
        if folder:
            image_ids = None
            if isinstance(source, NumberedImages):
                image_ids = source.image_ids(split)
            writer = stack.enter_context(
                CocoResultsWriter(
                    folder / "detections.json",
                    source.category_ids,
                    image_ids=image_ids,
                )
            )

        def on_image(image: EvaluatedImage) -> None:
            confusion.add(image.record(num_classes=num_classes))
            if writer:
                writer.add(image)

        return training.measure(
            predictor.detect,
            source,
            split,
            image_size=predictor.image_size,
            measurement=measurement,
            num_samples=_NUM_EXAMPLES if folder else 0,
            on_image=on_image,
            usable=usable,
        )


def _write_reports(
    folder: pathlib.Path,
    result: dict[str, Any],
    *,
    measurement: Measurement,
    examples: list[EvaluatedImage],
    title: str,
) -> None:
    # First, so that a picture that fails costs no figure.
    write_json(folder / "metrics.json", result)
    precision_recall = plot_precision_recall(
        measurement.voc.curves(),
        average_precision=result["voc"]["AP"],
        title=f"{title}\nprecision over recall at IoU "
        f"{result['voc']['iou_threshold']:g}",
    )
    save_figure(precision_recall, folder / "precision_recall.png")
    errors = plot_error_breakdown(
        result["errors"], title=f"{title}\nerrors by class"
    )
    save_figure(errors, folder / "errors.png")
    confusion = plot_confusion(
        result["confusion"], title=f"{title}\nwhat objects were taken for"
    )
    save_figure(confusion, folder / "confusion.png")
    drawn = draw_samples(
        examples,
        measurement.voc.class_names,
        score_threshold=result["errors"]["score_threshold"],
    )
    with written_whole(folder / "examples.jpg") as file:
        drawn.save(file, quality=92)
