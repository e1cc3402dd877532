"""Learned weights into a new detector, whose classes may be others."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from ssd_tf.config import DetectorConfig
from ssd_tf.errors import InputError
from ssd_tf.models import BACKBONES
from ssd_tf.models.backbone import Pixels
from ssd_tf.weights.class_map import match_classes

_CLASS_HEAD = "_mbox_conf"
_NORM = "_bn"
_ANCHORS = (
    *("min_sizes_px", "max_sizes_px", "aspect_ratios", "steps_px"),
    *("clip_anchors", "clip_anchor_centers", "clip_anchor_sizes"),
    *("truncate_sizes", "variances"),
)
# Names in one row of the table.
_MAX_NAMES = 6


@dataclasses.dataclass(frozen=True)
class LearnedLayers:
    """Weights to begin with, by the names of our layers.

    Attributes:
      origin: a name for people.
      detector_config: of the detector that they are of.
      layers: name -> arrays as `layer.set_weights` takes them.
      source: who published them, as of `ssd_tf.weights.download.describe`;
        None for ssd_tf's own.
    """

    origin: str
    detector_config: DetectorConfig
    layers: Mapping[str, Sequence[np.ndarray]]
    source: dict[str, Any] | None = None


class Row(NamedTuple):
    """What became of a layer: "loaded", "adapted", "skipped" or "unused"."""

    status: str
    layer: str
    reason: str = ""


def transfer(
    detector_config: DetectorConfig,
    model: keras.Model,
    learned: LearnedLayers,
    *,
    class_map: str = "",
) -> list[Row]:
    """Copies what fits into a model; the layers of classes are adapted.

    Layers fit by name and shape. Of the heads of classes the channels of the
    background and of classes of the same name are copied, as `match_classes`
    has it; the others stay as they are.

    Args:
      detector_config: of the model.
      model: gets the weights.
      learned: where they are from.
      class_map: as of `match_classes`.

    Returns:
      a row for each layer with weights, in the model's order, and for what
      the weights have besides.

    Raises:
      InputError: nothing fits, or the map names an unknown class.
    """
    theirs = learned.detector_config
    heads = _ClassHeads(detector_config, theirs, class_map)
    rows: list[Row] = []
    skipped: set[str] = set()
    for layer in model.layers:
        if layer.weights:
            row = _fill(layer, learned.layers.get(layer.name), heads, skipped)
            rows.append(row)
            if row.status == "skipped":
                skipped.add(layer.name)
    if len(skipped) == len(rows):
        names = ", ".join(list(learned.layers)[:3])
        raise InputError(
            f"{learned.origin} has no layer with the name and shape of one of "
            f"{model.name}; it is of {_title(theirs)}: {names}, ..."
        )
    ours = {row.layer for row in rows}
    return rows + [
        Row("unused", name, "of the weights")
        for name in learned.layers
        if name not in ours
    ]


def _fill(layer, source, heads: "_ClassHeads", skipped: set[str]) -> Row:
    """Gives a layer its weights, if there are some that fit.

    Statistics of a convolution that was skipped fit no other one.
    """
    if source is None:
        return Row("skipped", layer.name, "not there")
    if layer.name.endswith(_NORM) and layer.name.removesuffix(_NORM) in skipped:
        return Row("skipped", layer.name, "of a layer that was skipped")
    found = [tuple(array.shape) for array in source]
    shapes = [tuple(variable.shape) for variable in layer.weights]
    if layer.name.endswith(_CLASS_HEAD) and not heads.are_same:
        adapted = heads.adapt(source, layer.get_weights())
        if adapted is not None:
            layer.set_weights(adapted)
            return Row("adapted", layer.name, heads.reason)
    elif found == shapes:
        layer.set_weights(source)
        return Row("loaded", layer.name)
    return Row(
        "skipped", layer.name, f"shape {_list(found)}, expected {_list(shapes)}"
    )


class _ClassHeads:
    """Copies the channels of classes that two detectors have in common.

    `are_same` says that all classes are the same in the same order.
    """

    def __init__(
        self, ours: DetectorConfig, theirs: DetectorConfig, class_map: str
    ):
        self._num_ours = ours.num_classes + 1
        self._num_theirs = theirs.num_classes + 1
        same_count = ours.num_classes == theirs.num_classes
        if ours.class_names and theirs.class_names:
            self._pairs = match_classes(
                ours.class_names, theirs.class_names, class_map
            )
        elif class_map:
            match_classes(ours.class_names, theirs.class_names, class_map)
            self._pairs = {}
        else:  # without names, the count is all there is
            everything = range(1, self._num_ours) if same_count else ()
            self._pairs = {k: k for k in everything}
        self.are_same = same_count and self._pairs == {
            k: k for k in range(1, self._num_ours)
        }
        self.reason = _classes(ours, theirs, self._pairs)

    def adapt(self, source, target) -> list[np.ndarray] | None:
        """The target's arrays with channels of the source; None if unlike."""
        if len(source) != len(target):
            return None
        adapted = []
        for theirs, ours in zip(source, target, strict=True):
            boxes, rest = divmod(ours.shape[-1], self._num_ours)
            if rest or theirs.shape != (
                *ours.shape[:-1],
                boxes * self._num_theirs,
            ):
                return None
            # Channels are box-major, with background first.
            lead = ours.shape[:-1]
            theirs = theirs.reshape(*lead, boxes, self._num_theirs)
            ours = ours.reshape(*lead, boxes, self._num_ours).copy()
            for k, other in {0: 0, **self._pairs}.items():
                ours[..., k] = theirs[..., other]
            adapted.append(ours.reshape(*lead, -1))
        return adapted


def _classes(ours, theirs, pairs: Mapping[int, int]) -> str:
    """The classes that took something over, and those that begin anew."""
    names = ours.class_names or tuple(map(str, range(1, ours.num_classes + 1)))
    taken = []
    for k, other in pairs.items():
        name = names[k - 1]
        their_name = theirs.class_names[other - 1] if theirs.class_names else ""
        is_same = their_name in ("", name)
        taken.append(name if is_same else f"{name} ({their_name})")
    new = [name for k, name in enumerate(names, start=1) if k not in pairs]
    text = f"background and {len(taken)} of {len(names)} classes"
    text += f": {', '.join(taken)}" if taken else ""
    return text + (f"; new: {', '.join(new)}" if new else "")


def format_rows(
    detector_config: DetectorConfig, learned: LearnedLayers, rows: list[Row]
) -> list[str]:
    """The lines of a table that says what became of every layer."""
    counts: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        counts.setdefault((row.status, row.reason), []).append(row.layer)
    lines = [f"{learned.origin}: weights of {_title(learned.detector_config)}"]
    for status in ("loaded", "adapted", "skipped", "unused"):
        for (found, reason), names in counts.items():
            if found == status:
                lines.append(
                    f"  {status:<8}{len(names):>4}  {_shorten(names)}"
                    f"{f' ({reason})' if reason else ''}"
                )
    theirs = learned.detector_config
    if _pixels(theirs) != _pixels(detector_config):
        lines.append(
            f"  note: the weights were trained on pixels {_pixels(theirs)}, "
            f"not on {_pixels(detector_config)}"
        )
    different = [
        name
        for name in _ANCHORS
        if getattr(theirs, name) != getattr(detector_config, name)
    ]
    if different:
        lines.append(
            "  note: the weights have other anchors "
            f"({', '.join(different)}), so boxes are learnt anew in part"
        )
    return lines


def _pixels(config: DetectorConfig) -> str:
    """Mean, scale and channel order of what the backbone gets."""
    backbone = BACKBONES.get(config.backbone)
    pixels = backbone.pixels if backbone and backbone.pixels else None
    if pixels is None:
        pixels = Pixels((0.0, 0.0, 0.0))
    mean = config.pixel_mean or pixels.mean
    scale = config.pixel_scale or pixels.scale
    order = config.channel_order or pixels.channel_order
    return f"({order} - {', '.join(f'{m:g}' for m in mean)}) * {scale:g}"


def _shorten(names: Sequence[str]) -> str:
    if len(names) <= _MAX_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[: _MAX_NAMES - 2])}, ..., {names[-1]}"


def _title(config: DetectorConfig) -> str:
    return f"ssd{config.image_size}_{config.backbone}"


def _list(shapes) -> str:
    return f"[{', '.join(map(str, shapes))}]"
