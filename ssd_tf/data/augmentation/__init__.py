"""Augmentation: what happens to a training image and its boxes."""

from ssd_tf.data.augmentation.policy import POLICIES, build_policy
from ssd_tf.data.augmentation.sample import (
    Operation,
    Policy,
    Sample,
    augment,
)

__all__ = [
    "POLICIES",
    "Operation",
    "Policy",
    "Sample",
    "augment",
    "build_policy",
]
