"""Compares what an export detects with what the decoder does."""

import numpy as np


def assert_detections(outputs, expected, *, first_class):
    """Every detection is there, and nothing else; the rest is zeros.

    Detections of the same score to 1e-5 may change places.

    Args:
      outputs: of an export, by name.
      expected: `Detections` of the same images.
      first_class: what stands for class 1.
    """
    shape = expected.scores.shape  # [B, K]
    assert outputs["detection_boxes"].shape == (*shape, 4)
    assert {value.dtype for value in outputs.values()} == {np.dtype("float32")}
    np.testing.assert_array_equal(
        outputs["num_detections"], expected.num_detections
    )
    np.testing.assert_allclose(
        outputs["detection_scores"], expected.scores, atol=1e-5
    )
    for i, count in enumerate(expected.num_detections.numpy()):
        assert 0 < count < shape[1]
        found = np.concatenate(
            [
                outputs["detection_boxes"][i],
                outputs["detection_scores"][i, :, None],
                outputs["detection_classes"][i, :, None],
            ],
            axis=1,
        )  # [K, 6]
        assert not found[count:].any()
        wanted = np.concatenate(
            [
                np.clip(expected.boxes[i], 0.0, 1.0),
                expected.scores[i][:, None],
                expected.classes[i][:, None] - 1 + first_class,
            ],
            axis=1,
        )
        difference = np.abs(found[:count, None] - wanted[:count]).max(axis=2)
        assert difference.min(axis=0).max() < 1e-5
        assert difference.min(axis=1).max() < 1e-5
