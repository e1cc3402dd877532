"""Lines and figures of a run."""

from ssd_tf.training import headline


def test_headline():
    figures = {"mAP": 0.5, "AP": {"cell": 0.5}}
    line = headline({"step": 20, **figures, "coco": {**figures, "mAP": 0.25}})
    assert line == "step 20: mAP@.5 0.5000, COCO AP 0.2500"


def test_headline_without_any_object():
    figures = {"mAP": 0.0, "AP": {}}
    line = headline({"step": 20, **figures, "coco": figures})
    assert line == "step 20: mAP@.5 none, COCO AP none"
