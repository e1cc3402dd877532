"""The exported model: signatures, inputs, batches."""

import dataclasses
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf import Decoder, InputError, build_detector, serving
from ssd_tf.data.sources import shapes_drawing

OUTPUTS = {
    "detection_boxes": (None, 200, 4),
    "detection_scores": (None, 200),
    "detection_classes": (None, 200),
    "num_detections": (None,),
}
NAMES = "detection_class_names"
CLASS_NAMES = [name.encode() for name in shapes_drawing.CLASS_NAMES]


@pytest.fixture(scope="module")
def loaded(small_export):
    """Held for as long as its signatures are used."""
    return tf.saved_model.load(str(small_export))


@pytest.fixture
def serve(loaded):
    """Images' bytes -> outputs of serving_default in NumPy."""

    def call(*encoded):
        signature = loaded.signatures["serving_default"]
        outputs = signature(input_tensor=tf.constant(encoded, tf.string))
        return {name: value.numpy() for name, value in outputs.items()}

    return call


def assert_close(found, expected):
    """Numbers nearly the same, strings the same."""
    if expected.dtype == object:
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, atol=1e-5)


def assert_valid(outputs, batch_size, *, count=None):
    """Names, shapes and order that a client may rely on."""
    assert set(outputs) == {*OUTPUTS, NAMES}
    for name, shape in OUTPUTS.items():
        assert outputs[name].shape == (batch_size, *shape[1:])
        assert outputs[name].dtype == np.float32
        assert np.isfinite(outputs[name]).all()
    boxes, scores = outputs["detection_boxes"], outputs["detection_scores"]
    assert boxes.min() >= 0 and boxes.max() <= 1
    for i, number in enumerate(outputs["num_detections"].astype(int)):
        assert count is None or number == count
        assert (np.diff(scores[i]) <= 0).all()
        classes = outputs["detection_classes"][i]
        assert set(classes[:number]) <= {1.0, 2.0, 3.0, 4.0}
        assert not classes[number:].any() and not scores[i, number:].any()
        assert not boxes[i, number:].any()
        names = [b"", *CLASS_NAMES]
        expected = [names[int(label)] for label in classes]
        assert outputs[NAMES][i].tolist() == expected


def test_every_signature_has_a_batch(loaded):
    """Names of classes have none: they are for those who load the model."""
    assert set(loaded.signatures) == {"serving_default", "image_tensor", "raw"}
    for signature in loaded.signatures.values():
        for output in signature.structured_outputs.values():
            assert output.shape[0] is None
    assert loaded.class_names()["class_names"].numpy().tolist() == CLASS_NAMES


@pytest.mark.parametrize(
    "name, dtype, shape",
    [
        ("serving_default", tf.string, [None]),
        ("image_tensor", tf.uint8, [None, None, None, 3]),
    ],
)
def test_signatures_of_the_object_detection_api(loaded, name, dtype, shape):
    signature = loaded.signatures[name]
    _, inputs = signature.structured_input_signature
    assert list(inputs) == ["input_tensor"]
    assert inputs["input_tensor"].dtype == dtype
    assert inputs["input_tensor"].shape.as_list() == shape
    outputs = signature.structured_outputs
    shapes = {n: tuple(s.shape) for n, s in outputs.items()}
    assert shapes.pop(NAMES) == (None, 200)
    assert shapes == OUTPUTS
    dtypes = {n: s.dtype for n, s in outputs.items()}
    assert dtypes.pop(NAMES) == tf.string
    assert set(dtypes.values()) == {tf.float32}


def test_raw_signature_is_the_network(loaded, small_model):
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3))
    pixels = tf.constant(pixels, tf.float32)
    signature = loaded.signatures["raw"]
    outputs = signature(input_tensor=pixels)
    expected = small_model(pixels, training=False)
    assert set(outputs) == {"logits", "localisations"}
    for name, value in outputs.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-4)
        assert signature.structured_outputs[name].shape[0] is None


def test_weights_are_constants_stored_once(loaded, small_export, small_model):
    assert not loaded.signatures["serving_default"].variables
    graph = (small_export / "saved_model.pb").read_bytes()
    largest = max((v.numpy() for v in small_model.weights), key=np.size)
    assert graph.count(largest.tobytes()) == 1


def test_batch_of_all_formats(serve, pictures):
    outputs = serve(*pictures)
    assert_valid(outputs, len(pictures))
    assert (outputs["num_detections"] > 0).all()
    # Other pictures have other detections.
    scores = outputs["detection_scores"]
    assert all(np.abs(s - scores[0]).max() > 1e-4 for s in scores[1:])


@pytest.mark.parametrize("index", [1, 2])
def test_pixels_give_what_their_file_gives(loaded, serve, pictures, index):
    pixels = np.asarray(Image.open(io.BytesIO(pictures[index])))
    outputs = loaded.signatures["image_tensor"](
        input_tensor=tf.constant(np.stack([pixels, pixels]))
    )
    outputs = {name: value.numpy() for name, value in outputs.items()}
    assert_valid(outputs, 2)
    for name, expected in serve(pictures[index]).items():
        for value in outputs[name]:
            assert_close(value, expected[0])


def test_answers_are_those_of_the_model(serve, small_module, pictures):
    expected = small_module.detect_bytes(tf.constant(pictures))
    for name, value in serve(*pictures).items():
        assert_close(value, expected[name].numpy())


def test_nothing_found_is_finite(small_detector, small_network, pictures):
    model = build_detector(small_detector, backbone=small_network)
    nothing = Decoder(small_detector, score_threshold=1.0)
    module = serving.DetectionModule(small_detector, model, decoder=nothing)
    outputs = module.detect_bytes(tf.constant(pictures[:2]))
    outputs = {name: value.numpy() for name, value in outputs.items()}
    assert_valid(outputs, 2, count=0)
    # JSON of TF Serving has no NaN.
    names = outputs.pop(NAMES)
    assert set(names.ravel()) == {b""}
    json.dumps({n: v.tolist() for n, v in outputs.items()}, allow_nan=False)


_ALONE = """
import sys
import numpy as np

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "ssd_tf":
            raise ImportError("ssd_tf is blocked")

sys.meta_path.insert(0, Blocker())
try:
    import ssd_tf
except ImportError as error:
    assert "is blocked" in str(error)
else:
    raise SystemExit("ssd_tf was imported")
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
images = tf.constant([open(path, "rb").read() for path in sys.argv[3:]])
outputs = model.signatures["serving_default"](input_tensor=images)
assert not any(name.split(".")[0] == "ssd_tf" for name in sys.modules)
names = "detection_class_names"
np.savez(sys.argv[2],
    **{n: v.numpy() for n, v in outputs.items() if n != names},
    **{names: outputs[names].numpy().astype(bytes)})
"""


def test_loads_where_ssd_tf_is_not(tmp_path, small_export, serve, pictures):
    paths = [tmp_path / str(i) for i in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(picture)
    subprocess.run(
        [sys.executable, "-I", "-c", _ALONE, small_export, "found.npz", *paths],
        check=True,
        cwd=tmp_path,
    )
    with np.load(tmp_path / "found.npz") as found:
        for name, expected in serve(*pictures).items():
            assert_close(found[name], expected)


def test_thresholds_can_be_set(small_model, small_detector, pictures):
    strict = Decoder(small_detector, max_detections=3)
    module = serving.DetectionModule(
        small_detector, small_model, decoder=strict
    )
    outputs = module.detect_bytes(tf.constant(pictures[:1]))
    assert outputs["detection_boxes"].shape == (1, 3, 4)


def test_model_without_class_names(small_model, small_detector, pictures):
    module = serving.DetectionModule(
        dataclasses.replace(small_detector, class_names=()),
        small_model,
    )
    assert module.class_names()["class_names"].shape == (0,)
    outputs = module.detect_bytes(tf.constant(pictures[:1]))
    names = outputs["detection_class_names"][0].numpy().astype(str)
    classes = outputs["detection_classes"][0].numpy().astype(int)
    assert classes.any()
    assert names.tolist() == [str(c) if c else "" for c in classes]


def test_file_in_the_way(small_module, tmp_path):
    (tmp_path / "file").write_text("keep")
    for path in ("file", "file/exports"):
        with pytest.raises(InputError, match=f"^{tmp_path / path} (is|cannot)"):
            serving.export_saved_model(small_module, tmp_path / path)
    assert (tmp_path / "file").read_text() == "keep"
