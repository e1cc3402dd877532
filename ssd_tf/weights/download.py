"""Published weights on this machine: found, or fetched from their authors."""

import hashlib
import os
import pathlib
from typing import Any

import keras
from absl import logging

from ssd_tf.errors import InputError, did_you_mean
from ssd_tf.weights import tensorflow_checkpoint
from ssd_tf.weights.published import PUBLISHED, PublishedWeights
from ssd_tf.weights.weight_file import naming, shown

_LIST = "`python -m ssd_tf weights` lists them"
_UNFINISHED = ".download"


def cache_folder() -> pathlib.Path:
    """The folder of published weights, fetched or put there by hand.

    It is where Keras keeps ImageNet's: $KERAS_HOME/models, by default
    ~/.keras/models.
    """
    home = os.environ.get("KERAS_HOME", "~/.keras")
    return pathlib.Path(home).expanduser().absolute() / "models"


def locate(text: str) -> pathlib.Path:
    """The file of weights that a text names, fetched if need be.

    Args:
      text: a key of `PUBLISHED`, a file, or the prefix of a checkpoint.

    Raises:
      InputError: there is none, or it cannot be had.
    """
    if text in PUBLISHED:
        return fetch(text)
    path = pathlib.Path(text)
    if path.exists() or tensorflow_checkpoint.find_prefix(path) is not None:
        return path
    raise InputError(
        f"{text} is neither a file nor the name of published weights"
        f"{did_you_mean(text, PUBLISHED)}; {_LIST}"
    )


def fetch(name: str) -> pathlib.Path:
    """The file of published weights; fetched where it is not there yet.

    Args:
      name: a key of `PUBLISHED`.

    Raises:
      InputError: it cannot be fetched, or is not what its authors published.
    """
    published = PUBLISHED[name]
    path = cache_folder() / published.file
    path = tensorflow_checkpoint.find_prefix(path) or path
    if not is_there(published):
        if published.by_hand:
            raise InputError(
                f"{name} is to be fetched by hand: {by_hand(published)}"
            )
        return _download(name, published)
    _check_sum(path, published, what=f"{path} (delete it to fetch it again)")
    return path


def by_hand(published: PublishedWeights) -> str:
    """What to fetch from where, and where to put it."""
    return (
        f"take {published.file} from {published.url} and put it into "
        f"{cache_folder()}, or give the file itself"
    )


def is_there(published: PublishedWeights) -> bool:
    """True if the file was fetched, or put there by hand."""
    path = cache_folder() / published.file
    return path.is_file() or tensorflow_checkpoint.find_prefix(path) is not None


def _download(name, published) -> pathlib.Path:
    """Fetches a file under another name, so that it is there whole or not."""
    logging.info(
        "%s: fetching %s (licence: %s)",
        *(name, published.url, published.licence or "none stated"),
    )
    try:
        unfinished = keras.utils.get_file(
            f"{published.file}{_UNFINISHED}",
            origin=published.url,
            cache_subdir=str(cache_folder()),
            force_download=True,
        )
    except Exception as error:  # get_file raises a bare Exception
        raise InputError(
            f"{name} could not be fetched ({shown(str(error))}); where there "
            f"is no network, {by_hand(published)}"
        ) from error
    try:
        _check_sum(unfinished, published, what=f"what {published.url} sent")
        path = unfinished.removesuffix(_UNFINISHED)
        os.replace(unfinished, path)
    except BaseException:
        os.remove(unfinished)
        raise
    return pathlib.Path(path)


def describe(text: str, project: str) -> dict[str, Any]:
    """Who published weights, and under which licence.

    Args:
      text: as of `locate`, which found it.
      project: that the file's names are of, a key of
        `ssd_tf.weights.vgg_names.PROJECTS` or the like.

    Returns:
      "file", "sha256" (None for a checkpoint of several files), "project" and
      "licence" (None where none is stated); of published weights "name",
      "url", "ap" and "metric", too.
    """
    path = locate(text)
    sha256 = None
    if path.is_file():
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    published = PUBLISHED.get(text) or next(
        entry
        for name, entry in PUBLISHED.items()
        if project.startswith(name.rpartition("@")[2])
    )
    facts = {
        "file": path.name,
        "sha256": sha256,
        "project": f"https://github.com/{published.project}",
        "licence": published.licence or None,
    }
    if text not in PUBLISHED:
        return facts
    return {
        "name": text,
        "url": published.url,
        **facts,
        "ap": published.ap,
        "metric": published.metric or None,
    }


def _check_sum(path, published, *, what: str) -> None:
    """Raises InputError where the SHA-256 does not begin as published."""
    expected = published.sha256
    if not expected:
        return
    with naming(path), open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(expected):
        raise InputError(
            f"{what} is damaged or another file: its SHA-256 begins with "
            f"{found[:len(expected)]}, expected {expected}"
        )
