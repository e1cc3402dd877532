"""The contract of an export format, and formats from outside the package."""

import dataclasses
import pathlib

import numpy as np
import pytest

from ssd_tf import InputError, TrainConfig, serving
from ssd_tf.serving import EXPORT_FORMATS, formats
from ssd_tf.serving.export_format import DECODER_OPTIONS


def test_names_and_suffixes_tell_formats_apart():
    assert [f.name for f in EXPORT_FORMATS.values()] == list(EXPORT_FORMATS)
    suffixes = {f.suffix for f in EXPORT_FORMATS.values()}
    assert suffixes == {"", ".tflite", ".onnx"}
    assert len(suffixes) == len(EXPORT_FORMATS)
    assert serving.model_kinds() == "SavedModel, .tflite or .onnx file"
    assert serving.model_kinds(article=True) == (
        "a SavedModel, a .tflite or an .onnx file"
    )


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_an_option_of_a_name_is_the_same_everywhere(name):
    known = formats.export_options()
    for option in EXPORT_FORMATS[name].options:
        assert known[option.name] == option
        assert name in formats.formats_with(option)
        for needed, value in option.needs:
            known[needed].check(value)
        if option.default is not None:
            assert isinstance(option.default, option.kind)
            option.check(option.default)
    assert set(DECODER_OPTIONS) <= set(EXPORT_FORMATS[name].options)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_an_export_is_read_again(exported, reference, pictures, name):
    path = exported(name)
    suffix = EXPORT_FORMATS[name].suffix
    where = f"ssd64_small{suffix}" if suffix else "ssd64_small/1"
    assert path.as_posix().endswith(f"/{where}")
    predictor = EXPORT_FORMATS[name].load(path)
    assert predictor.class_names == ("circle", "square", "star", "triangle")
    for found, wanted in zip(
        predictor.detect_batch(pictures), reference, strict=True
    ):
        assert len(found.scores) == len(wanted.scores) > 0
        assert found.classes[0] == wanted.classes[0]
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
        np.testing.assert_allclose(found.boxes[0], wanted.boxes[0], atol=1e-5)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
@pytest.mark.parametrize("load", ["none", "junk"])
def test_what_is_no_model_is_refused(tmp_path, name, load):
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(InputError, match=load):
        EXPORT_FORMATS[name].load(tmp_path / load)


def test_a_format_from_outside(detector, tmp_path):
    half = serving.ExportOption("half", bool, False, "As float16.", "npz")

    def export(request):
        path = request.export_dir / f"{request.run_name}.npz"
        kind = np.float16 if request.options["half"] else np.float32
        np.savez(path, *map(kind, request.model.get_weights()))
        return serving.Exported(path, model=None)

    exported = serving.export(
        *(detector.config, TrainConfig(), detector.model, tmp_path),
        export_format=serving.ExportFormat(
            "npz", ".npz", options=(half,), export=export, load=np.load
        ),
        options={"half": True},
    )
    assert exported.path == tmp_path / "ssd64_small.npz"
    with np.load(exported.path) as found:
        assert {found[name].dtype for name in found} == {np.dtype("float16")}


def request_of(detector, name, **options):
    """The request that an export of the format gets."""
    requests = []

    def keep(request):
        requests.append(request)
        return serving.Exported(request.export_dir, None)

    export_format = dataclasses.replace(EXPORT_FORMATS[name], export=keep)
    serving.export(
        *(detector.config, TrainConfig(), detector.model, "exports"),
        export_format=export_format,
        options=options,
    )
    return requests[0]


def test_options_have_defaults_and_reach_the_decoder(detector):
    request = request_of(detector, "saved_model")
    assert request.options["warmup"] == "synthetic"
    assert request.export_dir == pathlib.Path("exports")
    assert request.decoder.multi_label
    assert request.decoder.score_threshold == 0.25  # the configuration's
    thresholds = {
        "score_threshold": 0.5,
        "nms_iou_threshold": 0.3,
        "max_detections": 7,
        "multi_label": False,
        "agnostic_nms": True,
    }
    decoder = request_of(detector, "litert", **thresholds).decoder
    assert {name: getattr(decoder, name) for name in thresholds} == thresholds


@pytest.mark.parametrize(
    "options, message",
    [
        ({"speed": 1}, "unknown option 'speed'; known: score_threshold, "),
        ({"warmup": "hot"}, "unknown warmup 'hot'; known: synthetic, real, no"),
        (
            {"score_threshold": float("nan")},
            "--score_threshold=nan is no number; expected 0..1",
        ),
        (
            {"nms": False},
            "--nms has no effect with --format=saved_model; it is for "
            "--format=litert and onnx",
        ),
    ],
)
def test_options_that_are_refused(detector, options, message):
    """Before anything is written; the messages are those of the command."""
    with pytest.raises(InputError, match=f"^{message}"):
        request_of(detector, "saved_model", **options)
