"""The SavedModel: from images to detections, for any batch size.

Outputs are named and typed as those of the TF Object Detection API, float32,
padded with zeros to K detections per image; names of classes come on top:

    detection_boxes        [B, K, 4] ymin, xmin, ymax, xmax in 0..1
    detection_scores       [B, K]
    detection_classes      [B, K] 1..C; 0 is padding
    num_detections         [B]
    detection_class_names  [B, K] string; empty is padding
"""

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.config import DetectorConfig
from ssd_tf.data import images
from ssd_tf.decoder import Decoder
from ssd_tf.serving.frozen import freeze

BYTES_SIGNATURE = "serving_default"
PIXELS_SIGNATURE = "image_tensor"
RAW_SIGNATURE = "raw"


class DetectionModule(tf.Module):
    """A detector with its preprocessing and its decoder, as graph functions.

    Args:
      detector_config: of the detector; class names are stored with the model.
      model: the detector.
      decoder: with the thresholds to serve; None takes the config's.
      frozen: copy the weights into the graph, see `freeze`; an export wants
        that. If not, outputs equal those in training to the last bit.
    """

    def __init__(
        self,
        detector_config: DetectorConfig,
        model: keras.Model,
        *,
        decoder: Decoder | None = None,
        frozen: bool = True,
    ):
        super().__init__(name="ssd")
        self._network = (
            freeze(model)
            if frozen
            else functools.partial(model, training=False)
        )
        self._decoder = decoder or Decoder(detector_config)
        self._size = detector_config.image_size
        self._class_names = list(detector_config.class_names)
        # Where a configuration has no names, numbers are what can be served.
        numbers = map(str, range(1, detector_config.num_classes + 1))
        self._label_names = ["", *(detector_config.class_names or numbers)]
        pixels = tf.TensorSpec(
            [None, self._size, self._size, 3], tf.float32, name="input_tensor"
        )
        self.raw_outputs = tf.function(
            self._raw_outputs, input_signature=[pixels]
        )

    @property
    def signatures(self) -> dict[str, Callable]:
        """The graph functions under the names by which they are served."""
        return {
            BYTES_SIGNATURE: self.detect_bytes,
            PIXELS_SIGNATURE: self.detect_pixels,
            RAW_SIGNATURE: self.raw_outputs,
        }

    @tf.function(input_signature=[])
    def class_names(self):
        """Names of the classes 1..C, [C] string.

        No signature, as it has no batch, but stored with the module: for
        `tf.saved_model.load`.
        """
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

    def _raw_outputs(self, input_tensor):
        """The network's outputs for [B, S, S, 3] float32 RGB 0..255 pixels."""
        return self._network(input_tensor)

    def _decode_and_resize(self, image_bytes):
        return images.resize(images.decode(image_bytes), self._size)

    def _detect(self, pixels):
        found = self._decoder(self._network(pixels))
        names = tf.constant(self._label_names, tf.string)  # [C + 1]
        return {
            "detection_boxes": box_ops.clip(found.boxes),
            "detection_scores": found.scores,
            "detection_classes": tf.cast(found.classes, tf.float32),
            "num_detections": tf.cast(found.num_detections, tf.float32),
            "detection_class_names": tf.gather(names, found.classes),
        }
