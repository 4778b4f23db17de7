"""The README's Python lines as a notebook: it executes, and what it shows are tables and pictures."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import irisbp
from tests.conftest import CONFIGS

README = Path(__file__).parent.parent / "README.md"


def cells() -> list[str]:
    """The README's Python, one cell for each paragraph of it."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    return [cell.strip() for block in blocks for cell in re.split(r"\n\n+", block) if cell.strip()]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after it was run in a folder with the configs."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "configs").symlink_to(CONFIGS)
    irisbp.train(directory=folder / "runs" / "article-001")  # as the README's commands have done by then
    extra = [
        "run",
        "run.evaluate()",
        "run.evaluate().confusion",
        "run.plot('regions')",
        "irisbp.train(epochs=2, progress=True)",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in [*cells(), *extra]])
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    nbformat.validate(notebook)
    return notebook


def kinds(cell: Any) -> set[str]:
    """The kinds of outputs of a cell."""
    return {kind for output in cell.outputs for kind in output.get("data", {})}


def test_every_cell_runs(executed: Any) -> None:
    assert len(executed.cells) > 5
    for cell in executed.cells:
        assert not [output for output in cell.outputs if output.output_type == "error"]
        warned = [output for output in cell.outputs if output.get("name") == "stderr"]
        assert not warned, warned


def test_results_are_shown_as_tables_and_pictures(executed: Any) -> None:
    *_, run, evaluation, confusion, picture, progress = executed.cells
    assert "text/html" in kinds(run)
    assert "text/html" in kinds(evaluation)
    assert "text/html" in kinds(confusion)
    assert "image/png" in kinds(picture)
    assert "text/html" in kinds(progress)  # the bar
