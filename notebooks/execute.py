"""Runs notebooks from top to bottom, and keeps their outputs.

    python notebooks/execute.py [NAME ...]

Each runs as it stands, in an empty folder, and is written with its outputs:
progress bars as they end, nothing of this machine. Needs the extra [test].
"""

import pathlib
import re
import sys
import tempfile

import nbformat
from nbclient import NotebookClient

FOLDER = pathlib.Path(__file__).parent
# What TensorFlow and others say of the machine while they are imported.
_NOISE = re.compile(
    r"^(?:[IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl|"
    r"To enable the following instr|INFO: Created TensorFlow Lite|"
    r".*TqdmWarning: IProgress|  from \.autonotebook import)"
)
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def run(notebook, folder, *, parameters: str = "", timeout: int = 3600):
    """Runs a notebook in a folder; its outputs are then in it.

    A command, a line that begins with "!", stops it where it fails.

    Args:
      parameters: code behind that of the cell with the tag "parameters".
      timeout: seconds for each cell.

    Raises:
      nbclient.exceptions.CellExecutionError: a cell has failed.
    """
    sources = [cell.source for cell in notebook.cells]
    for cell in code_cells(notebook):
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += f"\n{parameters}"
        if re.search(r"^!", cell.source, re.MULTILINE):
            cell.source += "\nassert _exit_code == 0, _exit_code"
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=timeout, resources=where).execute()
    for cell, source in zip(notebook.cells, sources, strict=True):
        cell.source = source


def code_cells(notebook):
    """The cells of a notebook that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tidy(notebook, folder) -> None:
    """Leaves out what differs from machine to machine, and old bars."""
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)  # times
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = _tidy_text(output.text.replace(f"{folder}/", ""))
        cell.outputs = [o for o in cell.outputs if o.get("text", "x").strip()]


def _joined(outputs):
    """The parts of a stream that follow one another as one."""
    joined = []
    for output in outputs:
        is_stream = output.output_type == "stream"
        if joined and is_stream and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _tidy_text(text: str) -> str:
    """Lines as a terminal shows them in the end."""
    lines = []
    for line in _CONTROL.sub("", text).replace("\r\n", "\n").split("\n"):
        shown = line.rstrip("\r").rpartition("\r")[2].rstrip()
        if not _NOISE.match(shown):
            lines.append(shown)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).lstrip("\n")


def main() -> None:
    names = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    for name in names:
        path = FOLDER / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            run(notebook, folder)
            tidy(notebook, folder)
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
