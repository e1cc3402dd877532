"""Trains the same detector with every label-assignment strategy.

    python benchmarks/matchers.py --data_dir=FOLDER --runs_dir=RUNS

Everything but the strategy is the same: data, seed, steps. Prints a table and
one JSON line. A run that is finished in --runs_dir is not trained again.
"""

import json
import os
import pathlib
import time

import numpy as np
from absl import app, flags

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ssd_tf import matchers, training  # noqa: E402
from ssd_tf.data import sources  # noqa: E402
from ssd_tf.evaluation import anchor_coverage  # noqa: E402

_DATASET = flags.DEFINE_string("dataset", "voc_folder", "Data set.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Its folder.")
_RUNS_DIR = flags.DEFINE_string(
    "runs_dir", None, "Folder of the runs.", required=True
)
_PRESET = flags.DEFINE_string("preset", "ssd300_tiny", "Key of PRESETS.")
_STEPS = flags.DEFINE_integer("steps", 800, "Optimiser steps of each run.")
_SEED = flags.DEFINE_integer("seed", 0, "Of every run.")
_MATCHERS = flags.DEFINE_list(
    "matchers", list(matchers.MATCHERS), "Keys of MATCHERS."
)


def train_one(name: str, source) -> dict:
    """Trains with one strategy -> a row of the table."""
    detector_config = training.plan_detector(
        _PRESET.value, source, matcher=name
    )
    train_config = training.plan_training(
        source,
        training.RecipeChoice(
            training.default_recipe(_DATASET.value, detector_config.image_size),
            {"eval_every": 0, "steps": _STEPS.value},
        ),
        dataset=_DATASET.value,
        data_dir=_DATA_DIR.value,
        backbone=detector_config.backbone,
        seed=_SEED.value,
    )
    run_dir = training.RunDir(pathlib.Path(_RUNS_DIR.value) / name)
    run_dir.check(detector_config, train_config)
    if not run_dir.is_finished:
        training.TrainingRun(
            detector_config, train_config, source, run_dir
        ).train()
    result = run_dir.read_result()
    coverage = anchor_coverage.measure_coverage(
        detector_config,
        sources.cached_objects(source, train_config.train_split),
    )
    images = source.num_examples(train_config.train_split)
    return {
        "mAP50": round(result["mAP"], 4),
        "AP": round(result["coco"]["mAP"], 4),
        "positives_per_image": round(
            float(coverage.num_anchors.sum()) / images, 1
        ),
        "objects_without_anchor": int(np.sum(coverage.num_anchors == 0)),
        "seconds": seconds_of_training(run_dir, train_config.batch_size),
    }


def seconds_of_training(run_dir: training.RunDir, batch_size: int) -> float:
    """Time in steps alone, from the rates that the run reported."""
    lines = run_dir.metrics_file.read_text().splitlines()
    reports = [json.loads(line) for line in lines]
    seconds, last_step = 0.0, 0
    for report in reports:
        if report["kind"] == "training":
            images = (report["step"] - last_step) * batch_size
            seconds += images / report["images_per_second"]
            last_step = report["step"]
    return round(seconds, 1)


def main(_) -> None:
    """Trains and prints."""
    start = time.monotonic()
    source = sources.build_source(_DATASET.value, data_dir=_DATA_DIR.value)
    rows = {}
    for name in _MATCHERS.value:
        rows[name] = train_one(name, source)
        print(name, rows[name], flush=True)
    print("| strategy | mAP@.5 | AP | positives per image | time |")
    print("|---|---|---|---|---|")
    for name, row in rows.items():
        print(
            f"| `{name}` | {row['mAP50']:.3f} | {row['AP']:.3f} "
            f"| {row['positives_per_image']:.0f} | {row['seconds']:.0f} s |"
        )
    print(
        json.dumps(
            {
                "benchmark": "matchers",
                "steps": _STEPS.value,
                "seed": _SEED.value,
                "rows": rows,
                "total_seconds": round(time.monotonic() - start),
                "cpu_cores": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    app.run(main)
