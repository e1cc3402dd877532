"""Augmentation: what happens to a training image and its boxes."""

from ssd_tf.data.augmentation.policy import (
    POLICIES,
    Operation,
    Policy,
    Sample,
    augment,
    build_policy,
)

__all__ = [
    "POLICIES",
    "Operation",
    "Policy",
    "Sample",
    "augment",
    "build_policy",
]
