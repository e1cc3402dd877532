"""Necks: what stands between the feature maps and the heads."""

from collections.abc import Callable

import keras

from ssd_tf.models import mobile

_FILTERS = 128
# As of the heads: statistics that follow a short training.
_STYLE = mobile.Style(momentum=0.97)


def fpn_lite(maps) -> list:
    """A feature pyramid of depthwise separable convolutions.

    The neck of SSD MobileNetV2 FPNLite in the TensorFlow Object Detection API
    (models/feature_map_generators.py, KerasFpnTopDownFeatureMaps with
    use_depthwise and depth 128): each map is projected by a 1x1 convolution,
    what comes from above is repeated and added, and all but the coarsest are
    smoothed. There the levels beyond the backbone are convolutions of the
    pyramid; here all levels of the detector are part of it, so that its
    anchors stay. Source: Lin et al. 2017 (arXiv:1612.03144).

    Args:
      maps: [B, f_k, f_k, C_k], fine to coarse.

    Returns:
      as many maps [B, f_k, f_k, 128].
    """
    above, pyramid = None, []
    for level in reversed(range(len(maps))):
        x = keras.layers.Conv2D(
            _FILTERS,
            1,
            kernel_initializer="he_normal",
            name=f"neck{level}_projection",
        )(maps[level])
        if above is None:
            above = x
            pyramid.append(x)
            continue
        above = keras.layers.Add(name=f"neck{level}_add")(
            [x, _repeat(above, x.shape[1], name=f"neck{level}")]
        )
        pyramid.append(
            mobile.depthwise_separable(
                above, _FILTERS, name=f"neck{level}_smooth", style=_STYLE
            )
        )
    return pyramid[::-1]


def _repeat(features, size: int, *, name: str):
    """Each cell of [B, f, f, C] several times, [B, size, size, C]."""
    factor = -(-size // features.shape[1])
    x = keras.layers.UpSampling2D(factor, name=f"{name}_repeat")(features)
    excess = x.shape[1] - size
    if not excess:
        return x
    # A map of 19 cells was halved to 10, the last of which shows one alone.
    return keras.layers.Cropping2D(
        ((0, excess), (0, excess)), name=f"{name}_crop"
    )(x)


NECKS: dict[str, Callable] = {"none": list, "fpn_lite": fpn_lite}
