"""Versions of a SavedModel: each written whole or not at all."""

import errno
import os
import pathlib
import re
from collections.abc import Callable

import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.serving.files import new_folder
from ssd_tf.serving.saved_model import DetectionModule
from ssd_tf.unfinished import unfinished_folder

# Of the folder beside the models with the files for the model server.
SERVING_DIR = "serving"
# TF Serving reads a version as a signed integer of 64 bits.
MAX_VERSION = 2**63 - 1

# Of writing, from Python and from TensorFlow.
_WRITE_ERRORS = (
    OSError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnknownError,
)
_MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def export_saved_model(
    module: DetectionModule,
    export_dir,
    *,
    version: int | None = None,
    write_extras: Callable[[pathlib.Path], None] | None = None,
) -> pathlib.Path:
    """Writes `<export_dir>/<version>/`, the layout that TF Serving watches.

    The version appears whole or not at all: it is written beside its place,
    under a name that TF Serving does not read, and then renamed.

    Args:
      export_dir: the folder that holds the versions of this model.
      version: 1..MAX_VERSION; the next free one by default.
      write_extras: adds files to the folder before it gets its name.

    Returns:
      the folder of the version.

    Raises:
      InputError: the version exists already or is out of range, or
        export_dir is a file or cannot be written.
    """
    export_dir = pathlib.Path(export_dir)
    if version is not None:
        _check_free(export_dir, version)
    with new_folder(export_dir):
        try:
            with unfinished_folder(export_dir) as temporary:
                tf.saved_model.save(
                    module, str(temporary), signatures=module.signatures
                )
                if write_extras is not None:
                    write_extras(temporary)
                temporary.chmod(0o755)  # mkdtemp lets nobody else read it
                return _publish(temporary, version)
        except _WRITE_ERRORS as error:
            raise InputError(
                f"{export_dir} cannot be written: {first_line(error)}"
            ) from error


def _publish(temporary: pathlib.Path, version: int | None) -> pathlib.Path:
    """Gives a finished folder its number, which is still free.

    Of two exports that take the same number, the second finds a folder that
    is not empty, which no folder can be renamed to.
    """
    export_dir = temporary.parent
    while True:
        taken = [0, *(int(path.name) for path in _versions(export_dir))]
        number = max(taken) + 1 if version is None else version
        target = _check_free(export_dir, number)
        try:
            return temporary.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise


def _check_free(export_dir: pathlib.Path, version: int) -> pathlib.Path:
    """The folder of a version, refused if it is there."""
    if not 1 <= version <= MAX_VERSION:
        raise InputError(f"a version is 1..{MAX_VERSION}, got {version}")
    target = export_dir / str(version)
    if os.path.exists(target):
        raise InputError(
            f"{target} exists already; expected a version that is not there"
        )
    return target


def find_saved_model(path) -> pathlib.Path | None:
    """The SavedModel at a path, or None.

    Args:
      path: a version directory; the folder of a model's versions, of which
        the largest is taken as TF Serving does; or the folder of one model.

    Raises:
      InputError: the folder holds several models.
    """
    path = pathlib.Path(path)
    if tf.saved_model.contains_saved_model(str(path)):
        return path
    if not path.is_dir():
        return None
    version = _largest_version(path)
    if version is not None:
        return version
    names = find_models(path)
    if len(names) > 1:
        raise InputError(
            f"{path} holds several models: {', '.join(names)}; expected the "
            f"folder of one, such as {path / names[0]}"
        )
    return _largest_version(path / names[0]) if names else None


def find_models(export_dir) -> list[str]:
    """Names of the folders that hold versions of a SavedModel, sorted."""
    return sorted(
        path.name
        for path in pathlib.Path(export_dir).iterdir()
        if path.is_dir() and _largest_version(path) is not None
    )


def check_model_name(name: str) -> str:
    """The name, if it can be that of a folder and stand in a URL.

    Raises:
      InputError: it cannot.
    """
    if not _MODEL_NAME.fullmatch(name) or name.isdecimal():
        raise InputError(
            f"{name!r} cannot be the name of a model; give a --model_name of "
            "letters, digits, '_', '-' and '.', not of digits only"
        )
    if name == SERVING_DIR:
        raise InputError(
            f"{name!r} is the folder of the model server's files; give "
            "another --model_name"
        )
    return name


def _largest_version(model_dir: pathlib.Path) -> pathlib.Path | None:
    versions = _versions(model_dir)
    for path in sorted(versions, key=lambda v: int(v.name), reverse=True):
        if tf.saved_model.contains_saved_model(str(path)):
            return path
    return None


def _versions(model_dir: pathlib.Path) -> list[pathlib.Path]:
    return [
        path
        for path in model_dir.iterdir()
        if path.is_dir() and path.name.isdecimal()
    ]
