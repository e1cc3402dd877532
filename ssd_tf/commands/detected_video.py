"""Detection on the frames of a video or a camera."""

import contextlib
import itertools
import json
import pathlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from ssd_tf.serving import DetectionResult, Detector
from ssd_tf.serving.video import (
    Frame,
    is_camera,
    read_frames,
    written_video,
)

_BATCH_SIZE = 8

Found = list[tuple[Frame, DetectionResult]]


def detect_video(
    name: str,
    detector: Detector,
    *,
    score_threshold: float,
    video: pathlib.Path | None,
    print_json: bool,
) -> tuple[int, int]:
    """Detects on every frame; draws and prints what is found.

    Decoding of the next frames, detection, and drawing of the last ones run at
    the same time. Ctrl-C ends a camera's video, which is kept.

    Args:
      name: of a video file or a camera.
      score_threshold: lowest score of an object.
      video: path of the .mp4 with boxes; None for none.
      print_json: one line for each frame.

    Returns:
      the number of frames, and of objects in all of them.

    Raises:
      InputError: it cannot be read, or the video not be written. No part of
        the video is left.
    """
    # What a camera shows now is not to wait for seven frames more.
    batch_size = 1 if is_camera(name) else _BATCH_SIZE
    num_frames = num_objects = 0
    stopped = None
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(written_video(video)) if video else None
        frames = stack.enter_context(contextlib.closing(read_frames(name)))

        def show(found: Found) -> None:
            for frame, result in found:
                if print_json:
                    print(json.dumps(_to_dict(name, frame, result)), flush=True)
                if writer:
                    writer.write(np.asarray(result.draw()), frame.seconds)

        def detect(batch: list[Frame]) -> Found:
            results = detector.detect_frames(
                [frame.pixels for frame in batch],
                score_threshold=score_threshold,
            )
            return list(zip(batch, results, strict=True))

        try:
            steps = _overlapped(frames, detect, show, batch_size)
            with contextlib.closing(steps) as batches:
                for found in batches:
                    num_frames += len(found)
                    num_objects += sum(len(one.boxes) for _, one in found)
        except KeyboardInterrupt as error:
            if not is_camera(name) or not num_frames:
                raise
            stopped = error
    if stopped:
        raise stopped
    return num_frames, num_objects


def _overlapped(
    frames: Iterator[Frame],
    detect: Callable[[list[Frame]], Found],
    show: Callable[[Found], None],
    batch_size: int,
) -> Generator[Found, None, None]:
    """What was shown of each batch, with the three steps in three threads."""

    def read() -> list[Frame]:
        return list(itertools.islice(frames, batch_size))

    shown: Future | None = None
    with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as showing:
        coming = reading.submit(read)
        while batch := coming.result():
            coming = reading.submit(read)
            found = detect(batch)
            if shown:
                shown.result()
            shown = showing.submit(show, found)
            yield found
        if shown:
            shown.result()


def _to_dict(name: str, frame: Frame, result: DetectionResult) -> dict:
    return {
        "video": name,
        "frame": frame.number,
        "seconds": round(frame.seconds, 6),
        **result.to_dict(),
    }
