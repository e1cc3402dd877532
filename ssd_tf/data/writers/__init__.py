"""Annotations written in other layouts than the one they were read in."""

from ssd_tf.data.writers.coco import CocoWriter, coco_content
from ssd_tf.data.writers.conversion import Converted, convert_folder
from ssd_tf.data.writers.facts import LabelledImage, LabelledObject, Writer
from ssd_tf.data.writers.label_studio import label_studio_task
from ssd_tf.data.writers.tfrecord import TfrecordWriter
from ssd_tf.data.writers.voc import VocWriter, voc_xml
from ssd_tf.data.writers.yolo import YoloWriter, yolo_lines

# What `python -m ssd_tf convert_data --to` makes; of
# (folder, class_names, category_ids).
WRITERS: dict[str, type[Writer]] = {
    "coco": CocoWriter,
    "voc": VocWriter,
    "yolo": YoloWriter,
    "tfrecord": TfrecordWriter,
}

__all__ = [
    "Converted",
    "LabelledImage",
    "LabelledObject",
    "WRITERS",
    "Writer",
    "coco_content",
    "convert_folder",
    "label_studio_task",
    "voc_xml",
    "yolo_lines",
]
