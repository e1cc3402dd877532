import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.weights import tensorflow_checkpoint

KERNEL = np.arange(6, dtype="f4").reshape(1, 1, 2, 3)
NET = "ssd_300_vgg/conv1/conv1_1"
V1_VARIABLES = {
    f"{NET}/weights": KERNEL,
    f"{NET}/biases": np.ones(3, "f4"),
    f"{NET}/weights/Momentum": KERNEL,
    f"{NET}/biases/RMSProp_1": np.ones(3, "f4"),
    "global_step": np.int64(5),
    "beta1_power": np.float32(0.9),
    "ssd_300_vgg/block4_box/L2Normalization/gamma": np.full(3, 20, "f4"),
}


def write_v1_names(folder, version=tf.compat.v1.train.SaverDef.V2):
    """A checkpoint of a TF1 training with slots of optimisers."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = {
            name: tf.compat.v1.Variable(value)
            for name, value in V1_VARIABLES.items()
        }
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(variables, write_version=version)
        return saver.save(session, str(folder / "net.ckpt"))


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    return write_v1_names(tmp_path_factory.mktemp("v2"))


def check(weights):
    assert weights.format == "tensorflow"
    assert list(weights.tensors) == [
        "ssd_300_vgg/block4_box/L2Normalization/gamma",
        f"{NET}/biases",
        f"{NET}/weights",
    ]
    for name, array in weights.tensors.items():
        np.testing.assert_array_equal(array, V1_VARIABLES[name])
    assert weights.metadata == {"variables": 7}


@pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001"])
def test_slots_and_counters_are_left_out(prefix, suffix):
    check(tensorflow_checkpoint.read(f"{prefix}{suffix}"))


def test_the_format_in_one_file(tmp_path):
    path = write_v1_names(tmp_path, tf.compat.v1.train.SaverDef.V1)
    check(tensorflow_checkpoint.read(path))


def test_objects_of_tensorflow_2(tmp_path):
    layer = tf.Variable(KERNEL)
    optimizer = tf.Variable(np.int64(7))
    checkpoint = tf.train.Checkpoint(
        net=tf.train.Checkpoint(kernel=layer),
        optimizer=tf.train.Checkpoint(iter=optimizer),
    )
    path = checkpoint.save(str(tmp_path / "x"))
    weights = tensorflow_checkpoint.read(path)
    assert list(weights.tensors) == ["net/kernel"]
    np.testing.assert_array_equal(weights.tensors["net/kernel"], KERNEL)


def test_incomplete_and_damaged_checkpoints(tmp_path):
    prefix = write_v1_names(tmp_path)
    data = tmp_path / "net.ckpt.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(content[:8])
    with pytest.raises(InputError, match="cannot be read: "):
        tensorflow_checkpoint.read(prefix)
    data.unlink()
    with pytest.raises(InputError, match="cannot be read: .*net.ckpt"):
        tensorflow_checkpoint.read(prefix)
    index = tmp_path / "net.ckpt.index"
    index.write_bytes(index.read_bytes()[:-5])
    with pytest.raises(InputError, match="cannot be read: "):
        tensorflow_checkpoint.read(prefix)
    index.unlink()
    with pytest.raises(InputError, match=".index file is missing"):
        tensorflow_checkpoint.read(prefix)
