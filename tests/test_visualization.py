"""Pictures of boxes, by their pixels."""

import numpy as np
import pytest
from PIL import Image

from ssd_tf import visualization

NAMES = ("cat", "dog")
DOG = visualization.class_color(2)


def draw(boxes, *, labels=None, size=(100, 200), scores=None, names=NAMES):
    """A black picture with boxes of dogs, as an array [H, W, 3]."""
    boxes = np.reshape(boxes, (-1, 4)).astype(np.float32)
    labels = np.full(len(boxes), 2) if labels is None else np.array(labels)
    picture = visualization.draw_boxes(
        np.zeros((*size, 3), np.uint8), boxes, labels, names, scores=scores
    )
    assert picture.size == size[::-1] and picture.mode == "RGB"
    return np.asarray(picture)


def is_dog(pixels):
    return (pixels == DOG).all(axis=-1)


def test_edges_have_the_class_s_colour():
    drawn = is_dog(
        draw([(0.5, 0.25, 0.9, 0.75)])
    )  # rows 50..89, columns 50..149
    assert drawn[50:90, 50].all() and drawn[50:90, 149].all()
    assert drawn[50, 50:150].all() and drawn[89, 50:150].all()
    # Inside and outside there is nothing; the name is above.
    assert not drawn[51:89, 51:149].any()
    assert not drawn[90:].any()
    assert not drawn[:, :50].any() and not drawn[:, 150:].any()
    assert drawn[30:50, 50:80].any() and not drawn[:30].any()


def test_box_of_the_whole_image_shows_all_edges():
    drawn = is_dog(draw([(0, 0, 1, 1)]))
    assert drawn[:, 0].all() and drawn[:, 199].all() and drawn[99].all()
    # The name is inside, where there is no room above.
    label = drawn[1:10, 1:20]
    assert 0.4 < label.mean() < 0.95


def test_name_stays_inside_at_the_right_edge():
    image = draw([(0.5, 0.95, 0.9, 1.0)], scores=np.array([0.5]))
    label = is_dog(image[30:50])
    # "dog 0.50" is wider than the box of 10 pixels and ends at the edge.
    assert label[:, 170:].any() and not label[:, :120].any()
    assert label[:, 199].sum() >= 8


@pytest.mark.parametrize(
    "box",
    [
        (1.1, 1.1, 1.5, 1.5),
        (-0.5, 0.1, -0.1, 0.5),
        (0.1, 1.0, 0.5, 1.2),
        (0.5, 0.5, 0.5, 0.8),
        (0.8, 0.8, 0.2, 0.2),
        (np.nan, 0.1, 0.5, 0.5),
    ],
)
def test_nothing_of_a_box_outside_is_drawn(box):
    assert not draw([box]).any()


def test_box_partly_outside_is_cut():
    drawn = is_dog(draw([(0.5, 0.5, 1e6, 1e6)]))
    assert drawn[50:, 100].all() and drawn[50:, 199].all()
    assert drawn[99, 100:].all()
    drawn = is_dog(draw([(-0.2, -3.0, 0.6, 0.5)]))
    assert drawn[:60, 99].all() and drawn[59, :100].all()


def test_box_smaller_than_a_pixel_is_seen():
    assert is_dog(draw([(0.501, 0.501, 0.502, 0.502)]))[50, 100]


def test_best_score_lies_on_top():
    boxes = [(0.5, 0.25, 0.9, 0.75)] * 2
    image = draw(boxes, labels=[1, 2], scores=np.array([0.3, 0.9]))
    assert is_dog(image)[60, 50]
    image = draw(boxes, labels=[1, 2], scores=np.array([0.9, 0.3]))
    assert (image[60, 50] == visualization.class_color(1)).all()


def test_inputs_are_left_alone():
    image = np.full((50, 50, 3), 7, np.uint8)
    boxes = np.array([(0.1, 0.1, 0.9, 0.9)], np.float32)
    labels = np.array([1])
    before = boxes.copy()
    picture = visualization.draw_boxes(image, boxes, labels, NAMES)
    assert (np.asarray(picture) != 7).any()
    assert (image == 7).all() and (boxes == before).all()
    image.flags.writeable = False  # as arrays of TensorFlow are
    visualization.draw_boxes(image, boxes, labels, NAMES)


def test_colours_are_bright_and_differ():
    colours = [visualization.class_color(label) for label in range(1, 21)]
    assert len(set(colours)) == 20
    assert visualization.class_color(3) == colours[2]
    for colour, following in zip(colours, colours[1:]):
        assert max(colour) > 200
        assert sum(abs(a - b) for a, b in zip(colour, following)) > 150


def test_no_boxes_and_other_names():
    assert not draw(np.zeros((0, 4))).any()
    draw([(0.5, 0.2, 0.9, 0.8)], names=("", "größter Hund, 犬"))


def test_side_by_side():
    """Two columns of 60 x 40, 6 pixels apart, under a line of titles."""
    colours = [["red", "lime"], ["blue", "yellow"]]
    rows = [[Image.new("RGB", (60, 40), c) for c in row] for row in colours]
    sheet = visualization.side_by_side(rows, ("one", "two"))
    assert sheet.size == (60 + 6 + 60, 24 + 40 + 6 + 40)
    assert sheet.getpixel((0, 24)) == (255, 0, 0)
    assert sheet.getpixel((59, 63)) == (255, 0, 0)
    assert sheet.getpixel((66, 24)) == (0, 255, 0)
    assert sheet.getpixel((0, 70)) == (0, 0, 255)
    assert sheet.getpixel((125, 109)) == (255, 255, 0)
    assert sheet.getpixel((62, 50)) == (255, 255, 255)
    assert sheet.getpixel((30, 66)) == (255, 255, 255)
    titles = np.asarray(sheet.convert("L"))[:24]
    assert (titles[:, :60] < 100).any() and (titles[:, 66:] < 100).any()
