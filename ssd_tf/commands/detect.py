"""Detect objects in pictures; draw them and print them as JSON lines.

Pictures go to OUTPUT_DIR/NAME_detections.jpg. A picture that cannot be read
or decoded is reported, the others are done, and the exit status is 1.
"""

import json
import pathlib
import sys

import tensorflow as tf
from absl import flags, logging

from ssd_tf import console, visualization
from ssd_tf.commands.flag_groups import flag_group
from ssd_tf.commands.models import load_predictor
from ssd_tf.data import images
from ssd_tf.errors import InputError
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.serving import Predictor

ARGUMENTS = "IMAGE ..."


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    detect = flag_group(values, "detect")
    flags.DEFINE_string(
        "model",
        None,
        "Run directory, SavedModel, .tflite or .onnx file.",
        required=True,
        **detect,
    )
    flags.DEFINE_string(
        "output_dir", None, "Folder for the pictures.", **detect
    )
    flags.DEFINE_bool("json", False, "Print one JSON line per image.", **detect)
    flags.DEFINE_float(
        "score_threshold",
        SCORE_THRESHOLD,
        "Lowest score that is shown, 0..1.",
        **detect,
    )


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Detects on every image.

    Raises:
      InputError: nothing was asked for, the model cannot be loaded, or some
        images could not be used.
    """
    if not arguments:
        raise InputError("no image was given; expected one or more files")
    if not values.output_dir and not values.json:
        raise InputError("nothing to do: give --output_dir, --json or both")
    predictor = load_predictor(values.model)
    folder = None
    if values.output_dir:
        folder = pathlib.Path(values.output_dir)
        console.make_folder("output_dir", folder)
    # Pictures of an earlier call may be replaced, the images given may not.
    used = {pathlib.Path(path).name for path in arguments}
    failed = []
    for path in arguments:
        try:
            record = _detect(
                predictor,
                path,
                picture=folder and folder / _picture_name(path, used),
                score_threshold=values.score_threshold,
            )
        except InputError as error:
            failed.append(path)
            print(f"error: {error}", file=sys.stderr)
            continue
        if values.json:
            print(json.dumps(record), flush=True)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(arguments)} images could not be "
            f"used: {', '.join(failed)}"
        )


def _detect(
    predictor: Predictor, path: str, *, picture, score_threshold: float
) -> dict:
    """Detects on one image, draws it if asked to, returns its JSON record."""
    encoded = _read(path)
    try:
        pixels = images.decode(encoded).numpy()  # [H, W, 3]
    except tf.errors.InvalidArgumentError as error:
        raise InputError(
            f"{path} does not decode; expected a JPEG, PNG, GIF, BMP or WebP "
            "image"
        ) from error
    found = predictor(encoded)
    shown = found.scores >= score_threshold
    boxes, classes, scores = (
        found.boxes[shown],
        found.classes[shown],
        found.scores[shown],
    )
    if picture is not None:
        drawn = visualization.draw_boxes(
            pixels, boxes, classes, predictor.class_names, scores=scores
        )
        drawn.save(picture, quality=92)
        logging.info("%s: %d objects -> %s", path, len(boxes), picture)
    height, width = pixels.shape[:2]
    return {
        "image": path,
        "height": height,
        "width": width,
        "detections": [
            {
                "class": predictor.class_names[label - 1],
                "label": int(label),
                "score": round(float(score), 6),
                # ymin, xmin, ymax, xmax, as everywhere in ssd_tf
                "box": [round(float(v), 6) for v in box],
            }
            for box, label, score in zip(boxes, classes, scores, strict=True)
        ],
    }


def _read(path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _picture_name(path: str, used: set[str]) -> str:
    """A file name of its own for each image, also for a/x.jpg and b/x.jpg."""
    stem = pathlib.Path(path).stem
    name, count = f"{stem}_detections.jpg", 1
    while name in used:
        count += 1
        name = f"{stem}_{count}_detections.jpg"
    used.add(name)
    return name
