"""python -m ssd_tf anchors."""

import json

import pytest

from ssd_tf import commands


def run(*arguments):
    """Calls the command; returns its exit status."""
    with pytest.raises(SystemExit) as caught:
        commands.main(["anchors", *arguments])
    return caught.value.code


def test_a_table_and_a_plot(shapes_dir, tmp_path, capsys):
    plot = tmp_path / "coverage.png"
    assert (
        run("--dataset=shapes", f"--data_dir={shapes_dir}", f"--plot={plot}")
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("shapes train: ")
    assert lines[1].split()[:2] == ["object", "side"]
    assert any(line.startswith("all ") for line in lines)
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_json_and_a_proposal(shapes_dir, capsys):
    status = run(
        "--dataset=shapes",
        f"--data_dir={shapes_dir}",
        "--split=test",
        "--matcher=topk",
        "--matcher_params=k=3",
        "--propose",
        "--json",
    )
    assert status == 0
    report = json.loads(capsys.readouterr().out)
    assert report["objects"] > 0
    assert report["anchors_mean"] <= 3.0
    if report["proposal"]:
        assert report["proposal"]["recall"] >= report["recall"]
        assert len(report["proposal"]["min_sizes_px"]) == 6


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--split=nope"], "nope"),
        (["--matcher_params=k=3"], "no parameter 'k'"),
        (["--dataset=voc_folder"], "needs data_dir"),
    ],
)
def test_mistakes_are_one_line(arguments, message, shapes_dir, capsys):
    if "--dataset=voc_folder" not in arguments:
        arguments = [*arguments, "--dataset=shapes", f"--data_dir={shapes_dir}"]
    assert run(*arguments) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and message in error
