"""The lines that train prints: of what begins, and of what was done."""

import shlex

from ssd_tf import DetectorConfig, TrainConfig, console, training
from ssd_tf.evaluation import format_result


def describe_start(
    detector: DetectorConfig, train: TrainConfig, source, step: int
) -> str:
    """What is about to happen, in a line."""
    images = {
        split: source.num_examples(split)
        for split in (train.train_split, train.eval_split)
    }
    return (
        f"steps {step + 1} to {train.steps} of {detector.backbone} at "
        f"{detector.image_size} px, {detector.num_classes} classes, from "
        f"{train.init_weights} weights: train on {train.train_split} "
        f"({images[train.train_split]} images), evaluate on "
        f"{train.eval_split} ({images[train.eval_split]})"
    )


def describe_end(run_dir: training.RunDir, train_config: TrainConfig) -> str:
    """Why nothing is left to do, in a line."""
    done = run_dir.read_result()["step"]
    early = (
        f" of {train_config.steps}, early for want of gain"
        if run_dir.has_stopped_early
        else ""
    )
    return (
        f"{run_dir.path} is finished after {done} steps{early}; give another "
        "--run_dir to train again"
    )


def print_table(figures, run_dir: training.RunDir, *, source, split: str):
    """The table that `python -m ssd_tf evaluate` prints."""
    title = f"{run_dir.path} on {source.name} {split}"
    print(format_result(figures, title=title))


def print_figures(last, run_dir: training.RunDir, *, source, split: str):
    """The figures of `result.json`: those of the best evaluation, above all.

    `last` has them under "best"; of an earlier version it is the best.
    """
    best = last.get("best") or last
    print_table(best, run_dir, source=source, split=split)
    print()
    if best["step"] != last["step"]:
        print(f"last, {training.headline(last)}\nbest, ", end="")
    print(training.headline(best))


def print_next(run_dir: training.RunDir) -> None:
    """What a finished run has left, and what to do with it."""
    path = shlex.quote(str(run_dir.path))
    print(
        f"\nrun directory: {run_dir.path} (picture: {run_dir.picture_file})\n"
        f"report: {run_dir.report_file}\n"
        "next:\n"
        f"  {console.sibling('export')} --run_dir={path} "
        "--export_dir=exports\n"
        f"  python -m ssd_tf detect --model={path} IMAGE.jpg "
        "--output_dir=detections"
    )
