"""`python -m ssd_tf report`."""

import json
import shutil

import pytest

from ssd_tf.report import is_report
from ssd_tf.training.journal import Journal


@pytest.fixture
def run(small_run, shapes_dir, tmp_path):
    """A copy of a finished run that knows where its data are."""
    path = tmp_path / "runs/one"
    shutil.copytree(small_run, path)
    config = json.loads((path / "config.json").read_text())
    config["training"]["data_dir"] = shapes_dir
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_a_finished_run_has_its_report(small_run):
    content = (small_run / "report.html").read_bytes()
    assert is_report(content) and len(content) < 5_000_000
    for title in (b"Kinds of errors", b"Sizes of objects", b"Time spent"):
        assert title in content
    assert b"ground truth of" in content


def test_all_of_a_run_s_time_is_in_its_report(small_run):
    spent = Journal(small_run / "journal.jsonl").seconds()
    kinds = ["starting", "waiting for data", "training", "evaluating", "saving"]
    assert sorted(spent) == sorted(kinds) and min(spent.values()) > 0
    page = (small_run / "report.html").read_text()
    times = page[page.index("Time spent") : page.index("All settings")]
    assert all(kind in times for kind in kinds)


def test_it_is_made_again(script, run):
    (run / "report.html").unlink()
    status, out, _ = script("report", run)
    assert status == 0 and out == f"report: {run / 'report.html'}\n"
    assert b"ground truth of" in (run / "report.html").read_bytes()
    assert script("report", run)[0] == 0  # in the place of the earlier one


def test_data_that_have_moved(script, run):
    config = run / "config.json"
    text = config.read_text().replace('"shapes"', '"voc_folder"')
    config.write_text(text)  # that folder has no Annotations
    status, _, err = script("report", run)
    assert status == 0, err
    page = (run / "report.html").read_text()
    assert "Pictures are missing: " in page and "ground truth of" not in page


def test_several_are_compared(script, run, tmp_path):
    other = tmp_path / "runs/two"
    shutil.copytree(run, other)
    output = tmp_path / "both.html"
    status, _, err = script("report", f"--output={output}", run, other)
    assert status == 0, err
    page = output.read_text()
    assert "2 runs compared" in page and "one, two" in page


def test_runs_of_one_name_are_told_apart(script, run, tmp_path):
    other = tmp_path / "later/one"
    shutil.copytree(run, other)
    output = tmp_path / "both.html"
    assert script("report", f"--output={output}", run, other)[0] == 0
    assert "runs/one, later/one" in output.read_text()


def test_another_file_is_left_alone(script, run, tmp_path):
    mine = tmp_path / "mine.html"
    mine.write_text("<p>mine")
    status, _, err = script("report", f"--output={mine}", run)
    assert status == 1 and mine.read_text() == "<p>mine"
    assert err[-1].startswith(f"error: {mine} is there and is no report")


@pytest.mark.parametrize("damaged", ["evaluation.npz", "anchors.npz"])
def test_a_damaged_file_is_named(script, run, damaged):
    (run / damaged).write_bytes((run / damaged).read_bytes()[:50])
    status, _, err = script("report", run)
    assert status == 1
    assert err[-1].startswith(f"error: {run / damaged} cannot be read: ")


def test_mistakes(script, run, tmp_path):
    assert script("report")[2][-1] == (
        "error: no run was given; expected one or more directories"
    )
    status, _, err = script("report", tmp_path / "nowhere")
    assert status == 1 and "is not a run directory" in err[-1]
    assert script("report", run, run)[2][-1] == "error: a run is given twice"


def test_an_unfinished_run(script, run):
    for name in ("result.json", "evaluation.npz", "anchors.npz"):
        (run / name).unlink()
    assert script("report", run)[0] == 0
    page = (run / "report.html").read_text()
    assert "not finished" in page and "has not kept" in page
