import pytest

from ssd_tf.class_names import COCO_CATEGORY_IDS, VOC_NAMES
from ssd_tf.errors import InputError
from ssd_tf.weights.class_map import match_classes

COCO_NAMES = tuple(COCO_CATEGORY_IDS)
# What VOC calls otherwise than COCO.
OTHERS = "aeroplane=airplane,motorbike=motorcycle,sofa=couch,tvmonitor=tv"


def pairs(class_map=""):
    """{VOC's name: COCO's name} of what is taken over."""
    found = match_classes(VOC_NAMES, COCO_NAMES, class_map)
    return {VOC_NAMES[k - 1]: COCO_NAMES[v - 1] for k, v in found.items()}


def test_names_match_whatever_their_case_and_spaces():
    found = pairs()
    assert found.pop("diningtable") == "dining table"
    assert found.pop("pottedplant") == "potted plant"
    assert len(found) == 14 and all(k == v for k, v in found.items())
    assert match_classes(("Hot-Dog",), ("cat", "hot_dog")) == {1: 2}
    # The very name goes before one that is alike.
    assert match_classes(("tv", "T V"), ("t-v", "tv")) == {1: 2, 2: 2}


def test_pairs_are_added():
    found = pairs(OTHERS)
    assert len(found) == 20
    assert found["tvmonitor"] == "tv" and found["person"] == "person"


def test_a_class_or_all_can_be_left_out():
    found = pairs("person=none, sofa=couch")
    assert "person" not in found and found["sofa"] == "couch"
    assert len(found) == 16
    assert pairs("none") == {}


@pytest.mark.parametrize(
    "class_map, problem",
    [
        ("sofa", "expected CLASS=CLASS_OF_THE_WEIGHTS, got 'sofa'; or none"),
        ("sofa=", "got 'sofa='"),
        ("=couch", "got '=couch'"),
        ("sofa=couch,sofa=bed", "'sofa' is given twice"),
        (
            "motorcycle=motorbike",
            "--class_map=motorcycle=motorbike: 'motorcycle' is no class of the "
            "data, did you mean motorbike?; known: aeroplane, ",
        ),
        ("sofa=sofa", "'sofa' is no class of the weights"),
        ("none,sofa=couch", "got 'none'"),
    ],
)
def test_errors(class_map, problem):
    with pytest.raises(InputError) as caught:
        pairs(class_map)
    assert problem in str(caught.value)


def test_weights_whose_classes_have_no_names():
    with pytest.raises(InputError, match="known: none, they have no names"):
        match_classes(("cat",), (), "cat=dog")
