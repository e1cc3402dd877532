"""A small synthetic data set, drawn when first used."""

import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from ssd_tf.data.sources import shapes_drawing

_NUM_EXAMPLES = {"train": 2000, "test": 300}
# First value of the seed of every image, so that no split repeats another.
_SPLIT_SEEDS = {"train": 0, "test": 1}
_JPEG_QUALITY = 90


class Shapes(tfds.core.GeneratorBasedBuilder):
    """Shapes in any colour over textured backgrounds, features as in `voc`.

    Image i of a split depends on the split and on i alone.
    """

    # To be raised with every change of a picture: prepared data are reused.
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        labels = tfds.features.ClassLabel(names=shapes_drawing.CLASS_NAMES)
        return tfds.core.DatasetInfo(
            builder=self,
            description="Coloured shapes over textured backgrounds.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(encoding_format="jpeg"),
                    "image/filename": tfds.features.Text(),
                    "objects": tfds.features.Sequence(
                        {
                            "bbox": tfds.features.BBoxFeature(),
                            "label": labels,
                            "is_difficult": np.bool_,
                        }
                    ),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in _SPLIT_SEEDS}

    def _generate_examples(self, split):
        for i in range(_NUM_EXAMPLES[split]):
            drawing = shapes_drawing.draw(
                np.random.default_rng([_SPLIT_SEEDS[split], i])
            )
            encoded = io.BytesIO()
            Image.fromarray(drawing.image).save(
                encoded, format="JPEG", quality=_JPEG_QUALITY
            )
            encoded.seek(0)
            yield i, {
                "image": encoded,
                "image/filename": f"{split}_{i:05d}.jpg",
                "objects": [
                    {
                        "bbox": tfds.features.BBox(*box.tolist()),
                        "label": label,
                        "is_difficult": False,
                    }
                    for box, label in zip(drawing.boxes, drawing.labels)
                ],
            }
