"""Milliseconds per image to encode targets in `Dataset.map`, every matcher.

Run from the repository's root: `python benchmarks/encoder.py`. Beside the
matchers runs a plain encoder that loops over the objects, in the manner of
balancap/SSD-Tensorflow: for each level a `tf.while_loop` that keeps the best
score, label and box of each anchor. All are measured in turns in one process,
so that what else runs on the machine slows all of them alike; a figure is the
median over the rounds. Prints a table and one JSON line.
"""

import json
import os
import time

import numpy as np
import tensorflow as tf
from absl import app, flags

import ssd_tf
from ssd_tf import matchers

_PRESET = flags.DEFINE_string("preset", "ssd300_vgg16", "Key of PRESETS.")
_OBJECTS = flags.DEFINE_list(
    "objects", ["1", "10", "40", "100", "200"], "Objects per image."
)
_MATCHERS = flags.DEFINE_list(
    "matchers", sorted(matchers.MATCHERS), "Keys of MATCHERS."
)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Measurements of each figure.")
_IMAGES = flags.DEFINE_integer("images", 20, "Images in one measurement.")
_LOOP = "loop"


def random_objects(num_objects: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels [M] and boxes [M, 4]; sides of 5 to 50% of the image's."""
    rng = np.random.default_rng(num_objects)
    center = rng.uniform(0.1, 0.9, (num_objects, 2))
    side = np.exp(rng.uniform(np.log(0.05), np.log(0.5), (num_objects, 2)))
    boxes = np.hstack([center - side / 2, center + side / 2]).clip(0, 1)
    labels = rng.integers(1, 21, num_objects)
    return labels.astype(np.int32), boxes.astype(np.float32)


def loop_encoder(config: ssd_tf.DetectorConfig):
    """Returns an encoder that loops over levels and over objects."""
    anchors = ssd_tf.build_anchors(config)
    ends = [level.start + level.num_anchors for level in anchors.levels]
    slices = [slice(v.start, end) for v, end in zip(anchors.levels, ends)]

    def encode(gt_labels, gt_boxes):
        levels = [
            _encode_level(
                gt_labels,
                gt_boxes,
                anchor_boxes=anchors.boxes[part],
                config=config,
            )
            for part in slices
        ]
        return tuple(tf.concat(parts, axis=0) for parts in zip(*levels))

    return encode


def _encode_level(gt_labels, gt_boxes, *, anchor_boxes, config):
    ymin, xmin, ymax, xmax = (
        tf.constant(anchor_boxes[:, i].copy()) for i in range(4)
    )
    anchor_area = (ymax - ymin) * (xmax - xmin)  # [A]

    def add_object(i, label, score, gt_ymin, gt_xmin, gt_ymax, gt_xmax):
        box = gt_boxes[i]
        height = tf.maximum(
            tf.minimum(ymax, box[2]) - tf.maximum(ymin, box[0]), 0.0
        )
        width = tf.maximum(
            tf.minimum(xmax, box[3]) - tf.maximum(xmin, box[1]), 0.0
        )
        intersection = height * width
        area = (box[2] - box[0]) * (box[3] - box[1])
        iou = intersection / (anchor_area - intersection + area)
        better = (iou > score) & (score > -0.5)
        better &= gt_labels[i] <= config.num_classes
        chosen, kept = tf.cast(better, tf.float32), tf.cast(~better, tf.float32)
        return (
            i + 1,
            tf.where(better, gt_labels[i], label),
            tf.where(better, iou, score),
            chosen * box[0] + kept * gt_ymin,
            chosen * box[1] + kept * gt_xmin,
            chosen * box[2] + kept * gt_ymax,
            chosen * box[3] + kept * gt_xmax,
        )

    zeros, ones = tf.zeros_like(ymin), tf.ones_like(ymin)
    _, label, score, gt_ymin, gt_xmin, gt_ymax, gt_xmax = tf.while_loop(
        lambda i, *_: i < tf.shape(gt_labels)[0],
        add_object,
        (0, tf.zeros_like(ymin, tf.int32), zeros, zeros, zeros, ones, ones),
    )
    width, height = xmax - xmin, ymax - ymin
    v_cx, v_cy, v_w, v_h = config.variances
    offsets = [
        ((gt_xmin + gt_xmax) - (xmin + xmax)) / 2 / width / v_cx,
        ((gt_ymin + gt_ymax) - (ymin + ymax)) / 2 / height / v_cy,
        tf.math.log((gt_xmax - gt_xmin) / width) / v_w,
        tf.math.log((gt_ymax - gt_ymin) / height) / v_h,
    ]
    return label, tf.stack(offsets, axis=-1), score


def milliseconds_per_image(
    encoders: dict, num_objects: int, *, images: int, rounds: int
) -> dict[str, float]:
    """Median milliseconds of each encoder, measured in turns."""
    options = tf.data.Options()
    # Nothing may run ahead while another encoder is measured.
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    streams = {}
    for name, encode in encoders.items():
        dataset = tf.data.Dataset.from_tensors(random_objects(num_objects))
        # `shard` drops all but one of so many images without handing them to
        # Python, so that nothing but the map is measured.
        dataset = dataset.repeat().map(encode).shard(images, 0)
        streams[name] = iter(dataset.with_options(options))
        next(streams[name])  # the first builds the function
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(rounds):
        for name, stream in streams.items():
            start = time.perf_counter()
            next(stream)
            seconds[name].append(time.perf_counter() - start)
    return {
        name: float(np.median(values)) / images * 1e3
        for name, values in seconds.items()
    }


def main(_) -> None:
    config = ssd_tf.PRESETS[_PRESET.value]
    encoders = {
        name: ssd_tf.TargetEncoder(
            ssd_tf.DetectorConfig.from_dict(
                {**config.to_dict(), "matcher": name}
            )
        )
        for name in _MATCHERS.value
    }
    encoders[_LOOP] = loop_encoder(config)
    counts = [int(count) for count in _OBJECTS.value]
    figures: dict[str, dict[int, float]] = {name: {} for name in encoders}
    for count in counts:
        measured = milliseconds_per_image(
            encoders, count, images=_IMAGES.value, rounds=_ROUNDS.value
        )
        for name, value in measured.items():
            figures[name][count] = round(value, 3)
    print("ms per image".ljust(14), *(f"{count:>8}" for count in counts))
    for name, row in figures.items():
        print(name.ljust(14), *(f"{row[count]:>8.3f}" for count in counts))
    result = {
        "benchmark": "encoder",
        "preset": _PRESET.value,
        "ms_per_image": figures,
        "cpu_cores": os.cpu_count(),
    }
    if "ssd" in figures:
        result["loop_over_ssd"] = {
            count: round(figures[_LOOP][count] / figures["ssd"][count], 1)
            for count in counts
        }
    print(json.dumps(result))


if __name__ == "__main__":
    app.run(main)
