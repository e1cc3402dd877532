"""Class names of the published data sets, in the order of their labels."""

# Alphabetical, as Caffe's labelmap_voc.prototxt has them.
VOC_NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat"),
    *("chair", "cow", "diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
# In the order of their ids. Ten of the ids 1..90 were never used.
# Source: cocodataset.org, instances_train2017.json.
_COCO_NAMES = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train"),
    *("truck", "boat", "traffic light", "fire hydrant", "stop sign"),
    *("parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella"),
    *("handbag", "tie", "suitcase", "frisbee", "skis", "snowboard"),
    *("sports ball", "kite", "baseball bat", "baseball glove", "skateboard"),
    *("surfboard", "tennis racket", "bottle", "wine glass", "cup", "fork"),
    *("knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange"),
    *("broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair"),
    *("couch", "potted plant", "bed", "dining table", "toilet", "tv"),
    *("laptop", "mouse", "remote", "keyboard", "cell phone", "microwave"),
    *("oven", "toaster", "sink", "refrigerator", "book", "clock", "vase"),
    *("scissors", "teddy bear", "hair drier", "toothbrush"),
)
_UNUSED_COCO_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
_LARGEST_COCO_ID = 90
COCO_CATEGORY_IDS = dict(
    zip(
        _COCO_NAMES,
        sorted(set(range(1, _LARGEST_COCO_ID + 1)) - _UNUSED_COCO_IDS),
        strict=True,
    )
)
_NAME_OF_COCO_ID = {number: name for name, number in COCO_CATEGORY_IDS.items()}
# Of a detector with a class for every id, as torchvision's.
COCO_NAMES_BY_ID = tuple(
    _NAME_OF_COCO_ID.get(number, f"N/A {number}")
    for number in range(1, _LARGEST_COCO_ID + 1)
)


def is_used(class_name: str) -> bool:
    """False for a class that stands for an id that COCO never used."""
    return not class_name.startswith("N/A ")
