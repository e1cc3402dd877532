"""Flags of all commands: help, and one line for each error."""

import re

import pytest
from absl import flags

from ssd_tf import PRESETS, commands, config
from ssd_tf.commands import command_line

EXPORT = ["export", "--run_dir=run", "--export_dir=exports"]


@pytest.mark.parametrize(
    "argv, message",
    [
        (["train", "--steps=abc"], "--steps=abc is no whole number"),
        (["train", "--steps=1.5"], "--steps=1.5 is no whole number"),
        (
            ["train", "--steps=0"],
            "--steps=0 is out of range; expected a positive integer",
        ),
        (["train", "--steps"], "--steps needs a value"),
        (["train", "--epochs=a: b"], "--epochs=a: b is no number"),
        (["train", "--epochs=nan"], "--epochs=nan is no finite number"),
        (["train", "--learning_rate=inf"], "--learning_rate=inf is no finite"),
        (
            ["train", "--epochs=-1"],
            "--epochs=-1 is out of range; expected a non-negative number",
        ),
        ([*EXPORT, "--score_threshold=nan"], "--score_threshold=nan is no fin"),
        (
            [*EXPORT, "--score_threshold=2"],
            "--score_threshold=2 is out of range; expected a number in the "
            "range [0.0, 1.0]",
        ),
        (
            [*EXPORT, "--nms_iou_threshold=-inf"],
            "--nms_iou_threshold=-inf is no finite",
        ),
        (
            ["detect", "x.jpg", "--model=m", "--score_threshold=nan"],
            "--score_threshold=nan is no finite number",
        ),
        (
            ["detect", "x.jpg", "--model=m", "--score_threshold=2"],
            "--score_threshold=2 is out of range; expected a number in the "
            "range [0.0, 1.0]",
        ),
        (
            ["train", "--seed=-1"],
            "--seed=-1 is out of range; expected an integer in the range "
            "[0, 4294967295]",
        ),
        (
            ["train", "--seed=1099511627776"],  # 2**40
            "--seed=1099511627776 is out of range; expected an integer in the ",
        ),
        (
            ["train", "--stesp=3"],
            "unknown flag --stesp, did you mean --steps?",
        ),
        # Before what is required.
        (
            ["detect", "--modle=X", "a.jpg"],
            "unknown flag --modle, did you mean --model?",
        ),
        (
            ["evaluate", "--xyz"],
            "unknown flag --xyz; --help names the flags of this command",
        ),
        (
            ["anchors", "--preset=ssd300_tniy"],
            "--preset=ssd300_tniy is unknown, did you mean ssd300_tiny?; "
            "expected one of: ssd300_vgg16, ",
        ),
        (["train", "--rotate_90=3"], "--rotate_90=3 is neither true nor false"),
        (
            ["train", "--norotate_90=3"],
            "--norotate_90=3 does not take an argument",
        ),
        (["detect", "x.jpg"], "--model is required"),
        (["evaluate"], "--model is required"),
        (["export", "--run_dir=run"], "--export_dir is required"),
        (["export"], "--run_dir and --export_dir are required"),
        (["train", "steps=3"], "unexpected argument 'steps=3'; expected flags"),
        (["trian"], "unknown command 'trian', did you mean train?; known: tr"),
        (["xyz"], "unknown command 'xyz'; known: train, evaluate, export, "),
    ],
)
def test_errors(argv, message, keep_signals, capsys):
    """Exit status 1, and one line."""
    with pytest.raises(SystemExit) as stopped:
        commands.main(argv)
    out, err = capsys.readouterr()
    assert (stopped.value.code, out) == (1, "")
    assert err.startswith(f"error: {message}") and err.count("\n") == 1


def test_no_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        commands.main([])
    out, err = capsys.readouterr()
    assert (stopped.value.code, out) == (2, "")
    for name, command in commands.COMMANDS.items():
        summary = re.escape(command.__doc__.splitlines()[0])
        assert re.search(rf"^  {name} +{summary}$", err, re.MULTILINE)
    with pytest.raises(SystemExit) as stopped:
        commands.main(["--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == err


@pytest.mark.parametrize("name", commands.COMMANDS)
@pytest.mark.parametrize("ask", ["--help", "--helpshort"])
def test_help_of_a_command(name, ask, keep_signals, capsys):
    with pytest.raises(SystemExit) as stopped:
        commands.main([name, ask])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    values = flags.FlagValues()
    commands.COMMANDS[name].define_flags(values)
    assert set(re.findall(r"^  --(?:\[no\])?(\w+)", out, re.MULTILINE)) == (
        set(values)
    )
    groups = re.findall(r"^(\w[\w ]*):$", out, re.MULTILINE)
    assert groups == list(values.flags_by_module_dict())
    assert max(map(len, out.splitlines())) <= 80


def test_help_of_train_names_units_and_defaults(keep_signals, capsys):
    with pytest.raises(SystemExit):
        commands.main(["train", "--help"])
    out = capsys.readouterr().out
    entries = dict(
        re.findall(r"^  --(\S+)\n((?: {6}.*\n)+)", out, re.MULTILINE)
    )
    texts = {name: " ".join(text.split()) for name, text in entries.items()}
    assert texts["preset=NAME"] == (
        "Detector to train (default: ssd300_efficientnet_lite0 for pictures of "
        "your own, ssd300_tiny for the other data sets; where --init_weights "
        f"names a whole detector, that one). One of: {', '.join(PRESETS)}."
    )
    assert texts["batch_size=N"] == (
        "Images per step, over all devices (default: the recipe's). A positive "
        "integer."
    )
    assert texts["[no]scale_to_batch"].endswith("Default: false.")
    for field in config.Recipe().to_dict():
        assert f"{field}" in texts["recipe_params=TEXT"]
    for name in ("--preset", "--num_classes", "--dataset", "--data_dir"):
        assert f"  {name}" in out


def test_required_flags_say_so():
    values = flags.FlagValues()
    commands.COMMANDS["detect"].define_flags(values)
    text = " ".join(command_line.format_flags(values).split())
    assert re.search(r"--model=TEXT [^-]*Required\. --", text)
