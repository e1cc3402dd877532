"""`ssd_tf.load`: forms of models, forms of pictures, results."""

import io
import json
import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import ssd_tf
from ssd_tf import InputError, commands, serving, training
from ssd_tf.data import images

NAMES = ("circle", "square", "star", "triangle")
EXIF_ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def forms(small_run, small_model, small_export, tmp_path_factory):
    """The small run in every form that can be loaded."""
    config, _ = training.RunDir(small_run).read_configs()
    folder = tmp_path_factory.mktemp("files")
    return {
        "run": small_run,
        "saved_model": small_export.parent,
        "litert": serving.export_litert(
            config, small_model, folder / "small.tflite"
        ),
        "onnx": serving.export_onnx(config, small_model, folder / "small.onnx"),
    }


@pytest.fixture(scope="module")
def detector(small_export):
    """The small detector; it needs no backbone of the tests."""
    return ssd_tf.load(small_export)


class Echo:
    """A model that keeps what it is given and finds one square at the top."""

    def __call__(self, pixels):
        self.pixels = np.asarray(pixels)[0]
        return {
            "detection_boxes": np.float32([[[0, 0, 0.5, 0.25], [0, 0, 1, 1]]]),
            "detection_scores": np.float32([[0.75, 0.25]]),
            "detection_classes": np.float32([[2, 1]]),
            "num_detections": np.float32([2]),
        }


@pytest.fixture
def echo():
    """A detector -> (result, pixels that the model saw) of a picture."""
    model = Echo()
    detect = serving.Detector(serving.Predictor(model, NAMES))

    def call(image, **options):
        return detect(image, **options), model.pixels

    return call


def picture(*channels, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (30, 40, *channels)).astype(np.uint8)


def encode(image, **options):
    encoded = io.BytesIO()
    image.save(encoded, **{"format": "PNG", **options})
    return encoded.getvalue()


def assert_same(found, wanted, *, atol):
    """Equal boxes, scores, labels up to rounding, which may exchange some."""
    assert len(found[0]) == len(wanted[0]) > 10
    np.testing.assert_allclose(found[1], wanted[1], atol=atol)
    rows = np.hstack([found[0], found[2][:, None]])
    for row in np.hstack([wanted[0], wanted[2][:, None]])[:5]:
        assert np.abs(rows - row).max(axis=1).min() <= atol


@pytest.mark.parametrize("form", ["run", "saved_model", "litert", "onnx"])
def test_every_form_of_a_model(
    form, forms, small_module, pictures, small_backbone
):
    """Each finds what the served signature finds in the encoded images."""
    detector = ssd_tf.load(str(forms[form]))
    assert isinstance(detector, serving.Detector)
    assert detector.class_names == NAMES
    atol = {"run": 1e-5, "saved_model": 1e-6}.get(form, 1e-4)
    results = detector(pictures, score_threshold=0.0)
    for encoded, result in zip(pictures, results, strict=True):
        served = small_module.detect_bytes(tf.constant([encoded]))
        count = int(served["num_detections"][0])
        keys = ("detection_boxes", "detection_scores", "detection_classes")
        wanted = [served[key][0, :count].numpy() for key in keys]
        found = (result.boxes, result.scores, result.labels)
        assert_same(found, wanted, atol=atol)
        assert [v.dtype for v in found] == [np.float32, np.float32, np.int32]


def test_result(echo):
    result, _ = echo(picture(3))
    assert result.boxes.dtype == result.scores.dtype == np.float32
    assert result.boxes.tolist() == [[0, 0, 0.5, 0.25]]
    assert result.boxes_px.tolist() == [[0, 0, 15, 10]]
    assert result.scores.tolist() == [0.75]
    assert result.labels.tolist() == [2]
    assert result.names == ["square"]
    assert result.to_dict() == {
        "height": 30,
        "width": 40,
        "detections": [
            {
                "class": "square",
                "label": 2,
                "score": 0.75,
                "box": [0.0, 0.0, 0.5, 0.25],
            }
        ],
    }
    drawn = result.draw()
    assert drawn.size == (40, 30) and drawn.mode == "RGB"
    assert (np.asarray(drawn) != result.pixels).any()
    np.testing.assert_array_equal(result.pixels, picture(3))
    assert repr(result) == "<image: 1 square>"


def test_score_threshold(echo):
    result, _ = echo(picture(3), score_threshold=0.25)
    assert result.names == ["square", "circle"]
    assert result.boxes.shape == (2, 4)
    result, _ = echo(picture(3), score_threshold=0.8)
    assert result.names == [] and result.boxes.shape == (0, 4)
    assert result.to_dict()["detections"] == []
    np.testing.assert_array_equal(result.draw(), result.pixels)


def test_model_without_names():
    """Numbers stand for them."""
    result = serving.Detector(serving.Predictor(Echo(), ()))(picture(3))
    assert result.names == ["2"]
    assert result.draw().size == (40, 30)


def test_list_of_pictures(echo, tmp_path):
    Image.fromarray(picture(3)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    path = tmp_path / "a.png"
    results, _ = echo([str(path), path, content, picture(3)])
    assert [result.image for result in results] == [str(path)] * 2 + [None] * 2
    for result in results:
        np.testing.assert_array_equal(result.pixels, picture(3))
    assert results[0].to_dict()["image"] == str(path)
    assert echo(())[0] == []


def test_dict_is_the_line_of_the_command(
    detector, small_export, tmp_path, capsys, keep_signals
):
    path = tmp_path / "a.png"
    Image.fromarray(picture(3)).save(path)
    with pytest.raises(SystemExit) as stopped:
        commands.main(
            ["detect", f"--model={small_export}", "--json", str(path)]
            + ["--score_threshold=0.1"]
        )
    assert stopped.value.code == 0
    wanted = json.loads(capsys.readouterr().out)
    assert detector(path, score_threshold=0.1).to_dict() == wanted
    assert len(wanted["detections"]) > 0


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "CMYK", "1"])
def test_pil_image_is_seen_as_its_file(echo, mode):
    """And as an array of it, where that is gray or RGB or has alpha."""
    image = Image.fromarray(picture(4), "RGBA" if mode == "RGBA" else None)
    image = image.convert(mode) if mode != "RGBA" else image
    options = {"format": "TIFF"} if mode == "CMYK" else {}
    if options:  # no PNG, and TensorFlow reads no TIFF
        wanted = np.asarray(image.convert("RGB"))
    else:
        wanted = images.decode(encode(image)).numpy()
    _, seen = echo(image)
    assert seen.shape == (30, 40, 3) and seen.dtype == np.uint8
    np.testing.assert_array_equal(seen, wanted)
    if mode in ("RGB", "L", "RGBA"):
        np.testing.assert_array_equal(echo(np.asarray(image))[1], wanted)


def test_pil_image_of_16_bits(echo):
    deep = np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50
    image = Image.fromarray(deep)
    _, seen = echo(image)
    _, of_file = echo(encode(image))
    np.testing.assert_array_equal(seen, of_file)


def test_pil_image_is_turned_upright(echo):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6  # a quarter turn
    encoded = encode(Image.fromarray(picture(3)), format="JPEG", exif=exif)
    result, seen = echo(Image.open(io.BytesIO(encoded)))
    assert seen.shape == (40, 30, 3)
    assert (result.to_dict()["height"], result.to_dict()["width"]) == (40, 30)
    of_file = echo(encoded)[1].astype(int)
    assert np.abs(seen - of_file).max() <= 16  # decoders of JPEG differ


def test_views_of_arrays(echo):
    """Rows of other strides, read-only memory."""
    pixels = picture(3)
    mirrored = pixels[:, ::-1]
    mirrored.flags.writeable = False
    np.testing.assert_array_equal(echo(mirrored)[1], mirrored.copy())


@pytest.mark.parametrize(
    "image, message",
    [
        ("{t}/none.jpg", "{t}/none.jpg cannot be read: No such file or direc"),
        ("{t}", "{t} cannot be read: Is a directory"),
        ("{t}/text.jpg", "{t}/text.jpg does not decode; expected a JPEG, PNG,"),
        (b"junk", "an image of 4 bytes does not decode; expected a JPEG, PNG,"),
        (3, "must be a path, bytes, an array or a PIL image, got int"),
        (None, "must be a path, bytes, an array or a PIL image, got NoneType"),
        (np.zeros((4, 5, 3)), "[H, W, 4] uint8, got [4, 5, 3] float64"),
        (np.zeros((4, 5, 2), np.uint8), "uint8, got [4, 5, 2] uint8"),
        (np.zeros((1, 4, 5, 3), np.uint8), "uint8, got [1, 4, 5, 3] uint8"),
        (np.zeros((0, 5, 3), np.uint8), "uint8, got [0, 5, 3] uint8"),
        (Image.new("F", (4, 5)), "must have 8 or 16 bits, got mode 'F'"),
    ],
)
def test_not_an_image(echo, tmp_path, image, message):
    (tmp_path / "text.jpg").write_text("not an image")
    for put in (str, pathlib.Path) if isinstance(image, str) else (None,):
        given = put(image.format(t=tmp_path)) if put else image
        with pytest.raises(InputError) as caught:
            echo([picture(3), given])
        assert message.format(t=tmp_path) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name, message",
    [
        ("x.onnx", "x.onnx does not exist; expected a run directory, a Saved"),
        ("junk.onnx", "{t}/junk.onnx is not an ONNX model"),
        ("junk.tflite", "{t}/junk.tflite is not a LiteRT model with one"),
        ("junk.pb", "is neither a run directory (it has no config.json) nor a"),
        # A folder may be called so.
        ("folder.onnx", "is neither a run directory (it has no config.json)"),
    ],
)
def test_not_a_model(tmp_path, name, message):
    (tmp_path / "folder.onnx").mkdir()
    for suffix in ("onnx", "pb", "tflite"):
        (tmp_path / f"junk.{suffix}").write_text("junk")
    with pytest.raises(InputError) as caught:
        ssd_tf.load(tmp_path / name)
    assert message.format(t=tmp_path) in str(caught.value)
    assert not str(caught.value).startswith("--model=")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name, module, message",
    [
        ("a.onnx", "onnxruntime", 'onnxruntime: pip install "ssd_tf[onnx]"'),
        (
            "a.tflite",
            "ai_edge_litert.interpreter",
            'ai_edge_litert: pip install "ssd_tf[litert]"',
        ),
    ],
)
def test_extra_that_is_not_installed(
    tmp_path, monkeypatch, name, module, message
):
    path = tmp_path / name
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError) as caught:
        ssd_tf.load(path)
    assert str(caught.value) == f"reading {path} needs {message}"
