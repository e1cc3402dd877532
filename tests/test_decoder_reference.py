"""The decoder beside a plain statement of Caffe's procedure."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import PRESETS, Decoder, build_anchors


def random_outputs(rng, *, batch, num_anchors, num_outputs):
    logits = rng.normal(size=(batch, num_anchors, num_outputs)) * 3
    offsets = rng.normal(size=(batch, num_anchors, 4))
    return {
        "logits": logits.astype(np.float32),
        "localisations": offsets.astype(np.float32),
    }


def iou_in_numpy(a, b):
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(height, 0) * max(width, 0)
    areas = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
    return inter / (areas - inter)


def decode_in_numpy(logits, offsets, anchors, *, top_k, max_detections):
    """Caffe's procedure for one image, in float64."""
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    d_cx, d_cy, d_w, d_h = anchors.cxcywh.astype(np.float64).T
    t = offsets.astype(np.float64).T
    cx, cy = d_cx + 0.1 * t[0] * d_w, d_cy + 0.1 * t[1] * d_h
    w, h = d_w * np.exp(0.2 * t[2]), d_h * np.exp(0.2 * t[3])
    boxes = np.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], 1)
    results = []
    for c in range(1, p.shape[1]):
        kept = []
        for i in np.argsort(-p[:, c])[:top_k]:
            if p[i, c] > 0.01 and all(
                iou_in_numpy(boxes[i], boxes[j]) <= 0.45 for j in kept
            ):
                kept.append(i)
        results += [(p[i, c], c, boxes[i]) for i in kept]
    return sorted(results, key=lambda r: -r[0])[:max_detections]


@pytest.mark.parametrize(
    "top_k, max_detections, background, least",
    [
        (400, 200, 0.0, 21),
        (50, 60, 0.0, 21),
        # As trained: a few boxes are no background. Then one, then none.
        (400, 200, 9.0, 5),
        (400, 200, 12.0, 1),
        (400, 200, 40.0, 0),
    ],
)
def test_equals_the_procedure_in_numpy(
    toy_config, top_k, max_detections, background, least
):
    config = dataclasses.replace(
        toy_config, feature_sizes=(12,), steps_px=(5,), num_classes=3
    )
    anchors = build_anchors(config)
    outputs = random_outputs(
        np.random.default_rng(0), batch=2, num_anchors=288, num_outputs=4
    )
    outputs["logits"][..., 0] += background
    detections = Decoder(
        config, pre_nms_top_k=top_k, max_detections=max_detections
    )(outputs)
    for image in range(2):
        expected = decode_in_numpy(
            outputs["logits"][image],
            outputs["localisations"][image],
            anchors,
            top_k=top_k,
            max_detections=max_detections,
        )
        count = int(detections.num_detections[image])
        assert count == len(expected) >= least
        if not expected:
            continue
        scores, classes, boxes = zip(*expected)
        assert detections.classes[image, :count].numpy().tolist() == list(
            classes
        )
        np.testing.assert_allclose(
            detections.scores[image, :count], scores, rtol=1e-5
        )
        np.testing.assert_allclose(
            detections.boxes[image, :count], boxes, atol=1e-5
        )


@pytest.mark.parametrize("score_threshold", [0.0, 0.01, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("multi_label", [True, False])
def test_nothing_is_lost_with_the_anchors_left_out(
    toy_config, multi_label, score_threshold
):
    """A call looks at promising anchors only, `candidates` at all of them."""
    decoder = Decoder(
        toy_config, score_threshold=score_threshold, multi_label=multi_label
    )
    outputs = random_outputs(
        np.random.default_rng(2),
        batch=3,
        num_anchors=len(decoder.anchors),
        num_outputs=toy_config.num_classes + 1,
    )
    outputs["logits"][0, :, 0] += 50.0
    outputs["logits"][1, ::2] = 2.0  # equal scores
    detections = decoder(outputs)
    boxes, scores = decoder.candidates(outputs)
    expected = tf.image.combined_non_max_suppression(
        boxes,
        scores,
        max_output_size_per_class=400,
        max_total_size=200,
        iou_threshold=0.45,
        score_threshold=score_threshold,
        clip_boxes=False,
    )
    np.testing.assert_array_equal(
        detections.num_detections, expected.valid_detections
    )
    np.testing.assert_allclose(
        detections.scores, expected.nmsed_scores, atol=1e-7
    )
    np.testing.assert_allclose(
        detections.boxes, expected.nmsed_boxes, atol=1e-6
    )


@pytest.mark.parametrize("multi_label", [True, False])
def test_any_batch_size_in_a_graph(multi_label):
    config = dataclasses.replace(PRESETS["ssd300_tiny"], num_classes=3)
    decoder = Decoder(config, multi_label=multi_label)
    outputs = random_outputs(
        np.random.default_rng(1), batch=5, num_anchors=8732, num_outputs=4
    )
    decode = tf.function(
        decoder,
        input_signature=[
            {
                "logits": tf.TensorSpec([None, 8732, 4]),
                "localisations": tf.TensorSpec([None, 8732, 4]),
            }
        ],
    )
    whole = decode(outputs)
    assert whole.boxes.shape == (5, 200, 4)
    assert (whole.num_detections.numpy() > 50).all()
    for rows in ([0], [1, 2], [3, 4]):
        part = decode({k: v[rows] for k, v in outputs.items()})
        eager = decoder({k: v[rows] for k, v in outputs.items()})
        for from_part, from_eager, from_whole in zip(part, eager, whole):
            expected = from_whole.numpy()[rows]
            np.testing.assert_allclose(from_part, expected, atol=1e-6)
            np.testing.assert_allclose(from_eager, expected, atol=1e-6)
