"""Warm-up requests: their bytes, their pictures, and their answers."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from ssd_tf import InputError
from ssd_tf.serving import warmup
from tests.data.toy_source import ToySource, to_example
from tests.serving.stand_in_server import Model


def official_log(encoded, model_name):
    """The message of tensorflow-serving-api itself."""
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = model_name
    request.model_spec.signature_name = "serving_default"
    request.inputs["input_tensor"].CopyFrom(tf.make_tensor_proto(encoded))
    return log.SerializeToString()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_bytes_are_those_of_tensorflow_serving_api(size):
    """Lengths take one to four bytes."""
    batch = [b"\xff" * size, b"\x00\x80"]
    assert warmup.prediction_log(batch, model_name="cells") == official_log(
        batch, "cells"
    )


def written(path):
    """The batches of a file, after a check of everything else in it."""
    records = tf.data.TFRecordDataset(
        str(path / "assets.extra/tf_serving_warmup_requests")
    )
    batches = []
    for record in records.as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        tensor = log.predict_log.request.inputs["input_tensor"]
        batches.append(tf.make_ndarray(tensor))
        assert record == official_log(batches[-1], "cells")
    return batches


def test_requests_run_in_the_exported_model(small_export, tmp_path):
    images = warmup.synthetic_images()
    warmup.write_warmup(tmp_path, images, model_name="cells")
    batches = written(tmp_path)
    assert [len(batch) for batch in batches] == [1, 2, 4, 8]
    assert batches[-1].tolist() == images
    assert len(set(images)) == 8
    assert {tf.io.decode_jpeg(i).shape for i in images} == {(375, 500, 3)}
    model = Model(small_export, "cells")
    signature = model.signature("cells", "serving_default")
    for batch in batches:
        outputs = model.run(signature, {"input_tensor": batch})
        assert {len(values) for values in outputs.values()} == {len(batch)}
    model.close()


def test_few_images_are_repeated(tmp_path):
    warmup.write_warmup(tmp_path, [b"a", b"b", b"c"], model_name="cells")
    assert [batch.tolist() for batch in written(tmp_path)] == [
        [b"a"],
        [b"a", b"b"],
        [b"a", b"b", b"c", b"a"],
        [b"a", b"b", b"c", b"a", b"b", b"c", b"a", b"b"],
    ]


def source_of(images):
    return ToySource(to_example(image, "?") for image in images)


def test_real_images(pictures):
    """Those that TF Serving would stumble over are left out."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3))
    large = tf.io.encode_png(noise.astype(np.uint8)).numpy()
    assert len(large) > 1 << 20
    source = source_of([b"junk", large, *pictures])
    assert warmup.real_images(source, "train") == pictures
    many = source_of(pictures * 3)
    assert warmup.real_images(many, "train") == (pictures * 2)[:8]
    with pytest.raises(
        InputError,
        match="none of the first 64 images of split 'train' of toy decodes",
    ):
        warmup.real_images(source_of([b"junk"]), "train")
