"""Frames a second of `python -m ssd_tf detect` on a video.

    python benchmarks/video.py --model=RUN --images=FOLDER

A clip of 640 x 480 is made of the photographs, which move to the left, and
detected on whole: decoding, detection, boxes drawn and encoded; and without
the last two. The start of the program and the first batch are left out. Prints
one JSON line, with the seconds that the processor spent, which other work on
the machine disturbs less.
"""

import json
import os
import pathlib
import tempfile
import time

import numpy as np
from absl import app, flags
from PIL import Image

from ssd_tf.commands.detected_video import detect_video
from ssd_tf.serving import Detector, load_predictor
from ssd_tf.serving.video import written_video

_MODEL = flags.DEFINE_string("model", None, "Run or export.", required=True)
_IMAGES = flags.DEFINE_string(
    "images", None, "Folder of JPEG photographs.", required=True
)
_FRAMES = flags.DEFINE_integer("frames", 300, "Frames of the clip.")
_WIDTH, _HEIGHT, _PER_SECOND, _PER_PHOTOGRAPH = 640, 480, 30, 50


def _make_clip(path: pathlib.Path, num_frames: int) -> None:
    photographs = sorted(pathlib.Path(_IMAGES.value).rglob("*.jpg"))
    with written_video(path) as writer:
        for k in range(num_frames):
            place = k // _PER_PHOTOGRAPH % len(photographs)
            with Image.open(photographs[place]) as image:
                picture = image.convert("RGB").resize((_WIDTH, _HEIGHT))
            shifted = np.roll(np.asarray(picture), -2 * k, axis=1)
            writer.write(shifted, k / _PER_SECOND)


def main(argv) -> None:
    del argv
    detector = Detector(load_predictor(_MODEL.value))
    figures: dict[str, object] = {"model": _MODEL.value}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _make_clip(folder / "first.mp4", 8)
        _make_clip(folder / "clip.mp4", _FRAMES.value)
        for part, video in (("drawn", folder / "out.mp4"), ("found", None)):
            how = {"score_threshold": 0.4, "print_json": False, "video": video}
            detect_video(str(folder / "first.mp4"), detector, **how)
            start, cpu = time.perf_counter(), time.process_time()
            count, _ = detect_video(str(folder / "clip.mp4"), detector, **how)
            seconds = time.perf_counter() - start
            figures[part] = {
                "frames_per_second": round(count / seconds, 1),
                "cpu_ms_per_frame": round(
                    1000 * (time.process_time() - cpu) / count, 1
                ),
            }
    figures["load"] = os.getloadavg()[0]
    print(json.dumps(figures))


if __name__ == "__main__":
    app.run(main)
