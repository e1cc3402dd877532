"""The detector: pixels -> class scores and offsets of every default box."""

import keras

from ssd_tf.config import DetectorConfig
from ssd_tf.errors import InputError
from ssd_tf.models import mobilenet_v2, resnet50, tiny, vgg16
from ssd_tf.models.backbone import Backbone
from ssd_tf.models.heads import add_heads

BACKBONES: dict[str, Backbone] = {
    "mobilenet_v2": mobilenet_v2.BACKBONE,
    "resnet50": resnet50.BACKBONE,
    "tiny": tiny.BACKBONE,
    "vgg16": vgg16.BACKBONE,
}


def build_detector(config: DetectorConfig) -> keras.Model:
    """Builds the network of a detector with fresh weights.

    Args:
      config: backbone, input size, anchors per cell and classes.

    Returns:
      keras.Model from images [B, S, S, 3], RGB 0..255 of any dtype, to
      {"logits": [B, A, C + 1], "localisations": [B, A, 4]}, float32.
      Preprocessing is inside.

    Raises:
      InputError: for an unknown backbone.
      ValueError: where the backbone's feature maps are not the anchors'.
    """
    backbone = find_backbone(config.backbone)
    size = config.image_size
    images = keras.Input((size, size, 3), name="images")
    maps = backbone.build(images, size)
    produced = tuple(tuple(features.shape[1:3]) for features in maps)
    expected = tuple((f, f) for f in config.feature_sizes)
    if produced != expected:
        raise ValueError(
            f"backbone {config.backbone!r} makes feature maps "
            f"{_sizes(produced)} of a {size} px image, but feature_sizes "
            f"has {_sizes(expected)}"
        )
    outputs = add_heads(
        maps,
        backbone.sources(len(maps)),
        config.boxes_per_cell,
        config.num_classes + 1,
    )
    return keras.Model(images, outputs, name=f"ssd{size}_{config.backbone}")


def load_imagenet(model: keras.Model, backbone_name: str) -> None:
    """Downloads the backbone's ImageNet weights and copies them.

    Raises:
      InputError: where the backbone has none or the download fails.
    """
    backbone = find_backbone(backbone_name)
    if backbone.download_imagenet is None or backbone.copy_imagenet is None:
        raise InputError(
            f"backbone {backbone_name!r} has no ImageNet weights; it trains "
            "from scratch"
        )
    try:
        source = backbone.download_imagenet()
    except Exception as error:  # keras.utils.get_file raises a bare Exception
        raise InputError(
            f"ImageNet weights of {backbone_name!r} could not be downloaded "
            f"({error}); where there is no network, put that file into "
            "~/.keras/models, or train from scratch with --init_weights=none"
        ) from error
    backbone.copy_imagenet(source, model)


def default_weights(backbone_name: str) -> str:
    """What training begins with: "imagenet" where that exists, or "none"."""
    backbone = find_backbone(backbone_name)
    return "imagenet" if backbone.download_imagenet else "none"


def find_backbone(name: str) -> Backbone:
    """The backbone of a name; raises InputError with the known names."""
    if name not in BACKBONES:
        raise InputError(
            f"unknown backbone {name!r}; known: {', '.join(BACKBONES)}"
        )
    return BACKBONES[name]


def _sizes(shapes) -> str:
    return ", ".join(f"{height}x{width}" for height, width in shapes)
