"""Videos and cameras: frames, times, and what cannot be read."""

import struct
import sys

import av
import numpy as np
import pytest

from ssd_tf import InputError
from ssd_tf.serving import video
from ssd_tf.serving.video import is_video, read_frames, written_video


def make_frames(count, height=48, width=64):
    """Each with a gray of its own, a bright half above."""
    frames = np.full((count, height, width, 3), 40, np.uint8)
    frames += (np.arange(count, dtype=np.uint8) * 10)[:, None, None, None]
    frames[:, : height // 2] += 100
    return frames


def write(path, frames, seconds):
    with written_video(path) as writer:
        for pixels, second in zip(frames, seconds, strict=True):
            writer.write(pixels, second)


def test_frames_and_times_come_back(tmp_path):
    """Also times that are not even."""
    frames, seconds = make_frames(5), [0.0, 0.1, 0.5, 0.6, 2.0]
    path = tmp_path / "clip.mp4"
    write(path, frames, seconds)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]
    found = list(read_frames(str(path)))
    assert [frame.number for frame in found] == [0, 1, 2, 3, 4]
    assert [f.seconds for f in found] == pytest.approx(seconds, abs=1e-4)
    for frame, expected in zip(found, frames, strict=True):
        assert frame.pixels.dtype == np.uint8
        difference = frame.pixels.astype(int) - expected
        assert np.abs(difference).mean() < 4


def test_odd_sides_and_times_that_stand_still(tmp_path):
    path = tmp_path / "clip.mp4"
    write(path, make_frames(3, 33, 45), [0.0, 0.0, 0.0])
    found = list(read_frames(str(path)))
    assert [frame.pixels.shape for frame in found] == [(34, 46, 3)] * 3


def test_a_telephone_held_upright(tmp_path):
    """The matrix of the track turns by 90 degrees clockwise."""
    path = tmp_path / "clip.mp4"
    write(path, make_frames(2), [0.0, 0.1])
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    turned = (0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    content[matrix : matrix + 36] = struct.pack(">9i", *turned)
    path.write_bytes(content)
    pixels = next(read_frames(str(path))).pixels.astype(int)
    assert pixels.shape == (64, 48, 3)
    # What was above is at the right.
    assert pixels[:, 30:].mean() > pixels[:, :18].mean() + 80


def test_what_is_no_video(tmp_path):
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("not a video\n" * 50)
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), np.int16), layout="mono"
        )
        samples.rate = 8000
        container.mux(stream.encode(samples))
    none = tmp_path / "none.mp4"
    for path, message in (
        (empty, "does not open as a video: "),
        (text, "does not open as a video: "),
        (sound, "has no video in it"),
        (none, "cannot be read: No such file or directory"),
    ):
        with pytest.raises(InputError, match=f"^{path} {message}") as error:
            list(read_frames(str(path)))
        assert "\n" not in str(error.value)


def test_a_video_that_lacks_its_index(tmp_path):
    """As a recording that was cut off has none."""
    path = tmp_path / "clip.mp4"
    write(path, make_frames(9), np.arange(9) / 10)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"moov")])
    with pytest.raises(InputError, match="does not open as a video: "):
        list(read_frames(str(path)))


def test_nothing_half_written(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"of an earlier call")
    with pytest.raises(RuntimeError), written_video(path) as writer:
        writer.write(make_frames(1)[0], 0.0)
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]
    assert path.read_bytes() == b"of an earlier call"


def test_without_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    needs = r'clip.mp4 needs av: pip install "ssd_tf\[video\]"'
    with pytest.raises(InputError, match=f"reading {needs}"):
        next(read_frames("clip.mp4"))
    with pytest.raises(InputError, match="writing .*" + needs):
        with written_video(tmp_path / "clip.mp4"):
            pass


@pytest.mark.parametrize(
    "platform, name, place, options",
    [
        ("linux", "camera:0", "/dev/video0", {"format": "v4l2"}),
        ("win32", "camera:Cam", "video=Cam", {"format": "dshow"}),
        (
            *("darwin", "camera:1", "1"),
            {"format": "avfoundation", "options": {"framerate": "30"}},
        ),
    ],
)
def test_where_a_camera_is(monkeypatch, platform, name, place, options):
    monkeypatch.setattr(sys, "platform", platform)
    assert video._place(name) == (place, options)


def test_a_camera_that_is_not_there(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(
        InputError,
        match=r"^camera:987 cannot be opened \(/dev/video987\): No such file",
    ):
        next(read_frames("camera:987"))
    with pytest.raises(InputError, match="expected camera:0, camera:1"):
        next(read_frames("camera:front"))


def test_names_of_videos():
    assert is_video("camera:0") and is_video("a/B.MP4") and is_video("x.webm")
    assert not is_video("a.jpg") and not is_video("mp4")
