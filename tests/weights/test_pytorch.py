import numpy as np
import pytest

from ssd_tf.errors import InputError
from ssd_tf.weights import pytorch
from tests.weights.torch_files import (
    FILES,
    legacy_file,
    state_dict,
    tensor,
    zip_file,
)

SIX = np.arange(6, dtype="<f4").tobytes()


def parse(name):
    return pytorch.parse((FILES / name).read_bytes())


@pytest.mark.parametrize(
    "name, metadata",
    [
        ("zip.pth", {"container": "zip"}),
        ("legacy.pth", {"container": "legacy"}),
        (
            "wrapped_zip.pth",
            {"container": "zip", "wrapped_in": "model", "iteration": 120000},
        ),
    ],
)
def test_the_values_are_those_that_were_saved(name, metadata):
    weights = parse(name)
    with np.load(FILES / "values.npz") as values:
        assert list(weights.tensors) == list(values)
        for key in values:
            array = weights.tensors[key]
            assert array.shape == values[key].shape
            np.testing.assert_array_equal(array.astype("f4"), values[key])
    assert weights.format == "pytorch"
    assert weights.metadata == metadata


@pytest.mark.parametrize(
    "name",
    ["dtypes_zip.pth", "dtypes_legacy.pth", "protocol4.pth"]
    + ["no_checksums.pth"],
)
def test_every_dtype_stride_and_protocol(name):
    """Of numbers 8 to 64 bits, expanded, transposed, sliced and stepped."""
    tensors = parse(name).tensors
    with np.load(FILES / "dtypes.npz") as values:
        for key in values:
            assert tensors[key].dtype == values[key].dtype, key
            assert tensors[key].shape == values[key].shape, key
            np.testing.assert_array_equal(tensors[key], values[key])
    assert ("attr" in tensors) == (name == "protocol4.pth")


def test_a_checkpoint_of_training_gives_its_state_dict():
    """Of DataParallel, beside Adam's state, a schedule and NumPy's numbers."""
    weights = parse("training.pth")
    assert {k: v.shape for k, v in weights.tensors.items()} == {
        "0.weight": (4, 3, 3, 3),
        "0.bias": (4,),
        "1.weight": (4,),
        "1.bias": (4,),
        "1.running_mean": (4,),
        "1.running_var": (4,),
        "1.num_batches_tracked": (),
    }
    assert weights.metadata == {
        "container": "zip",
        "epoch": 3,
        "best": 0.5,
        "best32": 0.25,
        "wrapped_in": "state_dict",
        "prefix": "module.",
    }


def test_shared_storages_are_one_array():
    tensors = parse("zip.pth").tensors
    assert np.shares_memory(tensors["shared_a"], tensors["shared_b"])


def test_a_storage_may_be_big_endian():
    content = np.arange(6, dtype=">f4").tobytes()
    data = zip_file(state_dict(a=tensor()), {"0": content}, byteorder="big")
    np.testing.assert_array_equal(pytorch.parse(data).tensors["a"], [0, 1])
    with pytest.raises(InputError, match="neither little nor big"):
        data = zip_file(state_dict(), byteorder="middle")
        pytorch.parse(data)


def test_a_view_of_the_oldest_files_is_a_part_of_its_storage():
    view = b"(X\x01\x00\x00\x00vK\x02K\x03t"
    pickle = state_dict(a=tensor((2,), (2,), view=view))
    data = legacy_file(pickle, {"0": (6, SIX)})
    np.testing.assert_array_equal(pytorch.parse(data).tensors["a"], [2, 4])
    pickle = state_dict(a=tensor((2,), (3,), view=view))
    with pytest.raises(InputError, match="does not fit into its storage of 3"):
        pytorch.parse(legacy_file(pickle, {"0": (6, SIX)}))
    beyond = view.replace(b"K\x03", b"K\x05")
    with pytest.raises(InputError, match="view beyond the end"):
        pickle = state_dict(a=tensor(view=beyond))
        pytorch.parse(legacy_file(pickle, {"0": (6, SIX)}))


@pytest.mark.parametrize(
    "shape, strides, offset, message",
    [
        ((7,), (1,), 0, "does not fit"),
        ((2, 3), (3, 2), 0, "does not fit"),
        ((1,), (1,), 6, "does not fit"),
        ((1 << 40,), (1,), 0, "no valid shape"),
        ((1 << 30, 1 << 30), (0, 0), 0, "no valid shape"),
        ((0, 1 << 30, 1 << 30), (0, 0, 0), 0, "no valid shape"),
        ((1 << 100,), (1,), 0, "no valid shape"),
        ((-1,), (1,), 0, "no valid shape"),
        ((2,), (-1,), 1, "no valid strides"),
        ((2,), (1,), -1, "no valid strides"),
        ((2,), (1, 1), 0, "no valid strides"),
        ((2,) * 40, (0,) * 40, 0, "no valid shape"),
        # A zero stride makes no memory of its own, but copies of it would.
        ((1 << 30,), (0,), 0, "asks for 4294967296 bytes of tensors"),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(
    shape, strides, offset, message
):
    pickle = state_dict(a=tensor(shape, strides, offset=offset))
    for data in (
        zip_file(pickle, {"0": SIX}),
        legacy_file(pickle, {"0": (6, SIX)}),
    ):
        with pytest.raises(InputError, match=message):
            pytorch.parse(data)


def test_many_tensors_of_one_storage_have_a_common_limit():
    tensors = {f"t{k}": tensor((1 << 16,), (0,)) for k in range(9)}
    with pytest.raises(InputError, match="bytes of tensors, but has"):
        pytorch.parse(zip_file(state_dict(**tensors), {"0": SIX}))


@pytest.mark.parametrize(
    "data, message",
    [
        (zip_file(state_dict(a=tensor())), "has no storage 0"),
        (zip_file(state_dict(a=tensor()), {"0": SIX[1:]}), "cut short in stor"),
        (
            zip_file(state_dict(a=tensor(size=1 << 60)), {"0": SIX}),
            "cut short in storage 0",
        ),
        (
            zip_file(
                state_dict(a=tensor(), b=tensor(kind="LongStorage")),
                {"0": SIX},
            ),
            "storage of two types",
        ),
        (legacy_file(state_dict(a=tensor())), "has no storage 0"),
        (
            legacy_file(state_dict(a=tensor()), {"0": (5, SIX)}),
            "storages of other sizes",
        ),
        (
            legacy_file(state_dict(a=tensor()), {"1": (6, SIX)}),
            "list of other storages",
        ),
        (
            legacy_file(
                state_dict(a=tensor(size=1 << 60)), {"0": (1 << 60, b"")}
            ),
            "cut short in storage 0",
        ),
        (
            legacy_file(state_dict(a=tensor()), {"0": (6, SIX)})[:-25],
            "storages are missing",
        ),
        (zip_file(b"\x80\x02]."), "holds a list; expected a state dict"),
        (
            zip_file(state_dict(epoch=b"K\x03")),
            "no state dict .* it has: epoch",
        ),
        (
            zip_file(state_dict(**{"a\n": tensor()}), {"0": SIX}),
            r"named 'a\\n'",
        ),
        (b"\x80\x02K\x05.", "pickle without torch.save's magic number"),
        (b"", "the magic number is damaged"),
    ],
)
def test_what_holds_no_whole_state_dict(data, message):
    with pytest.raises(InputError, match=message):
        pytorch.parse(data)


def test_one_dict_under_a_thousand_names_is_one():
    names = b"".join(b"X\x04\x00\x00\x00%04dh\x00" % k for k in range(1000))
    pickle = b"\x80\x02}(X\x01\x00\x00\x00k}q\x00(X\x01\x00\x00\x00a"
    pickle += tensor() + b"u" + names + b"u."
    weights = pytorch.parse(zip_file(pickle, {"0": SIX}))
    assert list(weights.tensors) == ["a"]


def test_a_dict_that_holds_itself():
    pickle = b"\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s."
    with pytest.raises(InputError, match="holds no state dict"):
        pytorch.parse(zip_file(pickle))
