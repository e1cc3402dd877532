"""Videos and cameras by PyAV, whose wheels bring ffmpeg; extra `[video]`."""

import contextlib
import fractions
import pathlib
import re
import sys
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.files import first_line, written_whole
from ssd_tf.serving.files import require

VIDEO_SUFFIXES = tuple(
    ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm "
    ".wmv".split()
)
_CAMERA = "camera:"
# Of videos and cameras that do not say; only the finest step of time.
_TICKS_PER_SECOND = 90_000


class Frame(NamedTuple):
    """A frame of a video.

    Attributes:
      number: 0, 1, ...
      seconds: since the first frame.
      pixels: [H, W, 3] uint8 RGB, upright.
    """

    number: int
    seconds: float
    pixels: np.ndarray


def is_camera(name: str) -> bool:
    """True of camera:0 and the like."""
    return name.startswith(_CAMERA)


def is_video(name: str) -> bool:
    """True of a camera, and of a file by its suffix."""
    return is_camera(name) or name.lower().endswith(VIDEO_SUFFIXES)


def read_frames(name: str) -> Generator[Frame, None, None]:
    """The frames of a video file or a camera, one by one.

    Args:
      name: a path, or camera:0, camera:1, ... (camera:NAME on Windows).

    Raises:
      InputError: it cannot be opened, holds no video or breaks off, or PyAV is
        not installed.
    """
    av = require("av", extra="video", purpose=f"reading {name}")
    place, options = _place(name) if is_camera(name) else (name, {})
    index = -1
    try:
        with av.open(place, **options) as container:
            if not container.streams.video:
                raise InputError(f"{name} has no video in it")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            first = None
            for index, frame in enumerate(container.decode(stream)):
                seconds = _seconds(frame, index, stream)
                first = seconds if first is None else first
                yield Frame(index, seconds - first, _upright(frame))
    except InputError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(_message(name, place, error, index + 1)) from error
    if index < 0:
        raise InputError(f"{name} holds no frames")


def _place(name: str) -> tuple[str, dict[str, Any]]:
    """What ffmpeg opens for a camera, on Linux, macOS and Windows.

    Raises:
      InputError: it is no number, where a number is needed.
    """
    which = name.removeprefix(_CAMERA)
    if sys.platform == "win32":
        return f"video={which}", {"format": "dshow"}
    if not re.fullmatch(r"\d{1,3}", which):
        raise InputError(f"{name}: expected camera:0, camera:1, ...")
    if sys.platform == "darwin":
        options = {"framerate": "30"}
        return which, {"format": "avfoundation", "options": options}
    return f"/dev/video{which}", {"format": "v4l2"}


def _message(name: str, place: str, error: Exception, num_frames: int) -> str:
    why = first_line(error) if isinstance(error, OSError) else None
    why = why or getattr(error, "strerror", None) or first_line(error)
    if num_frames:
        return f"{name} breaks off after {num_frames} frames: {why}"
    if is_camera(name):
        return f"{name} cannot be opened ({place}): {why}"
    if isinstance(error, OSError):
        return f"{name} cannot be read: {why}"
    return f"{name} does not open as a video: {why}"


def _seconds(frame, index: int, stream) -> float:
    """Of a frame; by its number where the file does not say."""
    if frame.time is not None:
        return frame.time
    return float(index / (stream.average_rate or 25))


def _upright(frame) -> np.ndarray:
    """[H, W, 3] uint8; telephones note how they were held, as Exif does."""
    pixels = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4  # counterclockwise
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


class VideoWriter:
    """Writes frames of one size as H.264 in an .mp4, without sound."""

    def __init__(self, container):
        self._container = container
        self._stream = None
        self._last = -1

    def write(self, pixels: np.ndarray, seconds: float) -> None:
        """Adds a frame [H, W, 3] uint8 RGB, shown from `seconds` on."""
        av = require("av", extra="video", purpose="writing a video")
        height, width = pixels.shape[:2]
        if self._stream is None:
            self._stream = self._add_stream(width, height)
        # Chroma has half the resolution: sides must be even.
        if height % 2 or width % 2:
            pixels = np.pad(
                pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"
            )
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        # Time goes on, whatever the source says.
        self._last = max(round(seconds * _TICKS_PER_SECOND), self._last + 1)
        frame.pts = self._last
        frame.time_base = fractions.Fraction(1, _TICKS_PER_SECOND)
        self._container.mux(self._stream.encode(frame))

    def _add_stream(self, width: int, height: int):
        stream = self._container.add_stream("libx264", rate=30)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"  # what browsers and telephones play
        stream.options = {"preset": "veryfast", "crf": "20"}
        stream.codec_context.time_base = fractions.Fraction(
            1, _TICKS_PER_SECOND
        )
        return stream

    def finish(self) -> None:
        """Writes what the encoder has kept back."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))


@contextlib.contextmanager
def written_video(path: pathlib.Path) -> Iterator[VideoWriter]:
    """A writer of a video that is at `path` after the block, whole.

    Raises:
      InputError: it cannot be written, or PyAV is not installed.
    """
    av = require("av", extra="video", purpose=f"writing {path}")
    with written_whole(path) as temporary:
        with av.open(str(temporary), "w", format="mp4") as container:
            writer = VideoWriter(container)
            yield writer
            writer.finish()
