"""The checkpoints of a run, found and judged by their files.

TensorFlow's own state file, `checkpoint`, is not asked: it may be gone, and
knows nothing of damage.
"""

import math
import os
import pathlib
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from ssd_tf.errors import InputError
from ssd_tf.files import first_line

_PREFIX = "ckpt"
_FILE = re.compile(rf"{_PREFIX}-(\d+)\.(?:index|data-\d{{5}}-of-\d{{5}})")
_STATE = "checkpoint"
# Where TensorFlow writes a checkpoint before it gives the files their names.
_UNFINISHED = "_temp"
_LEFTOVER = re.compile(
    rf"{_PREFIX}-\d+{_UNFINISHED}|{_PREFIX}-.*\.tempstate\d+|{_STATE}\.tmp.*"
)
_NUM_KEPT = 2
# Of reading a checkpoint, from Python and from TensorFlow.
_READ_ERRORS = (
    IndexError,
    OSError,
    RuntimeError,
    ValueError,
    tf.errors.OpError,
)


def find(folder: pathlib.Path) -> list[pathlib.Path]:
    """Path prefixes of the checkpoints, damaged ones too, newest first."""
    steps = {
        int(match[1]) for match in map(_FILE.fullmatch, _names(folder)) if match
    }
    return [prefix_of(folder, step) for step in sorted(steps)[::-1]]


def find_finished(folder: pathlib.Path) -> list[pathlib.Path]:
    """Those of `find` that no kill has left half written."""
    return [
        prefix
        for prefix in find(folder)
        if prefix.with_name(prefix.name + ".index").exists()
        and not is_unfinished(prefix)
    ]


def prefix_of(folder: pathlib.Path, step: int) -> pathlib.Path:
    """Path prefix of the checkpoint of a step."""
    return folder / f"{_PREFIX}-{step}"


def step_of(prefix: pathlib.Path) -> int:
    """The step of a checkpoint."""
    return int(prefix.name.removeprefix(f"{_PREFIX}-"))


def count_missing(folder: pathlib.Path) -> int:
    """Checkpoints that there must still be room for.

    Some are kept while the next one is written.
    """
    return max(1, _NUM_KEPT + 1 - len(find(folder)))


def check_room(path: pathlib.Path, variables: Sequence, *, count: int) -> None:
    """Raises InputError where the disk has no room for checkpoints.

    Args:
      path: on that disk; must be there.
      variables: those that are saved.
      count: how many times.
    """
    needed = count * sum(
        math.prod(v.shape) * tf.as_dtype(v.dtype).size for v in variables
    )
    disk = shutil.disk_usage(path)
    if disk.total and disk.free < needed:  # some file systems do not tell
        what = (
            f"{count} checkpoints need" if count > 1 else "a checkpoint needs"
        )
        raise InputError(
            f"{path} has {disk.free / 1e6:.1f} MB left on its disk, but {what} "
            f"{needed / 1e6:.1f} MB; make room, or choose a --run_dir elsewhere"
        )


def delete(prefix: pathlib.Path) -> None:
    """Deletes a checkpoint; its index first, without which it is none."""
    for suffix in (".index", ".data-*"):
        for path in prefix.parent.glob(prefix.name + suffix):
            path.unlink()


def were_saved(folder: pathlib.Path) -> bool:
    """True if a checkpoint was ever finished here, readable or not."""
    return _STATE in _names(folder) or not all(map(is_unfinished, find(folder)))


def newest(folder: pathlib.Path) -> pathlib.Path | None:
    """Path prefix of the newest checkpoint that can be read; None before any.

    A line names each one that is skipped.

    Raises:
      InputError: there are checkpoints, and none can be read.
    """
    damages: list[str] = []
    for prefix in find(folder):
        fault = damage(prefix)
        if not fault:
            for line in damages:
                logging.warning("skipped %s, taking %s", line, prefix)
            return prefix
        damages.append(f"{prefix} ({fault})")
    if were_saved(folder):
        found = ", ".join(damages) or "their files are gone"
        raise InputError(
            f"none of the checkpoints in {folder} can be read: {found}; "
            "expected a whole one: put a copy of it there, or choose another "
            "--run_dir to begin anew"
        )
    return None


def sweep(folder: pathlib.Path, restored: pathlib.Path | None) -> None:
    """Deletes what killed saves left; for the process that trains only."""
    for prefix in find(folder):
        if prefix == restored:
            break  # it can be read, and those before it are finished
        if is_unfinished(prefix):
            for path in folder.glob(f"{prefix.name}.*"):
                path.unlink()
    for name in filter(_LEFTOVER.fullmatch, _names(folder)):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def manage(
    checkpoint: tf.train.Checkpoint,
    folder: pathlib.Path,
    restored: pathlib.Path | None,
) -> tf.train.CheckpointManager:
    """A manager that keeps the restored checkpoint beside the next one.

    It deletes by its state file, oldest first: that is written anew, where
    damaged checkpoints are the oldest.
    """
    if restored is not None:
        found = find(folder)[::-1]
        whole = found.index(restored) + 1
        names = [path.name for path in found[whole:] + found[:whole]]
        state = tf.compat.v1.train.generate_checkpoint_state_proto(
            os.path.abspath(folder),  # else it asks for paths to that folder
            names[-1],
            names,
            [time.time()] * len(names),
        )
        temporary = folder / f"{_STATE}.tmp"
        temporary.write_text(str(state))
        os.replace(temporary, folder / _STATE)
    return tf.train.CheckpointManager(
        checkpoint, folder, max_to_keep=_NUM_KEPT, checkpoint_name=_PREFIX
    )


def _names(folder: pathlib.Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read: {error.strerror}"
        ) from error


def is_unfinished(prefix: pathlib.Path) -> bool:
    """True for what a save that was killed has left, if it is not whole."""
    return prefix.with_name(prefix.name + _UNFINISHED).is_dir()


def damage(prefix: pathlib.Path) -> str:
    """One line about what cannot be read; nothing if all can be."""
    if not prefix.with_name(prefix.name + ".index").exists():
        return "its .index file is missing"
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)  # compares checksums
    except _READ_ERRORS as error:
        return first_line(error)
    return ""


def restore(
    path: pathlib.Path,
    checkpoint: tf.train.Checkpoint,
    *,
    whole: bool,
    optional: Mapping[str, Any],
    config_file: pathlib.Path,
) -> None:
    """Takes the state that a checkpoint holds.

    Args:
      path: its prefix.
      checkpoint: the objects that take it.
      whole: it may hold nothing but these objects and the next.
      optional: objects, by name, that earlier versions did not save.
      config_file: what describes the objects.

    Raises:
      InputError: it is of other objects.
    """
    there = {
        name.split("/")[0] for name, _ in tf.train.list_variables(str(path))
    }
    for name, part in optional.items():
        if name in there:
            setattr(checkpoint, name, part)
    try:
        status = checkpoint.restore(str(path))
        if whole:
            status.assert_consumed()
        else:
            status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError) as error:
        reason = first_line(error)
        raise InputError(
            f"{path} does not fit the detector that {config_file} "
            f"describes: {reason}"
        ) from error
