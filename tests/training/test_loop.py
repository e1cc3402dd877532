"""The loop: reports, resuming, and what stops it."""

import json
import signal
import types

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import Decoder, InputError, interrupts
from ssd_tf.data import shuffling
from ssd_tf.training import (
    RunDir,
    batches,
    evaluate,
    load_run,
    loop,
    make_detect_function,
    saving,
)
from ssd_tf.training.reports import Reporter

# These are in the checkpoint, but count how often it was saved.
_OF_SAVING = ("save_counter", "_CHECKPOINTABLE_OBJECT_GRAPH")


def metrics_of(run_dir):
    lines = run_dir.metrics_file.read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    for line in metrics:
        line.pop("images_per_second", None)
    return metrics


def checkpoint_of(run_dir):
    reader = tf.train.load_checkpoint(run_dir.latest_checkpoint())
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if not name.startswith(_OF_SAVING)
    }


def test_resumed_run_is_that_which_was_not_stopped(start, monkeypatch):
    """6 images in batches of 2: it is stopped within the second epoch."""
    monkeypatch.setattr(loop, "_REPORT_EVERY_STEPS", 1)
    # Flips draw from the seed as all of the augmentation does.
    values = dict(steps=6, eval_every=3, flip_up_down=True)
    whole, whole_dir = start("whole", **values)
    result = whole.train()

    first, run_dir = start("stopped", **values)
    assert first.train(until=4) is None
    assert not run_dir.is_finished
    assert first.step == 4
    # It went on unsaved and was killed while it wrote.
    run_dir.metrics.append({"step": 5, "kind": "training", "loss": -1.0})
    with run_dir.metrics_file.open("a") as file:
        file.write('{"step": 6, "ki')
    second, _ = start("stopped", **values)
    assert second.step == 4
    assert second.train() == result

    assert metrics_of(run_dir) == metrics_of(whole_dir)
    assert [(m["step"], m["kind"]) for m in metrics_of(run_dir)] == [
        (1, "training"),
        (2, "training"),
        (3, "training"),
        (3, "evaluation"),
        (4, "training"),
        (5, "training"),
        (6, "training"),
        (6, "evaluation"),
    ]
    expected, found = checkpoint_of(whole_dir), checkpoint_of(run_dir)
    assert expected.keys() == found.keys()
    for prefix in ("model/", "average/averages/", "optimizer/"):
        assert any(name.startswith(prefix) for name in found)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_finished_run_left_its_files(small_run):
    run_dir = RunDir(small_run)
    assert run_dir.is_finished
    result = run_dir.read_result()
    assert result["step"] == 2 and result["num_images"] == 4
    assert set(result["AP"]) | set(result["absent_classes"]) == {
        "circle",
        "square",
        "star",
        "triangle",
    }
    last = metrics_of(run_dir)[-1]
    assert last.pop("kind") == "evaluation"
    assert result == {
        **last,
        "best_metric": "coco_AP",
        "best": last,
        "stopped_early": False,
    }
    training = metrics_of(run_dir)[0]
    assert training["step"] == 2 and training["loss"] > 0
    assert run_dir.picture_file.read_bytes().startswith(b"\x89PNG")
    tags = set()
    for file in run_dir.summaries.iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags.update(value.tag for value in event.summary.value)
    assert {
        "training/loss",
        "training/learning_rate",
        "training/images_per_second",
        "evaluation/mAP",
        "evaluation/coco_AP",
        "training/gradient_norm",
        "evaluation/best_f1",
        "validation/1",
        "validation/4",
        "_hparams_/session_start_info",
    } <= tags


def test_damaged_run_goes_on_from_the_one_before(
    start, small_network, monkeypatch
):
    monkeypatch.setattr(loop, "_REPORT_EVERY_STEPS", 1)
    run, run_dir = start("run", steps=4)
    for step in (2, 3):
        run.train(until=step)
    leftover = run_dir.checkpoints / "ckpt-3_temp"
    (run_dir.checkpoints / "ckpt-3.index").write_bytes(b"")
    (run_dir.checkpoints / "checkpoint").write_bytes(b"garbage")
    load_run(run_dir.path, backbone=small_network)
    leftover.mkdir()
    run, _ = start("run", steps=4)
    assert run.step == 2
    assert not leftover.exists()
    assert [m["step"] for m in metrics_of(run_dir)] == [1, 2]
    assert run.train()["step"] == 4


def test_run_without_a_readable_checkpoint_is_refused(start, small_network):
    run, run_dir = start("run", steps=4)
    for step in (1, 2):
        run.train(until=step)
    for file in run_dir.checkpoints.glob("*.index"):
        file.unlink()
    paths = [p for p in run_dir.path.rglob("*") if p.is_file()]
    before = {path: path.read_bytes() for path in paths}
    for use in (
        lambda: start("run", steps=4),
        lambda: load_run(run_dir.path, backbone=small_network),
    ):
        with pytest.raises(InputError, match="can be read: .*ckpt-2 .*ckpt-1"):
            use()
    paths = [p for p in run_dir.path.rglob("*") if p.is_file()]
    assert {path: path.read_bytes() for path in paths} == before


def test_interrupts_around_an_evaluation_leave_no_mixture(start, monkeypatch):
    """One strikes when half the weights are averages, one when half are not."""
    plain, plain_dir = start("plain", steps=4)
    plain.train(until=2)
    run, run_dir = start("run", steps=4, eval_every=2)
    variables = run._trainer.model.trainable_variables
    assigned = []

    def assign(variable, value):
        if tf.executing_eagerly() and run.step == 2:
            assigned.append(variable)
            if len(assigned) in (3, 6):
                raise KeyboardInterrupt
        assign_value(variable, value)

    assign_value = type(variables[0]).assign
    monkeypatch.setattr(type(variables[0]), "assign", assign)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert len(assigned) > 6
    expected, found = checkpoint_of(plain_dir), checkpoint_of(run_dir)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def interrupting(function, when):
    """The function, with Ctrl-C in the middle when that many calls are left."""
    left = [when]

    def run(*args, **kwargs):
        left[0] -= 1
        if not left[0]:
            signal.raise_signal(signal.SIGINT)
        return function(*args, **kwargs)

    return run


def test_save_that_has_begun_finishes(start, monkeypatch):
    save = tf.train.CheckpointManager.save
    monkeypatch.setattr(
        tf.train.CheckpointManager, "save", interrupting(save, 1)
    )
    monkeypatch.setattr(saving, "_FIRST_SAVE_AFTER_SECONDS", -1.0)
    run, run_dir = start("run", steps=4)
    with pytest.raises(
        interrupts.Stopped,
        match="^stopped; the same command goes on from step 1$",
    ) as caught:
        run.train()
    assert caught.value.number == signal.SIGINT
    assert run_dir.latest_checkpoint().endswith("-1")
    assert start("run", steps=4)[0].train()["step"] == 4


def test_saved_after_a_minute_and_every_five(start, monkeypatch):
    now = [1000.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(saving, "time", clock)
    run, run_dir = start("run", steps=4)
    saver = run._saver
    with saver.holding():
        for seconds, is_due in ((59, False), (2, True)):
            now[0] += seconds
            assert saver.is_due() is is_due
        saver.save()
        for seconds, is_due in ((299, False), (2, True)):
            now[0] += seconds
            assert saver.is_due() is is_due
    assert run_dir.latest_checkpoint().endswith("-0")


def test_evaluation_that_is_interrupted_is_made_up(start, monkeypatch):
    """It ends at once; what was trained before it is saved."""
    run, run_dir = start("run", steps=4, eval_every=2)
    with monkeypatch.context() as patch:
        patch.setattr(
            Reporter, "evaluation", interrupting(Reporter.evaluation, 1)
        )
        with pytest.raises(interrupts.Stopped, match="on from step 2$"):
            run.train()
    assert not run_dir.metrics_file.exists()
    start("run", steps=4, eval_every=2)[0].train()
    assert [(m["step"], m["kind"]) for m in metrics_of(run_dir)] == [
        (2, "evaluation"),
        (4, "training"),
        (4, "evaluation"),
    ]


def test_one_process_at_a_time(start):
    run, run_dir = start("run", steps=4)
    with pytest.raises(InputError, match="run is in use by process .* since"):
        start("run", steps=4)
    run.train(until=2)
    other, _ = start("run", steps=4)
    other.train(until=3)
    with pytest.raises(InputError, match="was trained by another process mean"):
        run.train()
    assert run_dir.latest_checkpoint().endswith("-3")


def test_damaged_result_is_made_again(start, caplog):
    run, run_dir = start("run")
    figures = run.train()
    result = run_dir.read_result()
    assert figures.items() <= result.items()
    metrics = metrics_of(run_dir)
    for damaged in (b'{"step": 2, "mA', b"{}", b"[]", b"\xff\xfe"):
        run_dir.result_file.write_bytes(damaged)
        caplog.clear()
        assert not run_dir.is_finished
        (line,) = caplog.messages
        assert line.startswith(f"{run_dir.result_file} ") and "\n" not in line
        assert line.endswith("; the training, started again, writes it anew")
        with pytest.raises(InputError, match="writes it anew$"):
            run_dir.read_result()
    assert start("run")[0].train() == figures
    assert run_dir.read_result() == result
    assert metrics_of(run_dir) == metrics


def test_loss_that_is_not_finite_stops(start, monkeypatch):
    """The first step makes the weights huge, the second shows it."""
    monkeypatch.setattr(loop, "_REPORT_EVERY_STEPS", 1)
    values = dict(steps=9, learning_rate=1e30, optimizer="sgd")
    run, run_dir = start("run", **values)
    run.train(until=1)
    before = checkpoint_of(run_dir)
    with pytest.raises(InputError) as caught:
        run.train(until=4)
    names = shuffling.batch_image_ids(
        run._source, "train", batch_size=2, seed=0, step=1
    )
    assert len(set(names)) == 2
    assert str(caught.value) == (
        "the loss or gradient of step 2 is not finite; lower the learning "
        "rate, leave out such steps with --on_nan=skip, or look at the images "
        f"of that batch: {', '.join(names)}"
    )
    assert run_dir.latest_checkpoint().endswith("-1")
    after = checkpoint_of(run_dir)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)
    assert [m["step"] for m in metrics_of(run_dir)] == [1]


def test_broken_weights_are_not_evaluated(start):
    values = dict(steps=9, learning_rate=1e30, optimizer="sgd", eval_every=3)
    run, run_dir = start("run", **values)
    with pytest.raises(InputError, match="of step 2 is not finite"):
        run.train()
    assert not run_dir.metrics_file.exists()
    assert not run_dir.picture_file.exists()
    assert run_dir.latest_checkpoint() is None


def test_images_without_objects(start, picture_folder):
    run, run_dir = start("run", source=picture_folder(False, False))
    result = run.train()
    training, _ = metrics_of(run_dir)
    assert np.isfinite(training["loss"])
    assert training["localisation"] == 0.0
    # Nothing to find in the split either.
    assert result["mAP"] == 0.0
    assert result["absent_classes"] == ["cat", "dog"]
    json.dumps(result, allow_nan=False)


def test_weights_that_cannot_be_had_leave_nothing(start, tmp_path):
    with pytest.raises(InputError, match="nowhere is neither a file nor"):
        start("run", init_weights=str(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_run_begins_with_the_weights_of_another(
    start, small_run, small_model, small_network
):
    run, run_dir = start("run", init_weights=str(small_run))
    run.train(until=0)  # saves
    _, _, begun = load_run(run_dir.path, backbone=small_network)
    for one, other in zip(small_model.weights, begun.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_run_on_two_devices(start, two_devices, small_network):
    """Trains, evaluates with averaged weights, saves and is loaded."""
    run, run_dir = start("run", parts={"strategy": two_devices})
    assert run.train()["step"] == 2
    # on one device
    _, _, model = load_run(run_dir.path, backbone=small_network)
    assert all(np.isfinite(v.numpy()).all() for v in model.weights)


def test_figures_of_a_run_in_float16_are_those_of_its_export(
    start, small_network, shapes_source
):
    """It is evaluated in float32, which is what is loaded, and goes on."""
    values = dict(precision="mixed_float16", steps=4)
    run, run_dir = start("half", **values)
    assert run.train(until=2) is None
    result = start("half", **values)[0].train()
    detector_config, train_config, model = load_run(
        run_dir.path, backbone=small_network
    )
    assert train_config.precision == "mixed_float16"
    assert model.get_layer("stem").compute_dtype == "float32"
    figures, _ = evaluate(
        make_detect_function(model, Decoder(detector_config)),
        shapes_source,
        "test",
        image_size=detector_config.image_size,
    )
    assert {"step": 4, **figures} == result
    with pytest.raises(InputError, match="precision='mixed_float16', but"):
        start("half", steps=4)


def test_policy_can_be_handed_in(start, monkeypatch):
    class Stop(Exception):
        """Raised in place of reading images."""

    def training_batches(*args, policy, **kwargs):
        raise Stop(policy)

    monkeypatch.setattr(batches.pipeline, "training_batches", training_batches)
    policy = ("mine",)
    run, _ = start("run", parts={"policy": policy})
    with pytest.raises(Stop) as caught:
        run.train()
    assert caught.value.args == (policy,)


def test_bad_batches_are_left_out_and_named(start, monkeypatch, caplog):
    """Boxes that are not finite, now and then."""
    monkeypatch.setattr(loop, "_REPORT_EVERY_STEPS", 2)
    run, run_dir = start("run", steps=8, on_nan="skip")
    compile_step = run._trainer.compile_step

    def spoil(element_spec):
        step = compile_step(element_spec)

        def with_bad_ones(batch):
            if run.step in (3, 6, 7):  # all of the last report
                targets = batch.targets
                targets = targets._replace(
                    glocalisations=targets.glocalisations * float("nan")
                )
                batch = batch._replace(targets=targets)
            return step(batch)

        return with_bad_ones

    monkeypatch.setattr(run._trainer, "compile_step", spoil)
    assert run.train()["step"] == 8
    training = [m for m in metrics_of(run_dir) if m["kind"] == "training"]
    assert [(m["step"], m["left_out"]) for m in training] == [
        *((2, 0), (4, 1), (6, 1)),
    ]
    assert all(np.isfinite(m["loss"]) for m in training)
    told = [line for line in caplog.messages if "is left out" in line]
    assert [line.split()[1] for line in told] == ["4", "7", "8"]
    for line, step in zip(told, (3, 6, 7), strict=True):
        names = shuffling.batch_image_ids(
            run._source, "train", batch_size=2, seed=0, step=step
        )
        assert line.endswith(f"its batch: {', '.join(names)}")
    model = run._trainer.model
    assert all(np.isfinite(value).all() for value in model.get_weights())
    saved = checkpoint_of(run_dir)
    assert saved["left_out/total/.ATTRIBUTES/VARIABLE_VALUE"] == 3
