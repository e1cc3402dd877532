"""Weights of Keras 1 and 2 in HDF5, such as those of ssd_keras.

A group has the attribute `layer_names`; the group of each layer has
`weight_names`, the paths of its weights in their order. In the file of a whole
model these groups lie in `model_weights`.
"""

import h5py
import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.weights.weight_file import (
    WeightFile,
    check_total,
    checked_name,
    count_values,
    shown,
)

MARK = b"\x89HDF\r\n\x1a\n"
_VERSIONS = ("keras_version", "backend")
# Ends of names in the order in which Keras lists them.
_WEIGHTS = (
    *("kernel", "_W", "gamma", "bias", "_b", "beta"),
    *("moving_mean", "moving_variance"),
)


def read(path) -> WeightFile:
    """The weights of a `.h5` file, named "LAYER/WEIGHT_NAME".

    Raises:
      InputError: the file is damaged, or none of Keras 1 or 2.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(file)
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        # h5py raises any of these for damaged structures.
        raise InputError(f"is damaged: {shown(str(error))}") from error


def _read(file) -> WeightFile:
    root = _inside(file, "model_weights", h5py.Group) or file
    if "layer_names" not in root.attrs and "layer_names0" not in root.attrs:
        raise InputError(
            "is HDF5 without layer_names; expected weights or a model saved "
            "by Keras 1 or 2"
        )
    tensors: dict[str, np.ndarray] = {}
    total = 0
    for layer in _names(root, "layer_names", h5py.Group):
        group = _inside(root, layer, h5py.Group)
        if group is None:
            raise InputError(f"has no group of its layer {shown(layer)}")
        for weight in _names(group, "weight_names", h5py.Dataset):
            name = checked_name(f"{layer}/{weight}")
            dataset = _inside(group, weight, h5py.Dataset)
            total += _num_bytes(name, dataset)
            check_total(total, file.id.get_filesize())
            tensors[name] = np.asarray(dataset[()])
    versions = {
        name: _text(value)
        for name in _VERSIONS
        if name in root.attrs
        for value in _attribute(root, name)
        if value is not None
    }
    return WeightFile("keras", tensors, versions)


def _inside(group, name, kind):
    """The group or data set under a path, or None.

    Raises:
      InputError: the path leads to another file, which may be anything.
    """
    parent = group
    for part in name.split("/"):
        link = parent.get(part, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise InputError(f"{shown(name)} lies in another file")
        parent = parent.get(part) if link is not None else None
        if not isinstance(parent, h5py.Group):
            break
    return parent if isinstance(parent, kind) else None


def _num_bytes(name, dataset) -> int:
    """Bytes of a dataset of numbers that lies in the file itself."""
    if dataset is None:
        raise InputError(f"has no array {shown(name)}, which it lists")
    if dataset.is_virtual or dataset.external:
        raise InputError(f"{shown(name)} lies in another file")
    if dataset.dtype.kind not in "fiub":
        raise InputError(f"{shown(name)} is no array of numbers")
    return count_values(name, dataset.shape) * dataset.dtype.itemsize


def _names(group, attribute, kind) -> list[str]:
    """A list of names, which Keras cuts into numbered parts if it is long."""
    parts = (f"{attribute}{part}" for part in range(len(group.attrs)))
    values = [
        value
        for part in (attribute, *parts)
        if part in group.attrs
        for value in _attribute(group, part)
    ]
    if None in values:
        return _members(group, kind)
    return [_text(value) for value in values]


def _attribute(group, name) -> list:
    """The values of an attribute, one or a list.

    It may not be larger than the file has room for. Texts of variable length
    are given as None: the HDF5 library believes the lengths in the file, and
    reads or allocates beyond its end where they are damaged.
    """
    header = group.attrs.get_id(name)
    count = count_values(name, header.shape)
    check_total(count * header.dtype.itemsize, group.file.id.get_filesize())
    if header.dtype.kind == "O":
        return [None] * count
    return np.atleast_1d(group.attrs[name]).tolist()


def _members(group, kind) -> list[str]:
    """Paths of a group's weights in Keras' order, or of its layers."""
    if kind is h5py.Group:
        return [name for name in group if name.isprintable()]
    found: list[str] = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found.append(name)

    group.visititems(visit)
    ranks = {}
    for name in found:
        own = name.rpartition("/")[2].partition(":")[0]
        ranks[name] = [own.endswith(end) for end in _WEIGHTS]
        if not any(ranks[name]):
            raise InputError(
                f"lists its weights as texts of variable length; the place of "
                f"{shown(name)} among them is not known"
            )
    return sorted(found, key=lambda name: ranks[name].index(True))


def _text(value) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise InputError(f"has a name of type {type(value).__name__}")
    return value
