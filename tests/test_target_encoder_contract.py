"""The contract of the targets of any objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf import PRESETS, TargetEncoder, box_ops, matchers

ENCODER = TargetEncoder(PRESETS["ssd300_tiny"])
A = 8732


def check_contract(targets, gt_labels, gt_boxes):
    """Checks what holds for every set of objects; returns the labels."""
    gclasses, glocalisations, gscores = (t.numpy() for t in targets)
    assert gclasses.shape == (A,) and gclasses.dtype == np.int32
    assert glocalisations.shape == (A, 4)
    assert glocalisations.dtype == np.float32
    assert gscores.shape == (A,) and gscores.dtype == np.float32
    positive = gclasses > 0
    assert np.isfinite(glocalisations).all()
    assert not glocalisations[~positive].any()
    valid = matchers.valid_objects(gt_boxes, gt_labels).numpy()
    assert set(gclasses[positive]) <= set(gt_labels[valid])
    if not valid.any():
        assert not positive.any() and not gscores.any()
        return set()
    iou = box_ops.pairwise_iou(gt_boxes[valid], ENCODER.anchors.boxes).numpy()
    # Background: the best IoU with any object, below the threshold.
    np.testing.assert_allclose(
        gscores[~positive], iou.max(axis=0)[~positive], rtol=0, atol=1e-6
    )
    assert (gscores[~positive] < 0.5).all()
    # Positive: the IoU with the object that its own targets decode to.
    decoded = ENCODER.coder.decode(
        glocalisations, ENCODER.anchors.boxes
    ).numpy()
    for anchor in np.flatnonzero(positive):
        distance = np.abs(gt_boxes - decoded[anchor]).max(axis=1)
        distance[~valid | (gt_labels != gclasses[anchor])] = np.inf
        index = np.argmin(distance)
        assert distance[index] < 1e-5
        row = np.count_nonzero(valid[:index])
        assert gscores[anchor] == pytest.approx(iou[row, anchor], abs=1e-6)
        assert gscores[anchor] > 0
    return set(gclasses[positive])


def test_every_object_is_found():
    labels = np.array([3, 1, 20, 7], np.int32)
    boxes = np.array(
        [
            [0.1, 0.1, 0.4, 0.5],
            [0.3, 0.3, 0.9, 0.95],
            [0.5, 0.5, 0.52, 0.53],
            [0.0, 0.0, 1.0, 1.0],
        ],
        np.float32,
    )
    assert check_contract(ENCODER(labels, boxes), labels, boxes) == set(labels)


COORDINATE = st.floats(-0.25, 1.25, width=32)
SPECIAL = st.sampled_from([np.nan, np.inf, -np.inf, -0.0, 1e-30, 3e38])
OBJECTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.tuples(*[COORDINATE | COORDINATE | COORDINATE | SPECIAL] * 4),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_contract_holds_for_any_objects(objects):
    labels = np.array([label for label, _ in objects], np.int32)
    boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    found = check_contract(ENCODER(labels, boxes), labels, boxes)
    valid = matchers.valid_objects(boxes, labels).numpy()
    if valid.any():
        overlap = box_ops.pairwise_iou(boxes, ENCODER.anchors.boxes).numpy()
        # At most six objects, so nobody runs out of anchors but by sharing.
        many = (overlap > 2e-6).sum(axis=1) >= 6
        assert set(labels[valid & many]) <= found
