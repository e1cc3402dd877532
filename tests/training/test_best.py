"""The best evaluation: its weights, the record, and patience."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import InputError, TrainConfig
from ssd_tf.training import (
    RunDir,
    TrainingRun,
    checkpoints,
    evaluations,
    find_weights,
    load_run,
)
from ssd_tf.training.best import BEST_METRICS, Best
from ssd_tf.training.time_shares import TimeShares
from ssd_tf.training.workers import Workers


def figures_of(step, value, **changes):
    coco = {"mAP": value, "AP50": value, "AP75": value}
    return {
        "step": step,
        "mAP": value,
        "AP": {"cat": value},
        "coco": {**coco, **changes},
    }


class Trainer:
    """Stands in for one: its only weight is the step."""

    def __init__(self):
        self.weight = tf.Variable(0.0)
        self.model = tf.Module()
        self.model.weight = self.weight
        self.steps_done = 0


@pytest.fixture
def begin(tmp_path):
    """(**values of TrainConfig) -> a `Best` of the run directory."""
    run_dir = RunDir(tmp_path / "run")
    run_dir.make()

    def build(**values):
        config = TrainConfig(**{"eval_every": 1, **values})
        best = Best(
            config,
            Trainer(),
            run_dir,
            workers=Workers(tf.distribute.get_strategy()),
            times=TimeShares(),
        )
        best.open()
        return best

    return build, run_dir


def evaluate(best, run_dir, step, value, *, is_killed=False, **changes):
    best._trainer.steps_done = step
    best._trainer.weight.assign(step)
    figures = figures_of(step, value, **changes)
    best.take(figures)
    if not is_killed:
        run_dir.metrics.append({"kind": "evaluation", **figures})
        best.sweep()


def kept(run_dir):
    """Steps of the weights that are there, and what they are."""
    found = {}
    for prefix in checkpoints.find(run_dir.best):
        trainer = Trainer()
        tf.train.Checkpoint(model=trainer.model).restore(str(prefix))
        found[checkpoints.step_of(prefix)] = float(trainer.weight.numpy())
    return found


def test_best_is_kept_and_only_it(begin):
    build, run_dir = begin
    best = build()
    for step, value, expected in (
        (1, 0.2, 1),
        (2, 0.1, 1),
        (3, 0.2, 1),  # the same is no gain
        (4, 0.3, 4),
        (5, 0.0, 4),
    ):
        evaluate(best, run_dir, step, value)
        assert kept(run_dir) == {expected: expected}
        assert best.figures["step"] == expected
    assert best.num_without_gain == 1 and not best.is_stalled
    last = figures_of(5, 0.0)
    assert best.result(last) == {
        **last,
        "best_metric": "coco_AP",
        "best": figures_of(4, 0.3),
        "stopped_early": False,
    }


@pytest.mark.parametrize("metric", BEST_METRICS)
def test_metrics(begin, metric):
    build, run_dir = begin
    best = build(best_metric=metric)
    coco = {"coco_AP": "mAP", "coco_AP50": "AP50", "coco_AP75": "AP75"}
    evaluate(best, run_dir, 1, 0.5)
    other = figures_of(2, 0.1)
    if metric == "mAP":
        other["mAP"] = 0.6
    else:
        other["coco"][coco[metric]] = 0.6
    best.take(other)
    assert best.figures["step"] == 2


def test_where_nothing_can_be_found_the_last_is_the_best(begin):
    build, run_dir = begin
    best = build(patience=1)
    for step in (1, 2):
        figures = {**figures_of(step, 0.0), "AP": {}}
        best.take(figures)
    best.take(figures_of(3, 0.0, mAP=None))
    assert best.figures["step"] == 3 and not best.is_stalled


def test_patience_is_kept_over_a_resume(begin):
    build, run_dir = begin
    best = build(patience=3)
    for step, value in ((1, 0.2), (2, 0.5), (3, 0.4), (4, 0.5)):
        evaluate(best, run_dir, step, value)
    best = build(patience=3)
    assert best.figures == figures_of(2, 0.5)
    assert best.num_without_gain == 2 and not best.is_stalled
    evaluate(best, run_dir, 5, 0.1)
    assert best.is_stalled
    assert best.describe_stop() == (
        "stopped early after step 5: 3 evaluations without gain in coco_AP "
        "since step 2, the best"
    )
    assert build(patience=3).is_stalled
    assert not build(patience=4).is_stalled
    assert not build().is_stalled


def test_kill_between_the_weights_and_the_record(begin):
    """The evaluation is made again; what was best is there until then."""
    build, run_dir = begin
    best = build()
    evaluate(best, run_dir, 1, 0.2)
    evaluate(best, run_dir, 2, 0.5, is_killed=True)
    assert kept(run_dir) == {1: 1, 2: 2}
    best = build()
    assert best.figures["step"] == 1
    assert kept(run_dir) == {1: 1, 2: 2}
    evaluate(best, run_dir, 2, 0.5)
    assert kept(run_dir) == {2: 2}
    # On a GPU it may come to something else.
    evaluate(best, run_dir, 3, 0.6, is_killed=True)
    best = build()
    evaluate(best, run_dir, 3, 0.4)
    assert kept(run_dir) == {2: 2}
    assert best.figures["step"] == 2 and best.num_without_gain == 1


def test_kill_between_the_record_and_the_sweep(begin):
    build, run_dir = begin
    best = build()
    evaluate(best, run_dir, 1, 0.2)
    evaluate(best, run_dir, 2, 0.5, is_killed=True)
    run_dir.metrics.append({"kind": "evaluation", **figures_of(2, 0.5)})
    best = build()
    assert best.figures["step"] == 2
    evaluate(best, run_dir, 3, 0.1)
    assert kept(run_dir) == {2: 2}


def test_kill_while_the_weights_are_written(begin):
    build, run_dir = begin
    best = build()
    evaluate(best, run_dir, 1, 0.2)
    (run_dir.best / "ckpt-2_temp").mkdir()
    (run_dir.best / "ckpt-2.data-00000-of-00001").write_bytes(b"half")
    assert find_weights_of(run_dir) == (1, True)
    best = build()
    assert sorted(p.name for p in run_dir.best.iterdir()) == [
        "ckpt-1.data-00000-of-00001",
        "ckpt-1.index",
    ]
    assert best.figures["step"] == 1


def find_weights_of(run_dir, checkpoint="best"):
    found = find_weights(run_dir, checkpoint)
    return found.step, found.is_best


def save_last(run_dir, step):
    trainer = Trainer()
    manager = checkpoints.manage(
        tf.train.Checkpoint(model=trainer.model), run_dir.checkpoints, None
    )
    manager.save(checkpoint_number=step)


def test_damaged_best_is_skipped_for_the_newest(begin, caplog):
    build, run_dir = begin
    with pytest.raises(InputError, match="has no checkpoint yet; train it"):
        find_weights(run_dir)
    save_last(run_dir, 7)
    assert find_weights_of(run_dir) == (7, False)  # of an earlier version
    evaluate(build(), run_dir, 4, 0.5)
    assert find_weights_of(run_dir) == (4, True)
    assert find_weights_of(run_dir, "last") == (7, False)
    assert caplog.messages == []
    index = run_dir.best / "ckpt-4.index"
    index.write_bytes(index.read_bytes()[:20])
    assert find_weights_of(run_dir) == (7, False)
    (line,) = caplog.messages
    assert line.startswith(f"skipped {run_dir.best}/ckpt-4 (")
    assert line.endswith(f"), taking {run_dir.checkpoints}/ckpt-7")
    # A resumed run keeps the weights of its next evaluation.
    caplog.clear()
    best = build()
    assert best.figures is None and best.num_without_gain == 0
    (line,) = caplog.messages
    assert "ckpt-4, the best of the run, cannot be read" in line
    evaluate(best, run_dir, 8, 0.1)
    assert kept(run_dir) == {8: 8}
    with pytest.raises(InputError, match="must be best or last, got 'first'"):
        find_weights(run_dir, "first")


def test_best_is_taken_where_no_other_can_be_read(begin):
    build, run_dir = begin
    save_last(run_dir, 7)
    evaluate(build(), run_dir, 4, 0.5)
    for path in run_dir.checkpoints.glob("*.index"):
        path.unlink()
    assert find_weights_of(run_dir) == (4, True)
    with pytest.raises(InputError, match="can be read"):
        find_weights(run_dir, "last")


def test_weights_that_cannot_be_written(begin):
    build, run_dir = begin
    best = build()
    evaluate(best, run_dir, 1, 0.5)
    (run_dir.best / "ckpt-2.index").mkdir()
    with pytest.raises(InputError, match=f"^{run_dir.best} cannot be written"):
        best.take(figures_of(2, 0.6))
    assert best.figures["step"] == 1
    assert find_weights_of(run_dir) == (1, True)


@pytest.mark.parametrize("eval_every", [0, 9])
def test_patience_needs_evaluations(eval_every):
    with pytest.raises(InputError) as caught:
        TrainConfig(patience=2, eval_every=eval_every, steps=9)
    assert str(caught.value) == (
        "--patience=2 needs evaluations on the way, but eval_every is "
        f"{eval_every} of 9 steps; give --eval_every"
    )


@pytest.fixture
def start(
    tmp_path,
    small_detector,
    small_train,
    shapes_source,
    small_network,
    monkeypatch,
):
    """Begins or goes on with a run whose evaluations have given values."""
    values = {1: 0.1, 2: 0.3, 3: 0.2, 4: 0.2, 5: 0.9, 6: 0.1}

    def measure(detect, *arguments, **keywords):
        step = begun[-1].step
        figures = figures_of(step, values[step])
        return {**figures, "num_images": 4, "voc": {"num_objects": {}}}, []

    begun = []
    monkeypatch.setattr(evaluations, "evaluate", measure)

    def begin(**changes):
        run_dir = RunDir(tmp_path / "run")
        train = dataclasses.replace(
            small_train, steps=6, eval_every=1, **changes
        )
        run = TrainingRun(
            small_detector,
            train,
            shapes_source,
            run_dir,
            backbone=small_network,
        )
        begun.append(run)
        return run, run_dir

    return begin


def weights_of(model):
    return model.get_weights()


def test_weights_of_the_best_evaluation_are_loaded(start, small_network):
    """Those that were evaluated, which are averages."""
    run, run_dir = start(patience=2)
    run.train(until=2)
    with run._trainer.averaged_weights():
        expected = weights_of(run._trainer.model)
    run, _ = start(patience=2)
    assert run.train()["step"] == 4
    result = run_dir.read_result()
    assert (result["step"], result["best"]["step"]) == (4, 2)
    assert result["best_metric"] == "coco_AP" and result["stopped_early"]
    assert find_weights_of(run_dir) == (2, True)
    path = run_dir.path
    _, _, model = load_run(path, backbone=small_network)
    for found, value in zip(weights_of(model), expected, strict=True):
        np.testing.assert_array_equal(found, value)
    _, _, last = load_run(path, backbone=small_network, checkpoint="last")
    with run._trainer.averaged_weights():
        for found, value in zip(
            weights_of(last), weights_of(run._trainer.model), strict=True
        ):
            np.testing.assert_array_equal(found, value)
    kinds = [
        (line["step"], line["kind"])
        for line in map(
            json.loads, run_dir.metrics_file.read_text().splitlines()
        )
    ]
    assert kinds == [(step, "evaluation") for step in (1, 2, 3, 4)]


def test_stopped_early_is_finished_unless_with_more_patience(start):
    run, run_dir = start(patience=2)
    run.train()
    configs = run_dir.read_configs()
    assert run_dir.is_finished and run_dir.has_stopped_early
    assert not run_dir.needs_training(configs[1])
    patient = dataclasses.replace(configs[1], patience=4)
    assert run_dir.needs_training(patient)
    run, _ = start(patience=4)
    assert not run_dir.is_finished
    assert run_dir.read_configs()[1] == patient
    run.train()
    result = run_dir.read_result()
    assert (result["step"], result["best"]["step"]) == (6, 5)
    assert not result["stopped_early"]
    assert not run_dir.needs_training(patient)


def test_killed_before_the_result_it_stops_at_once(start):
    run, run_dir = start(patience=2)
    run.train()
    expected = run_dir.result_file.read_bytes()
    run_dir.result_file.unlink()
    run, _ = start(patience=2)
    assert run.step == 4
    run.train()
    assert run.step == 4 and run_dir.result_file.read_bytes() == expected
