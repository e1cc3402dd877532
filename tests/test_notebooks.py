"""The notebooks run from top to bottom."""

import importlib.util
import pathlib

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Behind the values of the cell with the tag "parameters", lest a test trains
# for minutes.
PARAMETERS = {
    "encoder_in_your_pipeline": "STEPS_PER_EPOCH, EPOCHS = 2, 1",
    "label_assignment": "",
    "own_pictures": "STEPS = 2\nNUM_DRAWN = 12",
    "quickstart": "STEPS = 2",
}


@pytest.fixture(scope="module")
def execute():
    """The program that keeps the notebooks' outputs, as a module."""
    place = ROOT / "notebooks/execute.py"
    spec = importlib.util.spec_from_file_location("execute", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, execute, shapes_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", shapes_dir)  # a small one
    # Wherever it is installed, it is this checkout that is tested.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # As in a terminal of somebody who has set nothing.
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.from_dict(notebook)
    execute.run(
        notebook, tmp_path, parameters=PARAMETERS[path.stem], timeout=300
    )
    execute.tidy(notebook, tmp_path)
    assert str(tmp_path) not in str(notebook)
    # It is committed with what its cells show.
    for cell, committed in zip(notebook.cells, before.cells, strict=True):
        assert bool(cell.get("outputs")) == bool(committed.get("outputs"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_is_committed_with(path, execute):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = execute.code_cells(notebook)
    counts = [cell.execution_count for cell in cells]
    assert counts == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell.outputs]
    assert not any(output.output_type == "error" for output in outputs)
    # Of the machine that it ran on, and what TensorFlow says of that.
    text = "".join(output.get("text", "") for output in outputs)
    for left in ("/home/", "/root/", "/tmp/", "site-packages", "port.cc", "\r"):
        assert left not in text
    # Small enough for a page of a repository.
    pictures = [
        len(data) * 3 // 4  # base64
        for output in outputs
        for kind, data in output.get("data", {}).items()
        if kind.startswith("image/")
    ]
    assert pictures and max(pictures) < 170_000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_command_that_fails_stops_the_notebook(execute, tmp_path):
    cell = nbformat.v4.new_code_cell("!exit 3")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(CellExecutionError) as error:
        execute.run(notebook, tmp_path, timeout=60)
    assert (error.value.ename, error.value.evalue) == ("AssertionError", "3")


def test_outputs_are_tidied(execute):
    lines = [
        "I0000 00:00:1.2   34 port.cc:153] oneDNN\n",
        "a bar: 1%\ra bar: 2%\r\n",
        "\x1b[1mbold\x1b[0m of /some/where/runs/x\n",
    ]
    cell = nbformat.v4.new_code_cell("")
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stderr", text=line)
        for line in lines
    ]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    execute.tidy(notebook, "/some/where")
    (output,) = notebook.cells[0].outputs
    assert output.text == "a bar: 2%\nbold of runs/x\n"
