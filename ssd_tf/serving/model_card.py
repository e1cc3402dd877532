"""What an exported version says about itself, for people and programs."""

import datetime
import json
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.decoder import Decoder
from ssd_tf.serving import labels
from ssd_tf.version import __version__

CARD_FILE = "model_card.json"


def write_labels(version_dir: pathlib.Path, class_names: Sequence[str]) -> None:
    """Writes assets/labels.txt: the names of the classes 1..C, one a line.

    Args:
      version_dir: folder of the SavedModel.
      class_names: none write no file.
    """
    if not class_names:
        return
    assets = version_dir / "assets"
    assets.mkdir(exist_ok=True)  # SavedModels have it, if empty
    text = labels.to_text(class_names)
    (assets / labels.LABELS_FILE).write_text(text, encoding="utf-8")


def write_model_card(
    version_dir: pathlib.Path,
    *,
    model_name: str,
    architecture: str,
    config: DetectorConfig,
    train: TrainConfig,
    decoder: Decoder,
    result: Mapping[str, Any] | None,
) -> None:
    """Writes model_card.json beside saved_model.pb.

    Args:
      version_dir: folder of the SavedModel.
      model_name: that it is served under.
      architecture: name of the network.
      config: of the detector.
      train: how it was trained.
      decoder: with the exported thresholds.
      result: the run's last evaluation; None if it is not finished.
    """
    card = {
        "model_name": model_name,
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(
            timespec="seconds"
        ),
        "architecture": architecture,
        "classes": dict(enumerate(config.class_names, start=1)),
        "signatures": _signatures(version_dir),
        "thresholds": {
            name: getattr(decoder, name)
            for name in (
                "score_threshold",
                "nms_iou_threshold",
                "pre_nms_top_k",
                "max_detections",
            )
        },
        "data": {
            "dataset": train.dataset,
            "data_dir": _basename(train.data_dir),
            "train_split": train.train_split,
            "eval_split": train.eval_split,
        },
        "measured": _measured(config, train, result),
        "detector": config.to_dict(),
        "training": {
            **train.to_dict(),
            "data_dir": _basename(train.data_dir),
            "init_weights": _basename(train.init_weights),
        },
        "versions": {
            "ssd_tf": __version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    text = json.dumps(card, indent=2, allow_nan=False)
    (version_dir / CARD_FILE).write_text(text + "\n", encoding="utf-8")


def _measured(
    config: DetectorConfig, train: TrainConfig, result: Mapping | None
) -> dict[str, Any] | None:
    """The metrics and what they were measured on.

    The run measures with its own thresholds, whatever is exported.
    """
    if result is None:
        return None
    return {
        "dataset": train.dataset,
        "split": train.eval_split,
        "score_threshold": config.score_threshold,
        "nms_iou_threshold": config.nms_iou_threshold,
        "max_detections": config.max_detections,
        "metrics": dict(result),
    }


def _signatures(version_dir: pathlib.Path) -> dict[str, Any]:
    """Names -> inputs and outputs, as the SavedModel itself states them."""
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
    """Of a path no more than this: the rest tells of the machine."""
    return None if path is None else pathlib.Path(path).name
