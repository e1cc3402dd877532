"""Detect objects in pictures and videos; draw them, print them as JSON lines.

FILE is a picture, a video, a folder of them, a pattern such as 'photos/*.jpg',
- for names on standard input, or camera:0. Pictures go to
OUTPUT_DIR/NAME_detections.jpg, videos to OUTPUT_DIR/NAME_detections.mp4, and
with --save_labels annotations of pictures to OUTPUT_DIR/labels, to be
corrected and trained with. What cannot be read or decoded is reported, the
others are done, and the exit status is 1.
"""

import contextlib
import json
import pathlib
import sys

from absl import flags, logging

from ssd_tf import console
from ssd_tf.commands.detected_files import OWN_MARK, Given, files_of
from ssd_tf.commands.detected_labels import LAYOUTS, DetectedLabels
from ssd_tf.commands.detected_video import detect_video
from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.commands.predictor_flags import (
    build_predictor,
    define_look_flags,
    define_model_flag,
    define_score_threshold,
)
from ssd_tf.errors import InputError
from ssd_tf.files import written_whole
from ssd_tf.serving import Detector
from ssd_tf.serving.video import is_video

ARGUMENTS = "FILE ..."


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    detect = FlagGroup(values, "detect")
    define_model_flag(detect)
    detect.text("output_dir", "Folder for the pictures and videos.")
    detect.choice(
        "save_labels",
        LAYOUTS,
        "Also write the detections as annotations, to begin labelling with.",
    )
    detect.switch(
        "json", "Print one JSON line per image, and per frame of a video."
    )
    define_score_threshold(detect, "Lowest score that is shown.")
    define_look_flags(values)


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Detects on every image."""
    if not arguments:
        raise InputError("no image was given; expected one or more files")
    if not values.output_dir and not values.json:
        raise InputError("nothing to do: give --output_dir, --json or both")
    if values.save_labels and not values.output_dir:
        raise InputError("--save_labels needs --output_dir")
    given = list(files_of(arguments))
    if values.save_labels and any(is_video(one.name) for one in given):
        raise InputError("--save_labels is for pictures, not for videos")
    if not given:
        raise InputError("standard input names no file")
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
        failed = _detect(values, given, detector, folder, labels)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(given)} files could not be "
            f"used: {', '.join(failed)}"
        )


def _detect(
    values: flags.FlagValues,
    given: list[Given],
    detector: Detector,
    folder: pathlib.Path | None,
    labels: DetectedLabels | None,
) -> list[str]:
    """Writes and prints what is found; returns the names that fail."""
    # Pictures of an earlier call may be replaced, the files given may not.
    used = {pathlib.Path(one.name).name for one in given}
    failed = []
    for name, error_of_name in given:
        result = None
        try:
            if error_of_name:
                raise error_of_name
            if is_video(name):
                _detect_video(values, name, detector, folder, used)
            else:
                result = detector(name, score_threshold=values.score_threshold)
        except InputError as error:
            failed.append(name)
            print(f"error: {error}", file=sys.stderr)
        if result is not None:
            _show(values, name, result, folder, used, labels)
    return failed


def _show(values, path, result, folder, used, labels) -> None:
    """Draws and prints what was found in a picture."""
    if folder:
        picture = folder / _own_name(path, ".jpg", used)
        with written_whole(picture) as file:
            result.draw().save(file, quality=92)
        logging.info("%s: %d objects -> %s", path, len(result.boxes), picture)
    if labels:
        labels.add(path, result)
    if values.json:
        print(json.dumps(result.to_dict()), flush=True)


def _detect_video(values, name, detector, folder, used) -> None:
    video = folder / _own_name(name, ".mp4", used) if folder else None
    num_frames, num_objects = detect_video(
        name,
        detector,
        score_threshold=values.score_threshold,
        video=video,
        print_json=values.json,
    )
    if video:
        logging.info(
            "%s: %d objects in %d frames -> %s",
            *(name, num_objects, num_frames, video),
        )


def _own_name(path: str, suffix: str, used: set[str]) -> str:
    """A file name of its own for each file, also for a/x.jpg and b/x.jpg."""
    stem = pathlib.Path(path).stem.replace(":", "_")  # of camera:0
    name, count = f"{stem}{OWN_MARK}{suffix}", 1
    while name in used:
        count += 1
        name = f"{stem}_{count}{OWN_MARK}{suffix}"
    used.add(name)
    return name
