"""A record of the data that a run was trained on, to know them again.

Of a folder it has the names of the images of each split and a digest of the
objects of each; of a data set of tensorflow_datasets, which does not change,
the number of images. Pixels are not compared: copies of a folder differ in the
times of their files, and many tools write images anew.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ssd_tf.data.sources import DigestedObjects

_VERSION = 1
_NAMES_AT_MOST = 3

Record = dict[str, Any]


def make_record(source, splits: Iterable[str]) -> Record:
    """The record of splits of a source, for JSON.

    `digest` is that of the sorted names and objects, and of the numbers.
    """
    parts = {}
    for split in dict.fromkeys(splits):
        objects = {}
        if isinstance(source, DigestedObjects):
            objects = dict(sorted(source.object_digests(split).items()))
        number = source.num_examples(split)
        facts = json.dumps([source.name, number, objects]).encode()
        parts[split] = {
            "images": number,
            "digest": hashlib.sha256(facts).hexdigest(),
            "objects": objects,
        }
    return {"version": _VERSION, "splits": parts}


def is_known(record: Mapping[str, Any]) -> bool:
    """True of a record that this version can compare."""
    return record.get("version") == _VERSION


def differences(old: Record, new: Record) -> list[str]:
    """A line for each split of which two records differ; old was before."""
    lines = []
    for split, after in new["splits"].items():
        before = old["splits"].get(split)
        if before is None or before["digest"] == after["digest"]:
            continue
        changes = _changes(before["objects"], after["objects"])
        if changes or before["images"] != after["images"]:
            counts = f"{_count(before)} then, {after['images']} now"
            lines.append(f"split {split!r}: {'; '.join([counts, *changes])}")
    return lines


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    # An image whose file is missing may have lost its suffix with it.
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    stems = {os.path.splitext(name)[0]: name for name in gone}
    for name in sorted(new):
        other = stems.get(os.path.splitext(name)[0])
        if other and not (before[other] and after[name]):
            gone, new = gone - {other}, new - {name}
    changed = {
        name
        for name in before.keys() & after.keys()
        if before[name] and after[name] and before[name] != after[name]
    }
    return [
        f"{len(names)} {what} ({_list(names)})"
        for what, names in (
            ("new", new),
            ("gone", gone),
            ("with other objects", changed),
        )
        if names
    ]


def _count(part: Mapping[str, Any]) -> str:
    return f"{part['images']} image{'s' * (part['images'] != 1)}"


def _list(names: Iterable[str]) -> str:
    first = sorted(names)
    more = ", ..." if len(first) > _NAMES_AT_MOST else ""
    return ", ".join(first[:_NAMES_AT_MOST]) + more
