"""Exported versions: what they hold, and the files beside the models."""

import datetime
import json
import platform
import shutil

import keras
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from ssd_tf import __version__, training
from ssd_tf.serving import warmup


def files(path):
    return sorted(
        p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()
    )


def warmup_batches(version):
    path = version / "assets.extra/tf_serving_warmup_requests"
    return [
        tf.make_ndarray(
            prediction_log_pb2.PredictionLog.FromString(
                record
            ).predict_log.request.inputs["input_tensor"]
        ).tolist()
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]


def test_what_a_version_holds(export, shapes_source, shapes_dir, tmp_path):
    exports = tmp_path / "exports"
    version = exports / "shapes-64.v1/1"
    status, out, _ = export(
        *("--model_name=shapes-64.v1", "--warmup=real"),
        *(f"--data_dir={shapes_dir}", "--score_threshold=0.25"),
        "--max_detections=7",
    )
    assert status == 0
    assert out.splitlines() == [
        f"exported {version}",
        "next:",
        f"  python -m ssd_tf detect --model={version.parent} IMAGE.jpg "
        "--output_dir=detections",
        f"  sh {exports}/serving/docker_run.sh",
    ]
    assert {path.name for path in exports.iterdir()} == {
        "serving",
        "shapes-64.v1",
    }
    assert set(files(version)) >= {
        "assets.extra/tf_serving_warmup_requests",
        "assets/labels.txt",
        "model_card.json",
        "saved_model.pb",
    }
    labels = (version / "assets/labels.txt").read_text()
    assert labels == "circle\nsquare\nstar\ntriangle\n"
    # The four images of the eval_split.
    images = [e["image"].numpy() for e in shapes_source.dataset("test")]
    assert warmup_batches(version) == [
        images[:1],
        images[:2],
        images,
        images * 2,
    ]
    tf.saved_model.load(str(version))  # extra files do not disturb


def test_model_card(export, small_run, small_detector, tmp_path):
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    export("--score_threshold=0.25", "--max_detections=7", "--nomulti_label")
    version = tmp_path / "exports" / small_run.name / "1"
    text = (version / "model_card.json").read_text()
    assert str(tmp_path.parent) not in text and platform.node() not in text
    card = json.loads(text)
    created = datetime.datetime.fromisoformat(card.pop("created_utc"))
    assert created.utcoffset() == datetime.timedelta(0)
    assert before <= created <= datetime.datetime.now(datetime.UTC)
    assert card["model_name"] == small_run.name
    assert card["architecture"] == "ssd64_small"
    assert card["classes"] == {
        "1": "circle",
        "2": "square",
        "3": "star",
        "4": "triangle",
    }
    assert card["thresholds"] == {
        "score_threshold": 0.25,
        "nms_iou_threshold": 0.45,
        "pre_nms_top_k": 320,
        "max_detections": 7,
        "multi_label": False,
        "agnostic_nms": False,
    }
    signature = card["signatures"]["serving_default"]
    assert signature["inputs"] == {
        "input_tensor": {"dtype": "string", "shape": [None]}
    }
    assert signature["outputs"]["detection_boxes"] == {
        "dtype": "float32",
        "shape": [None, 7, 4],
    }
    measured = card["measured"]
    result = training.RunDir(small_run).read_result()
    assert measured.pop("metrics") == result["best"] and "mAP" in result
    assert card["weights"] == {
        "checkpoint": "best",
        "step": 2,
        "steps": 2,
        "finished": True,
    }
    assert measured == {
        "dataset": "shapes",
        "split": "test",
        "score_threshold": 0.01,
        "nms_iou_threshold": 0.45,
        "max_detections": 200,
    }
    assert card["data"] == {
        "dataset": "shapes",
        "data_dir": None,
        "train_split": "train",
        "eval_split": "test",
    }
    config = json.loads(json.dumps(small_detector.to_dict()))
    assert card["detector"] == config
    assert card["training"]["steps"] == 2
    assert card["versions"] == {
        "ssd_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def test_run_that_is_not_finished(export, small_run, tmp_path):
    """Nothing measured; of paths, the last part only."""
    run = tmp_path / "half"
    shutil.copytree(small_run, run)
    (run / "result.json").unlink()
    (run / "metrics.jsonl").unlink()
    config = json.loads((run / "config.json").read_text())
    config["training"]["steps"] = 60
    config["training"]["data_dir"] = "/secret/place/cells"
    config["training"]["init_weights"] = "/secret/runs/first"
    (run / "config.json").write_text(json.dumps(config))
    status, out, _ = export(f"--run_dir={run}", "--warmup=none")
    assert status == 0
    assert out.splitlines()[1] == (
        "the run is unfinished: its best weights are those of step 2 of 60"
    )
    text = (tmp_path / "exports/half/1/model_card.json").read_text()
    assert "secret" not in text
    card = json.loads(text)
    assert card["measured"] is None
    assert card["weights"] == {
        "checkpoint": "best",
        "step": 2,
        "steps": 60,
        "finished": False,
    }
    assert card["data"]["data_dir"] == "cells"
    assert card["training"]["data_dir"] == "cells"
    assert card["training"]["init_weights"] == "first"


def test_models_side_by_side(export, tmp_path, caplog):
    exports = tmp_path / "exports"
    export("--model_name=b", "--warmup=none")
    assert not (exports / "b/1/assets.extra").exists()
    config = exports / "serving/models.config"
    text = config.read_text()
    assert 'name: "b"' in text
    config.write_text(text + "# mine\n")
    status, _, _ = export("--model_name=a")
    assert status == 0
    assert [len(batch) for batch in warmup_batches(exports / "a/1")] == [
        *(1, 2, 4, 8)
    ]
    assert caplog.messages[-1] == (
        f"{config} was changed and is left as it is; it lacks a"
    )
    assert config.read_text() == text + "# mine\n"


def test_no_picture_for_warmup(export, shapes_dir, tmp_path, monkeypatch):
    """Nothing is written."""
    monkeypatch.setattr(warmup, "_MAX_BYTES_PER_IMAGE", 0)
    status, out, err = export("--warmup=real", f"--data_dir={shapes_dir}")
    assert (status, out) == (1, "")
    assert err[-1] == (
        "error: none of the first 64 images of split 'test' of shapes decodes "
        "and has at most 1 MiB"
    )
    assert not (tmp_path / "exports").exists()
