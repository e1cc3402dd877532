"""Pictures of boxes."""

from ssd_tf.visualization.colors import class_color, ink_on
from ssd_tf.visualization.drawing import draw_assignment, draw_boxes
from ssd_tf.visualization.sheets import shrink, side_by_side

__all__ = [
    "class_color",
    "draw_assignment",
    "draw_boxes",
    "ink_on",
    "shrink",
    "side_by_side",
]
