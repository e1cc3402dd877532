"""Pictures worth looking at."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.report import examples

NAMES = ("cat", "dog")
BOX, OTHER = (0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9)


def image(name, gt, found):
    """An image of objects (label, box) and detections (.., score)."""
    return EvaluatedImage(
        name,
        (100, 100),
        np.reshape([box for _, box in gt], (-1, 4)).astype(np.float32),
        np.array([label for label, _ in gt], np.int32),
        np.zeros(len(gt), bool),
        np.zeros(len(gt), bool),
        np.full(len(gt), 0.1, np.float32),
        np.reshape([box for _, box, _ in found], (-1, 4)).astype(np.float32),
        np.array([score for _, _, score in found], np.float32),
        np.array([label for label, _, _ in found], np.int32),
    )


IMAGES = [
    image("found", [(1, BOX)], [(1, BOX, 0.8)]),
    image("both", [(1, BOX), (2, OTHER)], [(1, BOX, 0.8), (2, OTHER, 0.7)]),
    image("confused", [(1, BOX)], [(2, BOX, 0.95)]),
    image("missed", [(1, BOX), (2, OTHER)], [(1, BOX, 0.3)]),
    image("background", [(1, BOX)], [(1, BOX, 0.9), (2, OTHER, 0.6)]),
    image("empty", [], []),
]


def test_choice():
    chosen = examples.choose_examples(IMAGES, NAMES, score_threshold=0.4)
    captions = {
        title: [(IMAGES[e.position].image_id, e.caption) for e in some]
        for title, some in chosen.items()
    }
    assert captions["Best"] == [
        ("both", "F1 1.00: 2 correct, 0 wrong, 0 missed"),
        ("found", "F1 1.00: 1 correct, 0 wrong, 0 missed"),
        ("background", "F1 0.67: 1 correct, 1 wrong, 0 missed"),
    ]
    assert captions["Worst"] == [
        ("confused", "F1 0.00: 0 correct, 1 wrong, 1 missed"),
        ("missed", "F1 0.00: 0 correct, 0 wrong, 2 missed"),
        ("background", "F1 0.67: 1 correct, 1 wrong, 0 missed"),
    ]
    assert captions["Most confidently wrong"] == [
        ("confused", "dog 0.95: is a cat"),
        ("background", "dog 0.60: background"),
    ]


def test_no_more_than_asked_for():
    chosen = examples.choose_examples(
        IMAGES, NAMES, score_threshold=0.4, count=1
    )
    assert [len(some) for some in chosen.values()] == [1, 1, 1]


def decode(source):
    kind, encoded = source.split(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def test_pictures_keep_their_shape():
    pixels = {"found": np.full((900, 1200, 3), 99, np.uint8)}
    drawn = examples.draw_examples(
        IMAGES[:1], pixels, NAMES, score_threshold=0.4
    )
    assert [decode(p).size for p in drawn["found"]] == [(640, 480)] * 2


@pytest.mark.parametrize("limit, side", [(10**9, 640), (400_000, 300)])
def test_all_together_are_small_enough(monkeypatch, limit, side):
    """Noise, the worst that a JPEG can be asked to hold."""
    monkeypatch.setattr(examples, "_MAX_BYTES", limit)
    noise = np.random.default_rng(0).integers(0, 255, (640, 640, 3), np.uint8)
    drawn = examples.draw_examples(
        IMAGES[:4],
        {i.image_id: noise for i in IMAGES},
        NAMES,
        score_threshold=0.4,
    )
    assert len(drawn) == 4
    size = sum(len(p) for pair in drawn.values() for p in pair)
    assert size <= limit
    assert decode(drawn["both"][0]).width <= side
