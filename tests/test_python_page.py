"""The page and the notebook on Python are true: their code runs as it is written, in an empty folder."""

import re
import sys
import warnings

import pytest

from helpers import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_blocks_of_the_page_run_in_their_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for block in BLOCKS:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert len(BLOCKS) == 5
    assert (tmp_path / "results" / "leaderboard.md").is_file()
    assert names["mine"].cells.label.tolist() == ["Bicubic", "Repeat"] * (len(names["mine"].cells) // 2)
    assert 20 < names["scores"]["psnr_y"] < 50


def test_the_page_names_public_functions():
    import srbench

    assert {name for name in re.findall(r"`srbench\.(\w+)", PAGE) if not hasattr(srbench, name)} == set()


@pytest.mark.slow
def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Jupyter itself
        client = nbclient.NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(tmp_path)}})
        client.km = client.create_kernel_manager()
        client.km.kernel_spec.argv[0] = sys.executable
        client.execute()
    kinds = [
        {kind for output in cell.outputs for kind in output.get("data", ())}
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    assert "image/png" in kinds[1]  # the photograph
    assert {"text/html", "text/plain"} <= kinds[3]  # results, as a table
    assert "image/png" in kinds[5]  # the plot
    assert "text/markdown" in kinds[7]  # the verdicts
    assert not list(ROOT.glob("tiny*.toml"))
