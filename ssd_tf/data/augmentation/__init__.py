"""Augmentation: what happens to a training image and its boxes."""

from ssd_tf.data.augmentation.policy import (
    POLICIES,
    Policy,
    augment,
    build_policy,
)

__all__ = ["POLICIES", "Policy", "augment", "build_policy"]
