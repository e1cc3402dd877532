"""The SavedModel: from images to detections, for any batch size.

Outputs are named and typed as those of the TF Object Detection API, float32,
padded with zeros to K detections per image; names of classes come on top:

    detection_boxes        [B, K, 4] ymin, xmin, ymax, xmax in 0..1
    detection_scores       [B, K]
    detection_classes      [B, K] 1..C; 0 is padding
    num_detections         [B]
    detection_class_names  [B, K] string; empty is padding
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.config import DetectorConfig
from ssd_tf.data import images
from ssd_tf.decoder import Decoder
from ssd_tf.models.layers import DilatedConv2D

BYTES_SIGNATURE = "serving_default"
PIXELS_SIGNATURE = "image_tensor"
RAW_SIGNATURE = "raw"
# A file of a megabyte can hold a picture that fills a server's memory.
MAX_MEGAPIXELS = 50


class DetectionModule(tf.Module):
    """A detector with its preprocessing and its decoder, as graph functions.

    The names of the classes are stored with it. `decoder` has the thresholds
    to serve; by default they are those of the configuration. Encoded images
    of more than `max_megapixels`, by their headers, are refused before they
    are decoded.
    """

    def __init__(
        self,
        detector_config: DetectorConfig,
        model: keras.Model,
        *,
        decoder: Decoder | None = None,
        max_megapixels: int = MAX_MEGAPIXELS,
    ):
        super().__init__(name="ssd")
        self._max_pixels = max_megapixels * 10**6
        self.raw_outputs = _freeze(model)
        self._decoder = decoder or Decoder(detector_config)
        self._size = detector_config.image_size
        self._class_names = list(detector_config.class_names)
        # Where a configuration has no names, numbers are what can be served.
        numbers = map(str, range(1, detector_config.num_classes + 1))
        self._label_names = ["", *(detector_config.class_names or numbers)]

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
            lambda one: images.resize(
                images.decode(one, max_pixels=self._max_pixels), self._size
            ),
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

    def _detect(self, pixels):
        found = self._decoder(self.raw_outputs(pixels))
        names = tf.constant(self._label_names, tf.string)  # [C + 1]
        return {
            "detection_boxes": box_ops.clip(found.boxes),
            "detection_scores": found.scores,
            "detection_classes": tf.cast(found.classes, tf.float32),
            "num_detections": tf.cast(found.num_detections, tf.float32),
            "detection_class_names": tf.gather(names, found.classes),
        }


class _DilatedConv2D(keras.layers.Conv2D):
    """Dilates inside of the convolution, for which no gradient is needed."""

    def convolution_op(self, inputs, kernel):
        return tf.nn.conv2d(
            inputs,
            kernel,
            self.strides,
            self.padding.upper(),
            dilations=self.dilation_rate,
        )


def _freeze(model: keras.Model) -> Callable:
    """A copy of the network as a graph function with constant weights.

    It takes [B, S, S, 3] float32 RGB 0..255 and gives {"logits": [B, A, C + 1],
    "localisations": [B, A, 4]}.

    A constant is laid out once for the processor, and folded into its
    neighbours where the graph allows, as batch normalisation into a
    convolution; a variable might change, so that its layout is made anew for
    each image. Runtimes that only see the graph, such as TF Serving, gain
    from it as well. All who call the function share one copy of the weights.
    """
    copy = keras.models.clone_model(model, clone_function=_for_inference)
    copy.set_weights(model.get_weights())
    trainable = [v.numpy() for v in copy.trainable_variables]
    others = [v.numpy() for v in copy.non_trainable_variables]
    pixels = tf.TensorSpec(
        [None, *model.input_shape[1:]], tf.float32, name="input_tensor"
    )

    @tf.function(input_signature=[pixels])
    def network(input_tensor):
        outputs, _ = copy.stateless_call(
            [tf.constant(value) for value in trainable],
            [tf.constant(value) for value in others],
            input_tensor,
            training=False,
        )
        return outputs

    return network


def _for_inference(layer: keras.Layer) -> keras.Layer:
    """A layer of the same configuration, faster where there is a way."""
    is_dilated = (
        type(layer) in (keras.layers.Conv2D, DilatedConv2D)
        and max(layer.dilation_rate) > 1
    )
    kind = _DilatedConv2D if is_dilated else type(layer)
    return kind.from_config(layer.get_config())
