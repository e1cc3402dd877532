"""Pictures of boxes, by their pixels."""

import numpy as np
import pytest

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
    assert is_dog(image)[80, 50]
    image = draw(boxes, labels=[1, 2], scores=np.array([0.9, 0.3]))
    assert (image[80, 50] == visualization.class_color(1)).all()


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


def test_no_boxes_and_other_names():
    assert not draw(np.zeros((0, 4))).any()
    draw([(0.5, 0.2, 0.9, 0.8)], names=("", "größter Hund, 犬"))


@pytest.mark.parametrize("factor, line", [(1, 2), (2, 4), (8, 15)])
def test_lines_and_text_grow_with_the_picture(factor, line):
    """At 300 x 600 the line is 424 / 220 px wide, the text 424 / 40."""
    size = (300 * factor, 600 * factor)
    drawn = is_dog(draw([(0.4, 0.2, 0.9, 0.8)], size=size))
    left, middle = round(0.2 * size[1]), round(0.7 * size[0])
    assert drawn[middle, left : left + line].all()
    assert not drawn[middle, left + line : size[1] // 2].any()
    top = round(0.4 * size[0])
    above = drawn[:top].any(axis=1).sum()
    assert above == pytest.approx(1.25 * np.sqrt(size[0] * size[1]) / 40, abs=1)


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_a_box_is_seen_on_any_ground(ground):
    """A rim darker than the ground, or the colour itself, is beside it."""
    image = np.full((100, 200, 3), ground, np.uint8)
    boxes, labels = np.array([(0.5, 0.25, 0.9, 0.75)]), np.array([2])
    drawn = np.asarray(visualization.draw_boxes(image, boxes, labels, NAMES))
    assert (drawn[70, 50] == DOG).all()
    assert (drawn[70, 49] <= ground * 0.6).all()
    assert (drawn[70, 51] <= ground * 0.6).all()
    assert (drawn[70, 55] == ground).all() and (drawn[70, 45] == ground).all()


def test_assignment():
    image = np.zeros((100, 200, 3), np.uint8)
    anchors = np.array([(0.1, 0.1, 0.3, 0.3), (0.5, 0.5, 0.9, 0.9)])
    drawn = np.asarray(
        visualization.draw_assignment(
            image, anchors, np.array([2, 0]), np.array([(0.2, 0.6, 0.4, 0.8)])
        )
    )
    assert (drawn[20, 20] == DOG).all() and (drawn[30, 60] == DOG).all()
    assert (drawn[30, 120] == 255).all()
    assert not drawn[45:].any()  # the second anchor is background
