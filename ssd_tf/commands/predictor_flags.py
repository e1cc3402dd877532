"""The model of detect, demo and evaluate, and how it looks at a picture."""

from absl import flags

from ssd_tf.commands.flag_groups import FlagGroup, define_checkpoint
from ssd_tf.errors import InputError
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.serving import (
    Predictor,
    flip_averaged,
    load_predictor,
    model_kinds,
    tiled,
)

# In tiles of fewer pixels there is nothing to be seen.
_LEAST_TILE_PX = 32
LOOK_FLAGS = ("agnostic_nms", "flip_average", "tile", "tile_overlap")


def define_model_flag(group: FlagGroup) -> None:
    """Declares --model and --checkpoint."""
    group.text("model", f"Run directory, {model_kinds()}.", required=True)
    define_checkpoint(group)


def define_score_threshold(group: FlagGroup, text: str) -> None:
    """Declares --score_threshold, of what is shown."""
    group.number(
        "score_threshold",
        text,
        SCORE_THRESHOLD,
        lower_bound=0.0,
        upper_bound=1.0,
    )


def define_look_flags(values: flags.FlagValues) -> None:
    """Declares the flags of `LOOK_FLAGS`."""
    looks = FlagGroup(values, "looks")
    looks.switch(
        "agnostic_nms",
        "One object, one class: boxes of all classes suppress one another in "
        "NMS. In an export without it, what its NMS by class has left.",
    )
    looks.switch(
        "flip_average",
        "Look at the mirror image, too, and take the mean of boxes and scores; "
        "what only one of the two shows gets half of its score.",
    )
    looks.count(
        "tile",
        "For small objects in large pictures: look at tiles of this side, in "
        "pixels of the picture, and at the whole, merged by NMS (default: at "
        "the whole alone).",
        lower_bound=_LEAST_TILE_PX,
    )
    looks.number(
        "tile_overlap",
        "Least overlap of neighbouring tiles, as a fraction of their side; an "
        "object that is no larger is whole in some tile.",
        0.2,
        lower_bound=0.0,
        upper_bound=0.9,
    )


def build_predictor(values: flags.FlagValues) -> Predictor:
    """The predictor of --model, with the looks that the flags ask for.

    Raises:
      InputError: the model cannot be used, or a flag has no effect.
    """
    if values.tile is None and values["tile_overlap"].present:
        raise InputError("--tile_overlap has no effect without --tile")
    agnostic = values.agnostic_nms
    predictor = load_predictor(
        values.model,
        flag="--model=",
        checkpoint=values.checkpoint,
        agnostic_nms=agnostic,
    )
    if values.flip_average:
        predictor = flip_averaged(predictor, agnostic=agnostic)
    if values.tile is not None:
        predictor = tiled(
            predictor,
            tile_px=values.tile,
            overlap=values.tile_overlap,
            agnostic=agnostic,
        )
    return predictor
