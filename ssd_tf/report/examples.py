"""Pictures worth looking at: the best, the worst, the most sure errors."""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from ssd_tf import visualization
from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.evaluation.error_breakdown import (
    CORRECT,
    IGNORED,
    OUTCOMES,
    WRONG,
    Judgement,
    judge,
)

# (side in pixels, quality), the first that is small enough.
_ENCODINGS = ((640, 82), (512, 78), (400, 72), (300, 60), (200, 50))
_MAX_BYTES = 2_500_000


class Example(NamedTuple):
    """A picture, by its position in the split, and what is said of it."""

    position: int
    caption: str


class _Judged(NamedTuple):
    position: int
    judgement: Judgement
    scores: np.ndarray
    labels: np.ndarray
    num_objects: int

    @property
    def counts(self) -> tuple[int, int, int]:
        """Correct detections, wrong ones, and objects missed."""
        outcomes = self.judgement.outcomes
        correct = int(np.sum(outcomes == CORRECT))
        ignored = int(np.sum(outcomes == IGNORED))
        wrong = len(outcomes) - correct - ignored
        return correct, wrong, self.num_objects - correct

    @property
    def f1(self) -> float:
        """1.0 for a picture without anything that is left alone."""
        correct, wrong, missed = self.counts
        total = 2 * correct + wrong + missed
        return 2 * correct / total if total else 1.0


def choose_examples(
    images: Sequence[EvaluatedImage],
    class_names: Sequence[str],
    *,
    score_threshold: float,
    count: int = 4,
) -> dict[str, list[Example]]:
    """Up to `count` examples under each title, by F1 and by score."""
    judged = list(_judged(images, len(class_names), score_threshold))
    good = sorted(
        (one for one in judged if one.counts[0]),
        key=lambda one: (-one.f1, -one.counts[0]),
    )
    bad = sorted(
        (one for one in judged if sum(one.counts[1:])),
        key=lambda one: (one.f1, -sum(one.counts[1:])),
    )
    return {
        "Best": [_counted(one) for one in good[:count]],
        "Worst": [_counted(one) for one in bad[:count]],
        "Most confidently wrong": _sure_errors(judged, class_names)[:count],
    }


def _judged(images, num_classes: int, score_threshold) -> Iterator[_Judged]:
    for position, image in enumerate(images):
        record = image.record(num_classes=num_classes).above(score_threshold)
        yield _Judged(
            position,
            judge(record, iou_threshold=0.5),
            record.scores,
            record.labels,
            int(np.sum(~record.gt_is_ignored)),
        )


def _counted(one: _Judged) -> Example:
    correct, wrong, missed = one.counts
    return Example(
        one.position,
        f"F1 {one.f1:.2f}: {correct} correct, {wrong} wrong, {missed} missed",
    )


def _sure_errors(judged, class_names) -> list[Example]:
    """The most sure error of each picture, by falling score."""
    found = []
    for one in judged:
        outcomes = one.judgement.outcomes
        errors = np.flatnonzero((outcomes != CORRECT) & (outcomes != IGNORED))
        if not len(errors):
            continue
        i = errors[np.argmax(one.scores[errors])]
        what = OUTCOMES[outcomes[i]].replace("_", " ")
        if outcomes[i] == WRONG:
            other = one.judgement.confused_with[i]
            what = f"is a {class_names[other - 1]}"
        name = class_names[one.labels[i] - 1]
        caption = f"{name} {one.scores[i]:.2f}: {what}"
        found.append((one.scores[i], Example(one.position, caption)))
    return [e for _, e in sorted(found, key=lambda pair: -pair[0])]


def draw_examples(
    images: Sequence[EvaluatedImage],
    pixels: dict[str, np.ndarray],
    class_names: Sequence[str],
    *,
    score_threshold: float,
) -> dict[str, tuple[str, str]]:
    """Ground truth and detections by image id, as values of `src`.

    All together are small enough for a page of a few megabytes.
    """
    for side, quality in _ENCODINGS:
        drawn = {
            image.image_id: tuple(
                _jpeg(picture, quality)
                for picture in _draw(
                    image,
                    pixels[image.image_id],
                    class_names,
                    side=side,
                    score_threshold=score_threshold,
                )
            )
            for image in images
        }
        size = sum(len(jpeg) for pair in drawn.values() for jpeg in pair)
        if size <= _MAX_BYTES:
            break
    return {name: (truth, found) for name, (truth, found) in drawn.items()}


def _draw(image, pixels, class_names, *, side: int, score_threshold):
    small = np.asarray(
        visualization.shrink(Image.fromarray(np.asarray(pixels)), side)
    )
    sure = image.scores >= score_threshold
    return (
        visualization.draw_boxes(
            small, image.gt_boxes, image.gt_labels, class_names
        ),
        visualization.draw_boxes(
            small,
            image.boxes[sure],
            image.classes[sure],
            class_names,
            scores=image.scores[sure],
        ),
    )


def _jpeg(picture: Image.Image, quality: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/jpeg;base64,{encoded}"
