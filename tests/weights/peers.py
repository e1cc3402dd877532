"""What other projects' networks answered, and the weights they had.

`files/peers/NAME.json` has names and shapes of a state dict as the original
code writes it (torchvision 0.28, amdegroot/ssd.pytorch, lufficc/SSD and
qfgaohao/pytorch-ssd, in PyTorch 2.13 on a CPU), `NAME.npz` what that code
answered for weights and a picture that follow from names and a seed: raw
outputs of 300 anchors, the spread (standard deviation) of the outputs of all,
and all anchors. The outputs of all anchors are in ../shared/data/peer_outputs.
"""

import json
import pathlib
import zlib
from typing import NamedTuple

import numpy as np

from tests.weights.torch_files import FILES, state_dict, tensor, zip_file

ALL_ANSWERS = pathlib.Path(__file__).parents[3] / "shared/data/peer_outputs"
NAMES = sorted(path.stem for path in (FILES / "peers").glob("*.json"))
_NORMS = ("l2norm.weight", "l2_norm.weight", "scale_weight")


class Peer(NamedTuple):
    """One network: its state dict's shapes, its picture and its answers."""

    name: str
    shapes: dict
    seed: int
    image: np.ndarray  # [S, S, 3] uint8 RGB
    answers: dict  # logits, localisations of anchor_index, and all anchors
    spread: tuple  # of logits and localisations


def load(name):
    """The peer of a name, with the outputs of all anchors if they are there."""
    facts = json.loads((FILES / f"peers/{name}.json").read_text())
    with np.load(FILES / f"peers/{name}.npz") as arrays:
        answers = dict(arrays)
    spread = tuple(answers.pop("spread"))
    if (ALL_ANSWERS / f"{name}.npz").exists():
        with np.load(ALL_ANSWERS / f"{name}.npz") as arrays:
            answers = dict(arrays)
    picture = _image(facts["input_size"], facts["seed"])
    return Peer(
        name, facts["state_dict"], facts["seed"], picture, answers, spread
    )


def shapes_only(name):
    """Tensors of the shapes of a peer's, without memory of their own."""
    facts = json.loads((FILES / f"peers/{name}.json").read_text())
    return {
        key: np.broadcast_to(np.float32(0), shape)
        for key, shape in facts["state_dict"].items()
    }


def write_pth(peer, path):
    """Writes the peer's weights as `torch.save` does."""
    entries, storages = {}, {}
    for index, (name, shape) in enumerate(peer.shapes.items()):
        values = _weights(name, shape, peer.seed)
        strides = [stride // values.itemsize for stride in values.strides]
        entries[name] = tensor(
            shape,
            strides,
            key=str(index),
            size=values.size,
            kind="LongStorage" if values.dtype.kind == "i" else "FloatStorage",
        )
        storages[str(index)] = values.tobytes()
    path.write_bytes(zip_file(state_dict(**entries), storages))


def _weights(name, shape, seed):
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    values = rng.standard_normal(shape).astype(np.float32)
    if name.endswith("running_var"):
        return np.abs(values) * np.float32(0.2) + np.float32(0.8)
    if len(shape) == 4:
        return values * np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
    if name.lower().endswith(_NORMS):
        return np.float32(20) + values
    if name.endswith("weight"):
        return np.float32(1) + np.float32(0.1) * values
    return np.float32(0.1) * values


def _image(size, seed):
    rng = np.random.default_rng([seed, size])
    y, x = np.mgrid[0:size, 0:size] / size
    image = np.full((size, size, 3), 90.0)
    for _ in range(12):
        center_y, center_x, width = rng.uniform(0, 1, 3)
        width = 0.05 + 0.2 * width
        squared = (y - center_y) ** 2 + (x - center_x) ** 2
        blob = np.exp(-squared / (2 * width * width))
        image += rng.uniform(-120, 120, 3) * blob[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)
