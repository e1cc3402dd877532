"""Which class of a new detector takes over which class of learned weights."""

import re
from collections.abc import Mapping, Sequence

from ssd_tf.errors import InputError, did_you_mean

# The whole map, or the right side of a pair.
NONE = "none"


def parse_class_map(text: str) -> dict[str, str] | None:
    """Parses "ours=theirs,ours=theirs"; None for "none".

    Raises:
      InputError: something is no pair, or a class is given twice.
    """
    if text.strip() == NONE:
        return None
    pairs: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        ours, separator, theirs = (part.strip() for part in item.partition("="))
        if not (separator and ours and theirs):
            raise InputError(
                f"--class_map: expected CLASS=CLASS_OF_THE_WEIGHTS, got "
                f"{item!r}; or none alone"
            )
        if ours in pairs:
            raise InputError(f"--class_map: {ours!r} is given twice")
        pairs[ours] = theirs
    return pairs


def match_classes(
    ours: Sequence[str], theirs: Sequence[str], class_map: str = ""
) -> dict[int, int]:
    """Indices 1..C of our classes -> those of the weights' classes.

    Classes match by name, whatever its case and the spaces in it, except
    where the map says otherwise.

    Args:
      ours, theirs: names in index order.
      class_map: as of `parse_class_map`; "NAME=none" leaves a class out.

    Raises:
      InputError: the map names a class that is not there.
    """
    pairs = parse_class_map(class_map)
    if pairs is None:
        return {}
    _check_known(pairs, "of the data", pairs.keys(), ours)
    wanted = [name for name in pairs.values() if name != NONE]
    _check_known(pairs, "of the weights", wanted, theirs)
    by_name = {_plain(name): k for k, name in enumerate(theirs, start=1)}
    by_name |= {name: k for k, name in enumerate(theirs, start=1)}
    found = {}
    for k, name in enumerate(ours, start=1):
        other = pairs.get(name, name)
        index = by_name.get(other, by_name.get(_plain(other)))
        if index is not None and not (name in pairs and other == NONE):
            found[k] = index
    return found


def _check_known(
    pairs: Mapping[str, str], whose: str, names, known: Sequence[str]
) -> None:
    for name in names:
        if name not in known:
            given = ",".join("=".join(pair) for pair in pairs.items())
            raise InputError(
                f"--class_map={given}: {name!r} is no class {whose}"
                f"{did_you_mean(name, known)}; known: "
                f"{', '.join(known) or 'none, they have no names'}"
            )


def _plain(name: str) -> str:
    """A name as it is compared: "dining table" is "diningtable"."""
    return re.sub(r"[\s_-]", "", name).casefold()
