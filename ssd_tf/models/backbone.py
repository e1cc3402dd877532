"""What a backbone is to the detector."""

import dataclasses
from collections.abc import Callable, Sequence

import keras


@dataclasses.dataclass(frozen=True)
class Backbone:
    """One backbone.

    Attributes:
      build: (images [B, S, S, 3] RGB 0..255, S) -> feature maps
        [B, f_k, f_k, C_k], fine to coarse.
      download_imagenet: () -> Keras model with ImageNet weights; None where
        there are none.
      copy_imagenet: (that model, detector) -> None, copies what fits.
      sources: (number of levels) -> names of the levels, which begin the
        names of their heads.
    """

    build: Callable
    sources: Callable[[int], Sequence[str]]
    download_imagenet: Callable[[], keras.Model] | None = None
    copy_imagenet: Callable[[keras.Model, keras.Model], None] | None = None


def level_names(num_levels: int) -> tuple[str, ...]:
    """Names of levels where there is no older convention."""
    return tuple(f"level{k}" for k in range(num_levels))
