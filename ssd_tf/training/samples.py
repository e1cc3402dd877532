"""Pictures of an evaluation: ground truth beside detections."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ssd_tf import visualization
from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD

# Of a picture on a sheet: four photographs of twelve megapixels, twice, are
# more than a PNG or a viewer should have to hold.
_LARGEST_SIDE_PX = 1600


def draw_samples(
    samples: Sequence[EvaluatedImage],
    class_names: Sequence[str],
    *,
    score_threshold: float = SCORE_THRESHOLD,
) -> Image.Image:
    """Ground truth beside detections, one row per image, as a picture.

    Images keep their shape and, up to 1600 pixels a side, their size.
    """
    rows = [
        draw_sample(
            sample,
            class_names,
            side_px=_LARGEST_SIDE_PX,
            score_threshold=score_threshold,
        )
        for sample in samples
    ]
    return visualization.side_by_side(
        rows, ("ground truth", f"detections, score >= {score_threshold:g}")
    )


def draw_sample(
    sample: EvaluatedImage,
    class_names: Sequence[str],
    *,
    side_px: int,
    score_threshold: float = SCORE_THRESHOLD,
) -> list[Image.Image]:
    """Ground truth and detections of an image of at most this side."""
    whole = Image.fromarray(np.asarray(sample.pixels))
    # Before drawing, so that lines and text fit what is looked at.
    pixels = np.asarray(visualization.shrink(whole, side_px))
    sure = sample.scores >= score_threshold
    return [
        visualization.draw_boxes(
            pixels, sample.gt_boxes, sample.gt_labels, class_names
        ),
        visualization.draw_boxes(
            pixels,
            sample.boxes[sure],
            sample.classes[sure],
            class_names,
            scores=sample.scores[sure],
        ),
    ]
