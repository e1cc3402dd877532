"""The flags of train for its data, its detector and its augmentation."""

from ssd_tf import PRESETS, matchers, models
from ssd_tf.commands.flag_groups import (
    OF_PRESET,
    OF_RECIPE,
    FlagGroup,
    define_dataset,
    define_matcher_params,
    define_max_bad_images,
)
from ssd_tf.data import augmentation
from ssd_tf.data.memory_cache import CACHES, LIMIT_BYTES

DETECTOR_FIELDS = (
    "head",
    "extras",
    "neck",
    "truncate_sizes",
    "clip_anchors",
    "encode_variance_in_target",
)


def define_data(data: FlagGroup) -> None:
    """Declares where the images come from, and which are used."""
    define_dataset(data)
    data.text("train_split", "Split to train on (default: the data set's).")
    data.text("eval_split", "Split to evaluate on (default: the data set's).")
    data.choice(
        "cache",
        CACHES,
        "memory: keep the decoded pictures to train on, for small sets, up to "
        f"{LIMIT_BYTES / 2**30:g} GiB of pixels. Changes the time alone.",
        "none",
    )
    data.switch(
        "balance_classes",
        "Draw images of rare classes more often, by repeat factors as of LVIS; "
        f"an epoch keeps its length{OF_RECIPE}",
        None,
    )
    data.count(
        "num_classes",
        "Object classes, without background; checked against the data "
        "(default: the data's).",
        lower_bound=1,
    )
    define_max_bad_images(data)
    data.switch(
        "accept_changed_data",
        "Go on with a run whose images or objects have changed since it began, "
        "from its weights and its step.",
    )
    data.items(
        "class_names",
        "Names of a folder's classes in index order, 1..C (default: those "
        "found in its annotations, sorted).",
    )


def define_detector(detector: FlagGroup) -> None:
    """Declares what replaces the values of a preset."""
    detector.choice(
        "preset",
        PRESETS,
        "Detector to train (default: ssd300_efficientnet_lite0 for pictures of "
        "your own, ssd300_tiny for the other data sets; where --init_weights "
        "names a whole detector, that one).",
    )
    detector.choice(
        "head",
        models.HEADS,
        "Kind of heads: 3x3 convolutions, or SSDLite's depthwise and 1x1 "
        f"convolutions{OF_PRESET}",
    )
    detector.choice(
        "extras",
        models.EXTRAS,
        "Levels behind the backbone: its own, or SSDLite's depthwise "
        f"separable ones{OF_PRESET}",
    )
    detector.choice(
        "neck",
        models.NECKS,
        "Between the levels and the heads: nothing, or a feature pyramid of "
        f"depthwise separable convolutions, as of FPNLite{OF_PRESET}",
    )
    detector.choice(
        "matcher", sorted(matchers.MATCHERS), f"Label assignment{OF_PRESET}"
    )
    define_matcher_params(detector)
    _define_anchors(detector)


def _define_anchors(detector: FlagGroup) -> None:
    detector.items(
        "min_sizes_px",
        "Side of each level's small square anchor, pixels of the input; "
        f"`python -m ssd_tf anchors` proposes them{OF_PRESET}",
    )
    detector.items(
        "max_sizes_px",
        "With --min_sizes_px: the large square has side sqrt(min * max), "
        "pixels.",
    )
    detector.text(
        "aspect_ratios",
        f"Ratios of each level, as in '2;2,3;2,3;2,3;2;2'{OF_PRESET}",
    )
    detector.switch(
        "truncate_sizes",
        "Truncate anchor sizes to whole pixels, as Caffe does and the 512 "
        f"preset, whose sizes are not whole{OF_PRESET}",
        None,
    )
    detector.switch(
        "clip_anchors", f"Clip anchors to the image{OF_PRESET}", None
    )
    detector.switch(
        "encode_variance_in_target",
        "Leave the variances out of the targets and divide by them in the "
        f"loss, as Caffe's parameter of this name{OF_PRESET}",
        None,
    )


def define_augmentation(policy: FlagGroup) -> None:
    """Declares what happens to the images in training."""
    policy.choice(
        "augmentation", augmentation.POLICIES, f"Augmentation policy{OF_RECIPE}"
    )
    policy.number(
        "mosaic",
        "Share of the images, 0..1, that are put together with three others "
        f"around a point; for folders{OF_RECIPE}",
        lower_bound=0.0,
        upper_bound=1.0,
    )
    policy.number(
        "mixup",
        "Share of the images, 0..1, that are mixed with another, pixel by "
        f"pixel; for folders{OF_RECIPE}",
        lower_bound=0.0,
        upper_bound=1.0,
    )
    policy.switch(
        "flip_left_right",
        "Mirror images left to right where the policy does; "
        "--noflip_left_right for what has a direction, such as road signs, "
        f"arrows and letters{OF_RECIPE}",
        None,
    )
    policy.switch(
        "flip_up_down", f"Also turn images upside down{OF_RECIPE}", None
    )
    policy.switch(
        "rotate_90", f"Also rotate images by 90 degrees{OF_RECIPE}", None
    )
