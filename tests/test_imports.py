"""Which module may import which, read from the source."""

import ast
import pathlib

import pytest

import ssd_tf

PACKAGE = pathlib.Path(ssd_tf.__file__).parent
RANKS = {
    "errors": -2,
    "version": -2,
    "stderr_filter": -2,
    "anchor_sizes": -1,
    "class_names": -1,
    "durations": -1,
    "files": -1,
    "interrupts": -1,
    "unfinished": -1,
    "config": 0,
    "presets": 0.5,
    "box_ops": 0,
    "anchors": 1,
    "box_coder": 1,
    "box_losses": 0,
    "losses": 1,
    "visualization": 1,
    "console": 1,
    "parameters": 1,
    "matchers": 2,
    "models": 2,
    "decoder": 2,
    "target_encoder": 3,
    "weights": 3,
    "conversion": 3,
    "data": 4,
    "evaluation": 4,
    "report": 4.5,
    "training": 5,
    "serving": 6,
    "commands": 7,
    "program": 8,
    "__main__": 9,
}
# The rooms of data among themselves.
ROOMS = {
    "images": 0,
    "sources": 1,
    "augmentation": 1,
    "left_out": 1,
    "data_record": 2,
    "balancing": 1,
    "order": 1.5,
    "buffered": 1.7,
    "shuffling": 2,
    "writers": 2,
    "pictures": 3,
    "memory_cache": 3,
    "service": 3,
    "usable_images": 3,
    "pipeline": 4,
    "validation": 4,
    "__init__": 5,
}
MODULES = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"  # gathers the public names
)
EXTRAS = {
    *("ai_edge_litert", "onnx", "onnxruntime", "tf2onnx", "av"),
    *("gradio", "fastapi", "uvicorn"),
    *("requests", "tensorflow_serving", "cv2", "torch"),
}
KERAS_ONLY = [
    m
    for m in MODULES
    if m.startswith("models/") or m in ("losses.py", "box_losses.py")
]


def imports(source):
    """Full names of what a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            # `from ssd_tf import box_ops` imports the module ssd_tf.box_ops.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unit(module):
    """The file or folder of the package that a module belongs to."""
    return module.split("/")[0].removesuffix(".py")


def is_wrong(own, other):
    """Whether one module may not import another; both as lists of parts."""
    if own[0] == other[0]:
        if own[0] != "data" or own[1] == other[1]:
            return False
        return ROOMS[other[1]] >= ROOMS[own[1]]
    # A name that is no module comes from the top of the package, which
    # imports everything but scripts and what trains.
    return RANKS.get(other[0], 4) >= RANKS.get(own[0], 0)


def wrong_imports(module, source):
    own = module.removesuffix(".py").split("/")
    parts = ((name, name.split(".")) for name in imports(source))
    return [
        name
        for name, (root, *other) in parts
        if root == "ssd_tf" and is_wrong(own, other)
    ]


def read(module):
    return (PACKAGE / module).read_text(encoding="utf-8")


def test_every_module_has_a_rank():
    assert {unit(module) for module in MODULES} <= set(RANKS)
    rooms = [m.split("/")[1] for m in MODULES if unit(m) == "data"]
    assert {room.removesuffix(".py") for room in rooms} == set(ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module):
    assert wrong_imports(module, read(module)) == []


@pytest.mark.parametrize(
    "module, source",
    [
        ("anchors.py", "from ssd_tf.matchers.base import IGNORED"),
        ("anchors.py", "from ssd_tf import decoder"),
        ("anchors.py", "from ssd_tf import Decoder"),
        ("anchors.py", "import ssd_tf.training.loop as loop"),
        ("data/pipeline.py", "from ssd_tf.evaluation import voc"),
        ("data/images/exif.py", "from ssd_tf.data.sources import base"),
        ("data/shuffling.py", "from ssd_tf.data import pipeline"),
        ("data/sources/base.py", "from ssd_tf.data.augmentation import policy"),
        ("models/tiny.py", "def f():\n    from ssd_tf import matchers"),
        ("models/tiny.py", "from ssd_tf.weights import read"),
    ],
)
def test_a_wrong_import_is_seen(module, source):
    assert len(wrong_imports(module, source)) == 1


@pytest.mark.parametrize("module", KERAS_ONLY)
def test_models_and_losses_use_keras_only(module):
    roots = {name.split(".")[0] for name in imports(read(module))}
    assert not roots & {"tensorflow", "torch", "jax"}


@pytest.mark.parametrize(
    "module", [m for m in MODULES if RANKS.get(unit(m), 0) < 5]
)
def test_the_core_does_not_import_extras(module):
    roots = {name.split(".")[0] for name in imports(read(module))}
    assert not roots & EXTRAS
