"""NMS in LiteRT and ONNX, without a network: what the decoder detects."""

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert_interpreter

from ssd_tf import Decoder
from ssd_tf.serving import litert_graph, nms, onnx
from tests.serving.answers import assert_detections

# At an overlap of 0 boxes that touch nothing stay, at 1 all do.
OVERLAPS = ("0.0", "0.45", "1.0")


@pytest.fixture(scope="module")
def decoders(detector):
    """Case -> decoder."""
    config = detector.config
    return {
        name: Decoder(config, nms_iou_threshold=float(name), pre_nms_top_k=20)
        for name in OVERLAPS
    } | {
        # Fewer candidates than detections: 4 x 10 for 100.
        "one class per box": Decoder(
            config,
            multi_label=False,
            pre_nms_top_k=10,
            max_detections=100,
            nms_iou_threshold=0.2,
            score_threshold=0.1,
        ),
        "one class per object": Decoder(
            config, agnostic_nms=True, pre_nms_top_k=50, max_detections=60
        ),
        "nothing": Decoder(config, score_threshold=1.0),
    }


@pytest.fixture(scope="module")
def outputs(detector):
    """Of the network, for four images."""
    found = detector.model(detector.images)
    return {name: found[name].numpy() for name in ("logits", "localisations")}


def specs(outputs, batch_size):
    return [
        tf.TensorSpec([batch_size, *value.shape[1:]], tf.float32, name=name)
        for name, value in outputs.items()
    ]


@pytest.fixture(scope="module")
def litert(decoders, outputs):
    """Case -> outputs; all cases are one model."""
    names = list(decoders)

    def detect(logits, localisations):
        return {
            f"{names.index(case)}_{name}": value
            for case, decoder in decoders.items()
            for name, value in nms.litert_detections(
                decoder, {"logits": logits, "localisations": localisations}
            ).items()
        }

    model = litert_graph.convert(detect, specs(outputs, 1))
    interpreter = litert_interpreter.Interpreter(model_content=model)
    run = interpreter.get_signature_runner()
    found = [
        run(**{name: value[i : i + 1] for name, value in outputs.items()})
        for i in range(4)
    ]

    def get(case):
        start = f"{names.index(case)}_"
        return {
            name.removeprefix(start): np.concatenate([f[name] for f in found])
            for name in found[0]
            if name.startswith(start)
        }

    return get


@pytest.fixture(scope="module")
def in_onnx(decoders, outputs):
    """Case -> outputs."""

    def get(case):
        model = onnx.convert_detector(
            lambda logits, localisations: {
                "logits": logits,
                "localisations": localisations,
            },
            specs(outputs, None),
            decoder=decoders[case],
        )
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, outputs), strict=True))

    return get


@pytest.fixture(params=["litert", "in_onnx"])
def found(request):
    """Case -> outputs, in each format."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    "case", [*OVERLAPS, "one class per box", "one class per object"]
)
def test_detections_are_those_of_the_decoder(
    found, decoders, outputs, case, request
):
    expected = decoders[case](outputs)
    if case in OVERLAPS:
        for i, count in enumerate(expected.num_detections):
            # More than one of a class, so that a stricter NMS is seen.
            assert count > len(set(expected.classes[i, :count].numpy()))
    first = {"litert": 0, "in_onnx": 1}[request.node.callspec.params["found"]]
    assert_detections(found(case), expected, first_class=first)


def test_nothing_found(found):
    outputs = found("nothing")
    for name, shape in {
        "detection_boxes": (4, 200, 4),
        "detection_scores": (4, 200),
        "detection_classes": (4, 200),
        "num_detections": (4,),
    }.items():
        np.testing.assert_array_equal(outputs[name], np.zeros(shape))


def test_boxes_that_overlap_by_just_the_threshold_in_litert(detector):
    """Halves are exact in binary; a third box apart is always kept."""
    kept = {0.5: 2, 0.49: 1, 0.0: 1}
    boxes = [[0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 0.5, 0.5], [0.0, 0.5, 1.0, 1.0]]

    def suppress(boxes, scores):
        return {
            f"found_{i}": nms.litert_nms(
                boxes,
                scores,
                Decoder(
                    detector.config, nms_iou_threshold=iou, max_detections=4
                ),
            )["num_detections"]
            for i, iou in enumerate(kept)
        }

    model = litert_graph.convert(
        suppress,
        [
            tf.TensorSpec([1, 3, 4], name="boxes"),
            tf.TensorSpec([1, 3], name="scores"),
        ],
    )
    interpreter = litert_interpreter.Interpreter(model_content=model)
    found = interpreter.get_signature_runner()(
        boxes=np.array([boxes], np.float32),
        scores=np.array([[0.9, 0.8, 0.7]], np.float32),
    )
    for i, count in enumerate(kept.values()):
        assert found[f"found_{i}"].tolist() == [count + 1]
