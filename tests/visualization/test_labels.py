"""Places of names."""

import itertools

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssd_tf.visualization import labels
from ssd_tf.visualization.labels import Area, place_labels

PICTURE = (400, 300)
SIZE = (60, 20)


def overlap(one, other):
    """Pixels that belong to both."""
    return labels.overlaps(np.array([one]), np.array([other])).item()


def place(*boxes, sizes=None):
    boxes = [Area(*box) for box in boxes]
    sizes = sizes or [SIZE] * len(boxes)
    return place_labels(boxes, sizes, picture_size=PICTURE)


def test_above_the_box():
    assert place((50, 100, 150, 200)) == [(50, 80, 110, 100)]


def test_inside_where_there_is_no_room_above():
    assert place((50, 10, 150, 200)) == [(50, 10, 110, 30)]


def test_moved_to_the_left_at_the_right_edge():
    assert place((390, 100, 400, 200)) == [(340, 80, 400, 100)]


def test_the_second_of_two_gives_way():
    first, second = place(*[(50, 100, 150, 200)] * 2)
    assert first == (50, 80, 110, 100)
    assert second == (50, 100, 110, 120)


def test_a_label_larger_than_the_picture_is_in_its_corner():
    (only,) = place((50, 100, 150, 200), sizes=[(500, 400)])
    assert (only.left, only.top) == (0, 0)


def test_eight_boxes_in_one_place_have_eight_places():
    places = place(*[(100, 100, 300, 200)] * 8)
    for one, other in itertools.combinations(places, 2):
        assert overlap(one, other) == 0


# A machine that is busy with other work is slow, and no error.
whatever_the_time = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
corner = st.tuples(st.integers(0, 399), st.integers(0, 299))


@whatever_the_time
@given(
    st.lists(
        st.tuples(corner, st.tuples(st.integers(1, 99), st.integers(1, 99))),
        max_size=12,
    )
)
def test_every_label_is_in_the_picture_and_at_its_box(items):
    boxes = [
        Area(x, y, min(x + w, PICTURE[0]), min(y + h, PICTURE[1]))
        for (x, y), (w, h) in items
    ]
    for box, label in zip(boxes, place(*boxes), strict=True):
        assert 0 <= label.left and label.right <= PICTURE[0]
        assert 0 <= label.top and label.bottom <= PICTURE[1]
        near = Area(box.left - 1, box.top - 1, box.right + 1, box.bottom + 1)
        touches = overlap(near, label) > 0
        assert touches or box.left < SIZE[0] or box.right > 340


@whatever_the_time
@given(st.lists(corner, min_size=2, max_size=8))
def test_each_label_covers_least_of_those_before(corners):
    boxes = [Area(x, y, min(x + 9, 400), min(y + 9, 300)) for x, y in corners]
    *before, last = place(*boxes, boxes[0])
    places = labels._places(boxes[0], SIZE, PICTURE)

    def covered(one):
        return sum(overlap(one, other) for other in before)

    assert last == min(places, key=covered)  # the first of equals


def test_an_overlap_is_counted_in_pixels():
    assert overlap((0, 0, 10, 10), (5, 8, 20, 20)) == 10
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0
