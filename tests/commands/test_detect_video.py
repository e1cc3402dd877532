"""`python -m ssd_tf detect` on videos, folders, patterns and names."""

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

from ssd_tf import InputError
from ssd_tf.commands import detected_video
from ssd_tf.commands.detected_files import files_of
from ssd_tf.serving import Detector, load_predictor, video
from ssd_tf.serving.video import read_frames, written_video
from tests.commands.test_detect import records

FRAMES = 19  # two batches, and a part of one


@pytest.fixture
def clip(tmp_path):
    """Coloured squares that change in every frame."""
    path = tmp_path / "clips/clip.mp4"
    path.parent.mkdir()
    coarse = np.random.default_rng(0).integers(0, 255, (FRAMES, 6, 8, 3))
    frames = coarse.repeat(10, axis=1).repeat(10, axis=2).astype(np.uint8)
    with written_video(path) as writer:
        for k, pixels in enumerate(frames):
            writer.write(pixels, k / 10)
    return str(path)


def test_frames_are_detected_as_pictures(detect, clip, small_export, tmp_path):
    folder = tmp_path / "out"
    status, out, _ = detect(
        *("--model", small_export, "--output_dir", folder, "--json"),
        *(clip, "--score_threshold=0.1"),
    )
    assert status == 0
    found = records(out)
    assert [record["frame"] for record in found] == list(range(FRAMES))
    assert {record["video"] for record in found} == {clip}
    detector = Detector(load_predictor(small_export))
    count = 0
    for frame, record in zip(read_frames(clip), found, strict=True):
        assert record["seconds"] == pytest.approx(frame.seconds, abs=1e-5)
        expected = detector(frame.pixels, score_threshold=0.1).to_dict()
        assert (record["height"], record["width"]) == (60, 80)
        count += len(expected["detections"])
        rows = zip(record["detections"], expected["detections"], strict=True)
        for one, other in rows:
            assert one["class"] == other["class"]
            assert one["score"] == pytest.approx(other["score"], abs=1e-5)
            assert one["box"] == pytest.approx(other["box"], abs=1e-5)
    assert count > 0
    written = folder / "clip_detections.mp4"
    assert list(folder.iterdir()) == [written]
    drawn = list(read_frames(str(written)))
    assert [frame.seconds for frame in drawn] == pytest.approx(
        [record["seconds"] for record in found], abs=1e-4
    )
    assert drawn[0].pixels.shape == (60, 80, 3)


def test_broken_videos(detect, clip, small_export, tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    folder = tmp_path / "out"
    status, out, err = detect(
        *("--model", small_export, "--output_dir", folder),
        *(empty, clip, "camera:987"),
    )
    assert (status, out) == (1, [])
    assert os.listdir(folder) == ["clip_detections.mp4"]
    errors = [line for line in err if line.startswith("error: ")]
    assert errors[0].startswith(f"error: {empty} does not open as a video: ")
    assert errors[1].startswith("error: camera:987 cannot be opened (")
    assert errors[2] == (
        f"error: 2 of 3 files could not be used: {empty}, camera:987"
    )
    status, _, err = detect(
        *("--model", small_export, "--output_dir", tmp_path / "new", clip),
        "--save_labels=voc",
    )
    assert status == 1
    assert err[-1] == "error: --save_labels is for pictures, not for videos"


def test_a_break_in_the_middle_leaves_nothing(
    clip, small_export, tmp_path, monkeypatch
):
    def broken(name):
        for frame in read_frames(name):
            if frame.number == 12:
                raise InputError(f"{name} breaks off")
            yield frame

    monkeypatch.setattr(detected_video, "read_frames", broken)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(InputError, match="breaks off"):
        detected_video.detect_video(
            clip,
            Detector(load_predictor(small_export)),
            score_threshold=0.1,
            video=folder / "a.mp4",
            print_json=False,
        )
    assert os.listdir(folder) == []


def test_a_stopped_camera_leaves_its_video(
    clip, small_export, tmp_path, monkeypatch
):
    """A file behind the same interface; Ctrl-C comes at the sixth frame."""
    monkeypatch.setattr(video, "_place", lambda name: (clip, {}))
    detector = Detector(load_predictor(small_export))
    detect_frames, calls = detector.detect_frames, []

    def interrupted(frames, **how):
        calls.append(len(frames))
        if len(calls) == 6:
            raise KeyboardInterrupt
        return detect_frames(frames, **how)

    monkeypatch.setattr(detector, "detect_frames", interrupted)
    path = tmp_path / "camera.mp4"
    how = {"score_threshold": 0.1, "video": path, "print_json": False}
    with pytest.raises(KeyboardInterrupt):
        detected_video.detect_video("camera:0", detector, **how)
    assert calls == [1] * 6  # nothing waits for the frames to come
    assert len(list(read_frames(str(path)))) == 5
    path.unlink()
    calls[:] = [8] * 5
    with pytest.raises(KeyboardInterrupt):  # of a file nothing is left
        detected_video.detect_video(clip, detector, **how)
    assert not path.exists()


def test_files_of_folders_patterns_and_names(tmp_path, monkeypatch):
    for name in ("b.jpg", "a.PNG", "c.mp4", "b_detections.jpg", "d.txt"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/[x].jpg").touch()
    text = f"{tmp_path}/c.mp4\n\n{tmp_path}/sub\r\nmissing.jpg"
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    def names(*arguments):
        found = list(files_of(map(str, arguments)))
        assert not any(one.error for one in found)
        return [one.name.removeprefix(f"{tmp_path}/") for one in found]

    assert names(tmp_path) == ["a.PNG", "b.jpg", "c.mp4"]
    assert names(tmp_path / "**/*.jpg") == [
        *("b.jpg", "b_detections.jpg", "sub/[x].jpg")
    ]
    assert names(tmp_path / "sub/[x].jpg", "camera:0") == [
        *("sub/[x].jpg", "camera:0")
    ]
    assert names("-") == ["c.mp4", "sub/[x].jpg", "missing.jpg"]
    (one,) = files_of([str(tmp_path / "*.bmp")])
    assert str(one.error) == f"{tmp_path}/*.bmp matches no file"


def test_names_on_stdin(detect, photos, small_export, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(photos)))
    status, out, _ = detect("--model", small_export, "--json", "-")
    assert status == 0
    assert [record["image"] for record in records(out)] == photos
    with Image.open(photos[0]) as image:
        assert records(out)[0]["width"] == image.width
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, _, err = detect("--model", small_export, "--json", "-")
    assert (status, err[-1]) == (1, "error: standard input names no file")
