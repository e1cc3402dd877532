import h5py
import keras
import numpy as np
import pytest

from ssd_tf.errors import InputError
from ssd_tf.weights import keras_hdf5

KERNEL = np.arange(6, dtype="f4").reshape(1, 1, 2, 3)
BIAS = np.array([1, 2, 3], "f4")


def write(
    path, root="/", names=("conv1_1", "pool1"), layer_names="layer_names"
):
    """One convolution and a layer without weights, as Keras 2 writes them."""
    with h5py.File(path, "w") as file:
        group = file.require_group(root)
        group.attrs[layer_names] = np.array([n.encode() for n in names])
        group.attrs["keras_version"] = np.bytes_("2.0.8")
        group.attrs["backend"] = np.bytes_("tensorflow")
        for name in names:
            group.create_group(name).attrs["weight_names"] = []
        layer = group[names[0]]
        # A list would become texts of variable length.
        layer.attrs["weight_names"] = np.array(
            [f"{names[0]}/{kind}:0".encode() for kind in ("kernel", "bias")]
        )
        layer[f"{names[0]}/kernel:0"] = KERNEL
        layer[f"{names[0]}/bias:0"] = BIAS
    return path


@pytest.mark.parametrize("root", ["/", "model_weights"])
@pytest.mark.parametrize("layer_names", ["layer_names", "layer_names0"])
def test_weights_and_whole_models(tmp_path, root, layer_names):
    """A list of very many layers is cut into numbered parts."""
    path = write(tmp_path / "x", root, layer_names=layer_names)
    weights = keras_hdf5.read(path)
    assert weights.format == "keras"
    assert list(weights.tensors) == [
        "conv1_1/conv1_1/kernel:0",
        "conv1_1/conv1_1/bias:0",
    ]
    np.testing.assert_array_equal(
        weights.tensors["conv1_1/conv1_1/kernel:0"], KERNEL
    )
    assert weights.metadata == {
        "keras_version": "2.0.8",
        "backend": "tensorflow",
    }


def test_what_keras_itself_writes(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
        ]
    )
    keras.saving.save_model(model, tmp_path / "model.h5")
    tensors = keras_hdf5.read(tmp_path / "model.h5").tensors
    for array, variable in zip(tensors.values(), model.weights, strict=True):
        np.testing.assert_array_equal(array, variable.numpy())


def test_names_that_others_write_as_texts_of_variable_length(tmp_path):
    """Layers and weights are then found by their groups, in Keras' order."""
    path = write(tmp_path / "x")

    def change(file):
        file.attrs["layer_names"] = ["conv1_1", "pool1"]
        file.attrs["keras_version"] = "2.0.8"
        names = ["conv1_1/kernel:0", "conv1_1/bias:0"]
        file["conv1_1"].attrs["weight_names"] = names
        assert file.attrs.get_id("layer_names").dtype.kind == "O"

    edit(path, change)
    weights = keras_hdf5.read(path)
    assert list(weights.tensors) == [
        "conv1_1/conv1_1/kernel:0",
        "conv1_1/conv1_1/bias:0",
    ]
    assert weights.metadata == {"backend": "tensorflow"}
    edit(path, lambda file: file["conv1_1"].create_dataset("alpha:0", (3,)))
    with pytest.raises(InputError, match="place of alpha:0 among them is not"):
        keras_hdf5.read(path)


def edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def link_elsewhere(file):
    del file["conv1_1/conv1_1/bias:0"]
    file["conv1_1/conv1_1/bias:0"] = h5py.ExternalLink("other.h5", "/secret")


def store_elsewhere(file):
    del file["conv1_1/conv1_1/bias:0"]
    file["conv1_1"].create_dataset(
        "conv1_1/bias:0", (2,), "f4", external=[("other", 0, 8)]
    )


def make_huge(file):
    del file["conv1_1/conv1_1/bias:0"]
    file["conv1_1"].create_dataset(
        "conv1_1/bias:0", (1 << 20, 1 << 12), "f4", chunks=(1024, 1024)
    )


def make_text(file):
    del file["conv1_1/conv1_1/bias:0"]
    file["conv1_1"]["conv1_1/bias:0"] = "text"


@pytest.mark.parametrize(
    "change, problem",
    [
        (lambda file: file.attrs.pop("layer_names"), "without layer_names"),
        (lambda file: file.pop("conv1_1"), "no group of its layer conv1_1"),
        (
            lambda file: file.pop("conv1_1/conv1_1/bias:0"),
            "no array conv1_1/conv1_1/bias:0",
        ),
        (
            lambda file: file.attrs.__setitem__("layer_names", [5]),
            "name of type",
        ),
        (link_elsewhere, "lies in another file"),
        (store_elsewhere, "lies in another file"),
        (make_huge, "asks for 17179869"),
        (make_text, "no array of numbers"),
    ],
)
def test_what_is_incomplete_or_leads_elsewhere(tmp_path, change, problem):
    path = write(tmp_path / "x.h5")
    edit(path, change)
    with pytest.raises(InputError, match=problem):
        keras_hdf5.read(path)


def test_shorter_files_are_refused(tmp_path):
    data = write(tmp_path / "x.h5").read_bytes()
    for size in range(8, len(data), 997):
        (tmp_path / "short.h5").write_bytes(data[:size])
        with pytest.raises(InputError, match="is damaged"):
            keras_hdf5.read(tmp_path / "short.h5")
