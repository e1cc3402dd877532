"""Augmentation: what happens to a training image and its boxes."""

from ssd_tf.data.augmentation.mixing import Partner
from ssd_tf.data.augmentation.operations import Operation, Policy, Sample
from ssd_tf.data.augmentation.policy import (
    POLICIES,
    augment,
    build_policy,
    count_partners,
)

__all__ = [
    "POLICIES",
    "Operation",
    "Partner",
    "Policy",
    "Sample",
    "augment",
    "build_policy",
    "count_partners",
]
