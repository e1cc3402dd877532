"""The model card and labels.txt of an exported version."""

import datetime
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from ssd_tf.serving.export_format import ExportRequest
from ssd_tf.serving.files import LABELS_FILE, labels_to_text
from ssd_tf.training.journal import library_versions
from ssd_tf.training.run_dir import CONVERTED
from ssd_tf.weights.published import PUBLISHED

CARD_FILE = "model_card.json"


def write_labels(version_dir: pathlib.Path, class_names: Sequence[str]) -> None:
    """Writes assets/labels.txt of a SavedModel, if its classes have names."""
    if not class_names:
        return
    assets = version_dir / "assets"
    assets.mkdir(exist_ok=True)  # SavedModels have it, if empty
    text = labels_to_text(class_names)
    (assets / LABELS_FILE).write_text(text, encoding="utf-8")


def write_model_card(
    version_dir: pathlib.Path, request: ExportRequest, *, model_name: str
) -> None:
    """Writes model_card.json beside saved_model.pb."""
    detector_config = request.detector_config
    train_config = request.train_config
    data_dir = _basename(train_config.data_dir)
    card = {
        "model_name": model_name,
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(
            timespec="seconds"
        ),
        "architecture": request.model.name,
        "classes": dict(enumerate(detector_config.class_names, start=1)),
        "signatures": _signatures(version_dir),
        "thresholds": {
            name: getattr(request.decoder, name)
            for name in (
                "score_threshold",
                "nms_iou_threshold",
                "pre_nms_top_k",
                "max_detections",
                "multi_label",
                "agnostic_nms",
            )
        },
        # Whose weights it began with, and under which licence.
        "source": request.source,
        "data": {
            "dataset": train_config.dataset,
            "data_dir": data_dir,
            "train_split": train_config.train_split,
            "eval_split": train_config.eval_split,
        },
        # Which ones of the training: the best or the last, and of which step.
        "weights": request.weights,
        "measured": _measured(request),
        "detector": detector_config.to_dict(),
        "training": {
            **train_config.to_dict(),
            "data_dir": data_dir,
            "init_weights": _basename(train_config.init_weights),
        },
        "versions": library_versions(),
    }
    if train_config.recipe == CONVERTED:  # was not trained here
        card |= {"data": None, "training": None, "weights": None}
    text = json.dumps(card, indent=2, allow_nan=False)
    (version_dir / CARD_FILE).write_text(text + "\n", encoding="utf-8")


def _measured(request: ExportRequest) -> dict[str, Any] | None:
    """The metrics, and the data and thresholds they were measured with.

    The run measures with its own thresholds, whatever is exported.
    """
    if request.result is None:
        return None
    config = request.detector_config
    return {
        "dataset": request.train_config.dataset,
        "split": request.train_config.eval_split,
        "score_threshold": config.score_threshold,
        "nms_iou_threshold": config.nms_iou_threshold,
        "max_detections": config.max_detections,
        "metrics": dict(request.result),
    }


def _signatures(version_dir: pathlib.Path) -> dict[str, Any]:
    """Names -> inputs and outputs, read from the SavedModel."""
    content = (version_dir / "saved_model.pb").read_bytes()
    (graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return {
        name: {
            "inputs": _tensors(signature.inputs),
            "outputs": _tensors(signature.outputs),
        }
        for name, signature in sorted(graph.signature_def.items())
        if not name.startswith("__")  # TensorFlow's own
    }


def _tensors(infos) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "dtype": tf.as_dtype(info.dtype).name,
            "shape": tf.TensorShape(info.tensor_shape).as_list(),
        }
        for name, info in sorted(infos.items())
    }


def _basename(path: str | None) -> str | None:
    """The last part of a path; the others name folders of one machine."""
    if path is None or path in PUBLISHED:
        return path
    return pathlib.Path(path).name
