"""The notebooks run from top to bottom."""

import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# In place of the values in the cell with the tag "parameters", lest a test
# trains for minutes.
PARAMETERS = {
    "encoder_in_your_pipeline": "STEPS_PER_EPOCH, EPOCHS = 2, 1",
    "label_assignment": "",
    "own_pictures": "STEPS = 2",
    "quickstart": "STEPS = 2",
}


def _code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _for_a_test(notebook, parameters):
    """Other parameters; commands that fail stop the notebook."""
    for cell in _code_cells(notebook):
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += f"\n{parameters}"
        elif any(line.startswith("!") for line in cell.source.splitlines()):
            cell.source += "\nassert _exit_code == 0, _exit_code"
    return notebook


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, shapes_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", shapes_dir)  # a small one
    # Wherever it is installed, it is this checkout that is tested.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # As in a terminal of somebody who has set nothing.
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    notebook = nbformat.read(path, as_version=4)
    _for_a_test(notebook, PARAMETERS[path.stem])
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_as_it_has_run(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = _code_cells(notebook)
    assert [cell.execution_count for cell in cells] == [
        *range(1, len(cells) + 1)
    ]
    outputs = [output for cell in cells for output in cell.outputs]
    assert any("image" in kind for o in outputs for kind in o.get("data", {}))
    assert not any(output.output_type == "error" for output in outputs)
    # Of the machine that it ran on, and what TensorFlow says of that.
    text = str(outputs)
    for left in ("/home/", "/root/", "/work/", "/tmp/", "site-packages", "I0000"):
        assert left not in text
    # It is looked at in a browser, picture by picture.
    pictures = [
        len(data) * 3 // 4  # base64
        for output in outputs
        for kind, data in output.get("data", {}).items()
        if kind.startswith("image/")
    ]
    assert max(pictures) < 200_000
