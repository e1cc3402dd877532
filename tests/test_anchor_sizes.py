import pytest

from ssd_tf.anchor_sizes import published_sizes_px


@pytest.mark.parametrize(
    "scales, size, levels, expected",
    [
        ("voc", 300, 6, (30, 60, 111, 162, 213, 264, 315)),
        ("coco", 300, 6, (21, 45, 99, 153, 207, 261, 315)),
        ("voc", 512, 7, (35.84, 76.8, 153.6, 230.4, 307.2, 384, 460.8, 537.6)),
        (
            "coco",
            512,
            7,
            (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72),
        ),
    ],
)
def test_published_sizes(scales, size, levels, expected):
    min_sizes_px, max_sizes_px = published_sizes_px(scales, size, levels)
    assert min_sizes_px == pytest.approx(expected[:-1], abs=1e-9)
    assert max_sizes_px == pytest.approx(expected[1:], abs=1e-9)


def test_unpublished_sizes_are_refused():
    with pytest.raises(ValueError, match="scales 'voc' at 400 px.*coco at 300"):
        published_sizes_px("voc", 400, 6)
    with pytest.raises(ValueError, match="scales 'lvis' at 300 px"):
        published_sizes_px("lvis", 300, 6)
