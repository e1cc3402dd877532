"""The notebooks run from top to bottom."""

import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = pathlib.Path(__file__).parents[1] / "notebooks"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem
)
def test_a_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    assert all(
        cell.outputs for cell in notebook.cells[1:] if cell.cell_type == "code"
    ), "committed without its outputs"
    NotebookClient(notebook, timeout=300).execute()
