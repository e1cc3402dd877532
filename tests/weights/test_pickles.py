import io
import pickle
import pickletools
import struct

import pytest

from ssd_tf.errors import InputError
from ssd_tf.weights import pickles, pytorch
from tests.weights.torch_files import FILES, legacy_file, number, zip_file


def load(data):
    return pickles.load(io.BytesIO(data), "data.pkl")


@pytest.mark.parametrize("protocol", range(6))
def test_numbers_text_and_containers_of_every_protocol(protocol):
    value = {
        "numbers": [0, 1, -1, 255, 65535, -(2**31), 2**63, 2**100, 0.1],
        "texts": ("", "caf\xe9", "\u4e2d" * 100, b"\x00\xff"),
        "others": (None, True, False, (1, 2), (1, 2, 3, 4), {}, {"a": {5: []}}),
    }
    assert load(pickle.dumps(value, protocol)) == value


class Evil:
    """Runs a function when unpickled by Python's own module."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def touch(path):
    open(path, "w").close()


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_executed(protocol, tmp_path):
    mark = tmp_path / "mark"
    evil = pickle.dumps(Evil(touch, str(mark)), protocol)
    for data in (zip_file(evil), legacy_file(evil), evil):
        with pytest.raises(InputError, match=r"asks for .*\.touch; expected"):
            pytorch.parse(data)
    assert not mark.exists()
    pickle.loads(evil)
    assert mark.exists()


@pytest.mark.parametrize(
    "module, name",
    [("os", "system"), ("builtins", "eval"), ("builtins", "getattr")]
    + [("torch", "load"), ("torch.hub", "load"), ("numpy", "load")]
    + [("torch.nn.modules.conv", "Conv2d"), ("x", "torch.FloatStorage")],
)
def test_every_other_name_is_refused(module, name):
    data = f"c{module}\n{name}\n)R.".encode()
    stacked = f"\x8c{chr(len(module))}{module}\x8c{chr(len(name))}{name}"
    for stream in (data, stacked.encode("latin1") + b"\x93)R."):
        with pytest.raises(InputError) as caught:
            load(stream)
        assert str(caught.value) == (
            f"data.pkl asks for {module}.{name}; expected tensors, containers "
            "and numbers"
        )


def test_a_whole_model_is_refused():
    data = (FILES / "whole_model.pth").read_bytes()
    with pytest.raises(InputError, match="asks for .*DataParallel; expected"):
        pytorch.parse(data)
    with pytest.raises(InputError, match="a whole model was saved"):
        load(b"(X\x06\x00\x00\x00moduleK\x01tQ.")


def test_a_refused_name_is_one_short_line():
    with pytest.raises(InputError) as caught:
        load(b"\x8c\x02a\nX\xff\x00\x00\x00" + b"b" * 255 + b"\x93.")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "data",
    [
        b"(ios\nsystem\n.",  # INST
        b"(cos\nsystem\no.",  # OBJ
        b"ctorch\nSize\n)\x81.",  # NEWOBJ
        b"\x82\x01.",  # EXT1
        b"\x97.",  # NEXT_BUFFER
        b"\x8f.",  # EMPTY_SET
        b"ctorch\nTensor\n)R.",  # a type that is no function
        b"ctorch\nFloatStorage\n)R.",
    ],
)
def test_other_instructions_are_refused(data):
    with pytest.raises(InputError, match="data.pkl asks for"):
        load(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"K\x01",
        b"0.",
        b"t.",
        b"h\x05.",
        b"}K\x01e.",
        b"]K\x01K\x01s.",
        b"}(K\x01u.",
        b"X\x05\x00\x00\x00ab.",
        b"K\x01)R.",
        b"ctorch\nSize\nK\x01R.",
        b"K\x01Q.",
        b")Q.",
        b"(X\x07\x00\x00\x00storaget\x51.",
        b"K\x01}b.",
        b"ccollections\nOrderedDict\n(K\x01tR.",
        b"ccollections\nOrderedDict\n(](K\x01K\x02etR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02K\x03K\x04tR.",
        b"ctorch._utils\n_rebuild_parameter\n(K\x01K\x02K\x03tR.",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(K\x01K\x02)K\x04tR.",
        b"ctorch\nSize\n(" + b"K\x01" * 17 + b"tR.",
        b"S'\\d'\n0.",
        b"\xff.",
    ],
)
def test_damaged_pickles(data):
    with pytest.raises(InputError, match="data.pkl "):
        load(data)


@pytest.mark.parametrize(
    "data, message",
    [
        # Lengths and indices for which pickle.Unpickler allocates memory.
        (b"\x8e" + struct.pack("<Q", 1 << 40) + b"ab.", "cut short"),
        (b"\x8d" + struct.pack("<Q", 1 << 62) + b"ab.", "cut short"),
        (b"\x8b" + struct.pack("<i", 1 << 30) + b"ab.", "cut short"),
        (b"\x8a\xff" + b"\x7f" * 255 + b".", "many digits"),
        (b"L" + b"9" * 5000 + b"L\n.", "cut short"),
        # Keys that hash alike, at length, or by their own methods.
        (b"}" + number((1 << 61) - 1) + b"Ns.", "many digits"),
        (b"})" + b"\x85" * 50 + b"Ns.", "of type tuple"),
        (b"}G" + struct.pack(">d", 0.5) + b"Ns.", "of type float"),
        (b"N" * 1_000_001 + b".", "has more than 1000000 instructions"),
    ],
)
def test_what_would_take_memory_or_hours(data, message):
    with pytest.raises(InputError, match=message):
        load(data)


def test_a_large_index_of_the_memo_costs_nothing():
    assert load(b"K\x05r" + struct.pack("<I", (1 << 32) - 1) + b".") == 5


def test_nesting_without_end_is_no_recursion():
    value = load(b")" + b"\x85" * 200_000 + b".")
    assert len(value) == 1
    # Each level holds the one below twice: 2 ** 100 in all.
    value = load(b")q\x00" + b"h\x00h\x00\x86q\x00" * 100 + b".")
    assert value[0] is value[1]


def test_python_2_wrote_pairs():
    pairs = b"](](X\x01\x00\x00\x00bK\x01e](X\x01\x00\x00\x00aK\x02ee\x85"
    value = load(b"ccollections\nOrderedDict\n" + pairs + b"R.")
    assert list(value.items()) == [("b", 1), ("a", 2)]


def test_the_known_instructions_are_those_of_python():
    names = {instruction.name for instruction in pickletools.opcodes}
    known = {*pickles._PUSH_ARGUMENT, *pickles._PUSH_NEW, *pickles._STEPS}
    assert known | set(pickles._TUPLES) <= names
