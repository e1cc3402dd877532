from ssd_tf.class_names import COCO_CATEGORY_IDS, VOC_NAMES


def test_indices_of_voc():
    """As Caffe's labelmap_voc.prototxt numbers them."""
    assert len(set(VOC_NAMES)) == 20 and list(VOC_NAMES) == sorted(VOC_NAMES)
    assert VOC_NAMES.index("person") + 1 == 15
    assert VOC_NAMES.index("tvmonitor") + 1 == 20


def test_ids_of_coco():
    assert len(COCO_CATEGORY_IDS) == 80
    assert COCO_CATEGORY_IDS["person"] == 1
    assert COCO_CATEGORY_IDS["stop sign"] == 13
    assert COCO_CATEGORY_IDS["toothbrush"] == 90
