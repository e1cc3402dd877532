"""What a backbone is to the detector."""

import dataclasses
from collections.abc import Callable, Sequence


@dataclasses.dataclass(frozen=True)
class Backbone:
    """One backbone.

    Attributes:
      build: (images [B, S, S, 3] RGB 0..255, S) -> feature maps
        [B, f_k, f_k, C_k], fine to coarse.
      load_imagenet: (detector) -> None, downloads ImageNet weights and copies
        them; None where there are none.
      sources: (number of levels) -> names of the levels, which begin the
        names of their heads.
    """

    build: Callable
    load_imagenet: Callable | None
    sources: Callable[[int], Sequence[str]]


def level_names(num_levels: int) -> tuple[str, ...]:
    """Names of levels where there is no older convention."""
    return tuple(f"level{k}" for k in range(num_levels))
