"""Detect objects in pictures; draw them and print them as JSON lines.

Pictures go to OUTPUT_DIR/NAME_detections.jpg, and with --save_labels
annotations to OUTPUT_DIR/labels, to be corrected and trained with. A picture
that cannot be read or decoded is reported, the others are done, and the exit
status is 1.
"""

import contextlib
import json
import pathlib
import sys

from absl import flags, logging

from ssd_tf import console
from ssd_tf.commands.detected_labels import LAYOUTS, DetectedLabels
from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.commands.predictor_flags import (
    build_predictor,
    define_look_flags,
    define_model_flag,
)
from ssd_tf.errors import InputError
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.files import written_whole
from ssd_tf.serving import Detector

ARGUMENTS = "IMAGE ..."


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    detect = FlagGroup(values, "detect")
    define_model_flag(detect)
    detect.text("output_dir", "Folder for the pictures.")
    detect.choice(
        "save_labels",
        LAYOUTS,
        "Also write the detections as annotations, to begin labelling with.",
    )
    detect.switch("json", "Print one JSON line per image.")
    detect.number(
        "score_threshold",
        "Lowest score that is shown.",
        SCORE_THRESHOLD,
        lower_bound=0.0,
        upper_bound=1.0,
    )
    define_look_flags(values)


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Detects on every image."""
    if not arguments:
        raise InputError("no image was given; expected one or more files")
    if not values.output_dir and not values.json:
        raise InputError("nothing to do: give --output_dir, --json or both")
    if values.save_labels and not values.output_dir:
        raise InputError("--save_labels needs --output_dir")
    detector = Detector(build_predictor(values))
    folder = console.make_folder("output_dir", values.output_dir)
    with contextlib.ExitStack() as stack:
        labels = None
        if values.save_labels and folder:
            labels = DetectedLabels(
                folder,
                values.save_labels,
                detector.class_names,
                model=values.model,
            )
            stack.enter_context(labels)
        failed = _detect(values, arguments, detector, folder, labels)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(arguments)} images could not be "
            f"used: {', '.join(failed)}"
        )


def _detect(
    values: flags.FlagValues,
    arguments: list[str],
    detector: Detector,
    folder: pathlib.Path | None,
    labels: DetectedLabels | None,
) -> list[str]:
    """Writes and prints what is found; returns the images that fail."""
    # Pictures of an earlier call may be replaced, the images given may not.
    used = {pathlib.Path(path).name for path in arguments}
    failed = []
    for path in arguments:
        try:
            result = detector(path, score_threshold=values.score_threshold)
        except InputError as error:
            failed.append(path)
            print(f"error: {error}", file=sys.stderr)
            continue
        if folder:
            picture = folder / _picture_name(path, used)
            with written_whole(picture) as file:
                result.draw().save(file, quality=92)
            logging.info(
                "%s: %d objects -> %s", path, len(result.boxes), picture
            )
        if labels:
            labels.add(path, result)
        if values.json:
            print(json.dumps(result.to_dict()), flush=True)
    return failed


def _picture_name(path: str, used: set[str]) -> str:
    """A file name of its own for each image, also for a/x.jpg and b/x.jpg."""
    stem = pathlib.Path(path).stem
    name, count = f"{stem}_detections.jpg", 1
    while name in used:
        count += 1
        name = f"{stem}_{count}_detections.jpg"
    used.add(name)
    return name
