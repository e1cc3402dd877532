"""Measuring, with a detector whose answers are known."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf import InputError, training
from ssd_tf.data.sources.base import ELEMENT_SPEC
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.decoder import Detections
from ssd_tf.evaluation import Measurement, format_result, split_outputs
from ssd_tf.training.evaluate import evaluate, make_detect_function

# (size in pixels, objects: label, box yxyx, difficult)
IMAGES = [
    ((40, 80), [(1, (0.1, 0.1, 0.5, 0.5), 0), (2, (0.2, 0.5, 0.9, 1.0), 0)]),
    ((60, 30), []),
    ((50, 50), [(2, (0.0, 0.0, 0.3, 0.4), 0), (1, (0.5, 0.5, 0.9, 0.9), 1)]),
]


def png(size):
    encoded = io.BytesIO()
    Image.new("RGB", size[::-1], (9, 99, 199)).save(encoded, "PNG")
    return encoded.getvalue()


class FakeSource:
    """Three images of three sizes."""

    class_names = ("cat", "dog")
    broken = -1
    mark = "gt_is_difficult"
    area = 0.1

    def num_examples(self, split):
        return len(IMAGES)

    def dataset(self, split, *, skip=0):
        def generate():
            for i, (size, objects) in enumerate(IMAGES):
                yield {
                    "image": b"junk" if i == self.broken else png(size),
                    "image_id": f"{i}.png",
                    "gt_boxes": np.reshape([o[1] for o in objects], (-1, 4)),
                    "gt_labels": [o[0] for o in objects],
                    "gt_is_difficult": [False] * len(objects),
                    "gt_is_crowd": [False] * len(objects),
                    self.mark: [bool(o[2]) for o in objects],
                    "gt_areas": np.full(len(objects), self.area),
                }

        return tf.data.Dataset.from_generator(
            generate, output_signature=ELEMENT_SPEC
        ).skip(skip)


def detector(answers):
    """A detect function that gives [(label, box, score)] for each image."""

    def detect(images):
        assert images.shape == (3, 32, 32, 3)
        boxes = np.zeros((3, 4, 4), np.float32)
        scores = np.zeros((3, 4), np.float32)
        classes = np.zeros((3, 4), np.int32)
        for i, answer in enumerate(answers):
            for k, (label, box, score) in enumerate(answer):
                boxes[i, k], classes[i, k], scores[i, k] = box, label, score
        return {
            "detection_boxes": tf.constant(boxes),
            "detection_scores": tf.constant(scores),
            "detection_classes": tf.constant(classes),
            "num_detections": tf.constant([len(a) for a in answers]),
        }

    return detect


def truth(*, with_difficult):
    return [
        [
            (label, box, 0.9)
            for label, box, difficult in objects
            if with_difficult or not difficult
        ]
        for _, objects in IMAGES
    ]


def images_of(detect, **values):
    images = []
    training.measure(
        detect,
        FakeSource(),
        "val",
        image_size=32,
        measurement=Measurement(FakeSource.class_names),
        on_image=images.append,
        **values,
    )
    return images


def measure(answers):
    return evaluate(detector(answers), FakeSource(), "val", image_size=32)[0]


@pytest.mark.parametrize("with_difficult", [True, False])
def test_ground_truth_is_perfect(with_difficult):
    """Difficult objects count neither found nor missed."""
    metrics = measure(truth(with_difficult=with_difficult))
    assert metrics["mAP"] == 1.0
    assert metrics["AP"] == {"cat": 1.0, "dog": 1.0}
    assert metrics["absent_classes"] == []
    assert metrics["coco"]["mAP"] == pytest.approx(1.0)
    assert metrics["num_images"] == 3
    total = metrics["errors"]["total"]
    assert (total["correct"], total["missed"], total["num_objects"]) == (
        3,
        0,
        3,
    )
    assert total["ignored"] == with_difficult


@pytest.mark.parametrize("box", [(0.5, 0.5, 0.9, 0.9), (0.5, 0.5, 0.9, 0.75)])
def test_detections_on_a_crowd_count_neither_way(box):
    """Neither does the crowd, which nobody has to find."""
    source = FakeSource()
    source.mark = "gt_is_crowd"
    answers = truth(with_difficult=False)
    # Better than the true ones; the second box fills a part of the crowd.
    answers[2] += [(1, box, 0.99)]
    metrics, _ = evaluate(detector(answers), source, "val", image_size=32)
    assert metrics["AP"] == {"cat": 1.0, "dog": 1.0}
    assert metrics["coco"]["AP"] == pytest.approx({"cat": 1.0, "dog": 1.0})
    answers[2] += [(1, (0.0, 0.0, 0.3, 0.3), 0.98)]  # beside the crowd
    metrics, _ = evaluate(detector(answers), source, "val", image_size=32)
    assert metrics["AP"] == {"cat": 0.5, "dog": 1.0}
    assert metrics["coco"]["AP50_by_class"]["cat"] == pytest.approx(0.5)


@pytest.mark.parametrize("area, expected", [(0.1, "small"), (0.5, "medium")])
def test_areas_are_those_of_the_annotations(area, expected):
    """A tenth of 80 x 40 is 320 square pixels, a half 1600: above 32 x 32."""
    source = FakeSource()
    source.area = area
    answers = truth(with_difficult=False)
    metrics, _ = evaluate(detector(answers), source, "val", image_size=32)
    for name in ("small", "medium", "large"):
        assert (metrics["coco"][f"AR_{name}"] == 1.0) == (name == expected)


def test_false_positive_in_an_image_without_objects():
    answers = truth(with_difficult=False)
    answers[1] = [(2, (0.0, 0.0, 1.0, 1.0), 0.95)]  # above the two true ones
    metrics = measure(answers)
    # Precision of dog is 0, 1/2, 2/3 at recall 0, 1/2, 1: its envelope 2/3.
    assert metrics["AP"] == {"cat": 1.0, "dog": pytest.approx(2 / 3)}
    assert metrics["mAP"] == pytest.approx(5 / 6)


def test_nothing_found():
    metrics = measure([[], [], []])
    assert metrics["mAP"] == 0.0
    assert metrics["coco"]["mAP"] == 0.0
    table = format_result(metrics, title="nothing").splitlines()
    assert table[0] == "nothing: 3 images"
    assert any(line.startswith("cat    0.0000   0.0000") for line in table)
    assert table[-2] == "mAP@0.5  0.0000"
    assert table[-1].startswith("COCO AP  0.0000  AP50 0.0000")


def test_images_come_in_order_without_padding():
    answers = truth(with_difficult=False)
    answers[1] = [(1, (0.0, 0.1, 0.5, 1.0), 0.8)]
    found = images_of(detector(answers))
    assert [image.image_id for image in found] == ["0.png", "1.png", "2.png"]
    assert [image.size for image in found] == [(40, 80), (60, 30), (50, 50)]
    assert [len(image.gt_boxes) for image in found] == [2, 0, 2]
    assert found[2].gt_is_difficult.tolist() == [False, True]
    assert found[0].gt_labels.tolist() == found[0].classes.tolist() == [1, 2]
    np.testing.assert_allclose(found[1].boxes, [(0.0, 0.1, 0.5, 1.0)])
    np.testing.assert_allclose(found[1].scores, [0.8])


def test_boxes_are_clipped_to_the_image():
    """The decoder's are not, as Caffe's are not before NMS."""

    def decoder(outputs):
        return Detections(
            tf.constant([[[-0.2, 0.1, 0.5, 1.3]]]),
            outputs,
            tf.constant([[2]]),
            tf.constant([1]),
        )

    model = keras.Sequential(
        [keras.layers.Input([2, 2, 3]), keras.layers.GlobalMaxPool2D()]
    )
    (found,) = split_outputs(
        make_detect_function(model, decoder)(np.full((1, 2, 2, 3), 0.5))
    )
    assert found.boxes.tolist() == [np.float32([0.0, 0.1, 0.5, 1.0]).tolist()]
    assert found.classes.tolist() == [2]


def test_samples_are_the_first_images():
    """Only they have pixels: all that are in the file, in its own shape."""
    nothing = detector([[], [], []])
    _, samples = evaluate(
        nothing, FakeSource(), "val", image_size=32, num_samples=2
    )
    assert [sample.image_id for sample in samples] == ["0.png", "1.png"]
    for sample, shape in zip(samples, [(40, 80, 3), (60, 30, 3)], strict=True):
        assert sample.pixels.shape == shape
        assert sample.pixels.dtype == np.uint8
        assert (sample.pixels == (9, 99, 199)).all()
    images = images_of(nothing, num_samples=1)
    assert [image.pixels for image in images] == [None] * 3


def test_whole_images():
    """A detector that resizes itself gets them one by one."""
    shapes = []

    def detect(images):
        assert images.dtype == tf.uint8
        shapes.append(tuple(images.shape))
        return {
            "detection_boxes": np.zeros((1, 0, 4), np.float32),
            "detection_scores": np.zeros((1, 0), np.float32),
            "detection_classes": np.zeros((1, 0), np.float32),
            "num_detections": np.zeros(1, np.float32),
        }

    metrics, (sample,) = evaluate(
        detect, FakeSource(), "val", image_size=None, num_samples=1
    )
    assert shapes == [(1, 40, 80, 3), (1, 60, 30, 3), (1, 50, 50, 3)]
    assert metrics["errors"]["total"]["missed"] == 3
    assert sample.pixels.shape == (40, 80, 3)
    assert (sample.pixels == (9, 99, 199)).all()


def test_image_that_does_not_decode_is_named():
    source = FakeSource()
    source.broken = 1
    with pytest.raises(InputError) as error:
        evaluate(detector([[], [], []]), source, "val", image_size=32)
    assert str(error.value) == (
        "1 of the 3 images of split 'val' cannot be used, more than"
        " --max_bad_images=0.05 of them; the first is 1.png: the image cannot"
        " be decoded: Unknown image file format. One of JPEG, JPEG XL, PNG,"
        " GIF, BMP, WebP required"
    )


def test_image_that_does_not_decode_is_left_out_up_to_the_limit(caplog):
    source = FakeSource()
    source.broken = 1

    def detect(images):
        return {
            "detection_boxes": np.zeros((len(images), 0, 4), np.float32),
            "detection_scores": np.zeros((len(images), 0), np.float32),
            "detection_classes": np.zeros((len(images), 0), np.float32),
            "num_detections": np.zeros(len(images), np.float32),
        }

    usable = UsableImages(source, max_bad_images=0.4)
    for _ in range(2):  # the second time it is known
        metrics, samples = evaluate(
            *(detect, source, "val"),
            image_size=32,
            num_samples=3,
            usable=usable,
        )
        assert metrics["images_left_out"] == 1
        assert [s.image_id for s in samples] == ["0.png", "2.png"]
        assert [s.position for s in samples] == [0, 2]
    assert metrics["errors"]["total"]["missed"] == 3  # and one is difficult
    assert caplog.text.count("1.png: the image cannot be decoded") == 1
