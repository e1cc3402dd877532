"""Figures of a run in every format: size, precision, time per image.

    python benchmarks/exports.py --run_dir=RUN

Exports the run of a data set to LiteRT (float32, float16, int8) and ONNX, and
measures all of them and the Keras model on the run's eval_split, one image at
a time. The time is that of a whole detection, from the encoded image. Prints
a table and one JSON line.
"""

import json
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

from absl import app, flags

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ssd_tf import serving, training  # noqa: E402
from ssd_tf.data.sources import registry  # noqa: E402

_RUN_DIR = flags.DEFINE_string("run_dir", None, "A run.", required=True)
_IMAGES = flags.DEFINE_integer(
    "representative_images", 100, "Images of the train_split for int8."
)


def exported(folder: pathlib.Path) -> Iterator[tuple[str, Callable, int]]:
    """(format, function that loads its predictor, bytes) of each format."""
    detector_config, train_config, model = training.load_run(_RUN_DIR.value)
    module = serving.DetectionModule(detector_config, model)
    yield (
        "keras",
        lambda: serving.Predictor(
            module.detect_pixels, detector_config.class_names
        ),
        sum(weight.numpy().nbytes for weight in model.weights),
    )
    source = registry.build_source(
        train_config.dataset,
        data_dir=train_config.data_dir,
        class_names=detector_config.class_names,
    )
    pictures = serving.representative_images(
        source,
        train_config.train_split,
        image_size=detector_config.image_size,
        count=_IMAGES.value,
    )
    for name in serving.QUANTIZATIONS:
        path = serving.export_litert(
            detector_config,
            model,
            folder / f"{name}.tflite",
            quantization=name,
            representative_images=pictures,
        )
        yield (
            f"litert_{name}",
            lambda path=path: serving.predictor_of_litert(path),
            path.stat().st_size,
        )
    path = serving.export_onnx(detector_config, model, folder / "model.onnx")
    yield "onnx", lambda: serving.predictor_of_onnx(path), path.stat().st_size


def measure(predictor: serving.Predictor) -> dict[str, float]:
    """A row of the table."""
    detector_config, train_config = training.RunDir(
        _RUN_DIR.value
    ).read_configs()
    source = registry.build_source(
        train_config.dataset,
        data_dir=train_config.data_dir,
        class_names=detector_config.class_names,
    )
    figures, _ = training.evaluate(
        predictor.detect,
        source,
        train_config.eval_split,
        image_size=predictor.image_size,
    )
    examples = source.dataset(train_config.eval_split).as_numpy_iterator()
    encoded = [example["image"] for example in examples]
    predictor(encoded[0])
    start = time.perf_counter()
    for one in encoded:
        predictor(one)
    seconds = time.perf_counter() - start
    return {
        "mAP50": round(figures["mAP"], 4),
        "AP": round(figures["coco"]["mAP"], 4),
        "ms_per_image": round(1000 * seconds / len(encoded), 1),
    }


def main(_) -> None:
    """Exports, measures and prints."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, load, num_bytes in exported(pathlib.Path(folder)):
            megabytes = round(num_bytes / 1e6, 2)
            rows[name] = {"megabytes": megabytes, **measure(load())}
            print(name, rows[name], flush=True)
    print("| format | size | mAP@.5 | COCO AP | time per image |")
    print("|---|---|---|---|---|")
    for name, row in rows.items():
        print(
            f"| `{name}` | {row['megabytes']:.1f} MB | {row['mAP50']:.4f} "
            f"| {row['AP']:.4f} | {row['ms_per_image']:.0f} ms |"
        )
    print(
        json.dumps(
            {"benchmark": "exports", "rows": rows, "cpu_cores": os.cpu_count()}
        )
    )


if __name__ == "__main__":
    app.run(main)
