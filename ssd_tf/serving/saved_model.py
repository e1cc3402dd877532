"""The SavedModel: from pictures to detections, for any batch size.

Outputs are named and typed as those of the TF Object Detection API, all
float32, padded with zeros to K detections per image:

    detection_boxes    [B, K, 4] ymin, xmin, ymax, xmax in 0..1
    detection_scores   [B, K]
    detection_classes  [B, K] 1..C; 0 is padding
    num_detections     [B]
"""

import os
import pathlib
import shutil
import tempfile

import tensorflow as tf

from ssd_tf import box_ops, console
from ssd_tf.config import DetectorConfig
from ssd_tf.data import images
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError

BYTES_SIGNATURE = "serving_default"
PIXELS_SIGNATURE = "image_tensor"


class DetectionModule(tf.Module):
    """A detector with its preprocessing and its decoder, as graph functions.

    Args:
      model: the detector.
      config: its configuration; class names are stored with the model.
      decoder: with the thresholds to serve; None takes the config's.
    """

    def __init__(
        self, model, config: DetectorConfig, *, decoder: Decoder | None = None
    ):
        super().__init__(name="ssd")
        self.model = model
        self._decoder = decoder or Decoder(config)
        self._size = config.image_size
        self._class_names = list(config.class_names)

    @tf.function(input_signature=[])
    def class_names(self):
        """Names of the classes 1..C, [C] string."""
        return {"class_names": tf.constant(self._class_names, tf.string)}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="input_tensor")]
    )
    def detect_bytes(self, input_tensor):
        """Detects on [B] encoded images, which may differ in size."""
        pixels = tf.map_fn(
            self._decode_and_resize,
            input_tensor,
            fn_output_signature=tf.TensorSpec(
                [self._size, self._size, 3], tf.float32
            ),
        )
        return self._detect(pixels)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.uint8, name="input_tensor")
        ]
    )
    def detect_pixels(self, input_tensor):
        """Detects on [B, H, W, 3] uint8 RGB images."""
        return self._detect(images.resize(input_tensor, self._size))

    def _decode_and_resize(self, image_bytes):
        return images.resize(images.decode(image_bytes), self._size)

    def _detect(self, pixels):
        found = self._decoder(self.model(pixels, training=False))
        return {
            "detection_boxes": box_ops.clip(found.boxes),
            "detection_scores": found.scores,
            "detection_classes": tf.cast(found.classes, tf.float32),
            "num_detections": tf.cast(found.num_detections, tf.float32),
        }


def export_saved_model(
    module: DetectionModule, export_dir, *, version: int | None = None
) -> pathlib.Path:
    """Writes `<export_dir>/<version>/`, the layout that TF Serving watches.

    The version appears whole or not at all: it is written beside its place,
    under a name that TF Serving does not read, and then renamed.

    Args:
      module: what to export.
      export_dir: the folder that holds the versions.
      version: positive integer; the next free one by default.

    Returns:
      the folder of the version.

    Raises:
      InputError: the version exists already, or export_dir is a file.
    """
    export_dir = pathlib.Path(export_dir)
    if export_dir.exists() and not export_dir.is_dir():
        raise InputError(f"--export_dir={export_dir} is a file, not a folder")
    console.make_folder("export_dir", export_dir)
    if version is None:
        version = max(_versions(export_dir), default=0) + 1
    target = export_dir / str(version)
    if target.exists():
        raise InputError(
            f"{target} exists already; expected a version that is not there"
        )
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=".tmp_", dir=export_dir))
    try:
        tf.saved_model.save(
            module,
            str(temporary),
            signatures={
                BYTES_SIGNATURE: module.detect_bytes,
                PIXELS_SIGNATURE: module.detect_pixels,
                "class_names": module.class_names,
            },
        )
        temporary.chmod(0o755)  # mkdtemp lets nobody else read it
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


def _versions(export_dir: pathlib.Path) -> list[int]:
    return [
        int(path.name)
        for path in export_dir.iterdir()
        if path.is_dir() and path.name.isdecimal()
    ]
