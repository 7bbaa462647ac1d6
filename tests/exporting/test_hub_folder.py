"""A folder for a hub has all that plain PyTorch needs, and scores with their protocols."""

import json
import re
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from helpers.records import make_record, write_records
from srbench.errors import DataError, ExportError
from srbench.exporting.export import export
from srbench.files import cache_root, sha256_of
from srbench.networks.network import build_network
from srbench.running.stages import TRAIN, WEIGHTS, JobName
from srbench.running.store import Store
from srbench.upscaling.loading import load_upscaler

FILES = {"README.md", "config.json", "model.safetensors", "program.pt"}
HIDDEN = """
import sys, importlib.util, warnings
warnings.simplefilter("ignore")
sys.path = [path for path in sys.path if path != {root!r}]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder).lower()]
assert importlib.util.find_spec("srbench") is None
"""


@pytest.fixture
def results(tmp_path, monkeypatch, catalog):
    """Two cells of one training, and its weights in the cache."""
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    records = [make_record("espcn", dataset=dataset) for dataset in ("photographs", "set5")]
    key = records[0].model.key
    path = Store(cache_root()).folder(JobName(TRAIN, key)) / WEIGHTS
    path.parent.mkdir(parents=True)
    save_file(build_network(catalog.architectures["espcn"], 2).module.state_dict(), path)
    update = {"weights_sha256": sha256_of(path), "key": key}
    cells = [record.model_copy(update={"model": record.model.model_copy(update=update)}) for record in records]
    return write_records(tmp_path / "results", cells)


@pytest.fixture
def folder(results, tmp_path, catalog):
    hub = {"set5": "somebody/Set5"}
    return export(f"{results}#espcn", "hub-folder", tmp_path / "mine", catalog, hub_datasets=hub).path


def test_its_card_loads_it_without_srbench(folder, results, catalog, tmp_path):
    assert {path.name for path in folder.iterdir()} == FILES | {".eval_results"}
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(code.splitlines()) <= 10
    lr = torch.rand(1, 1, 11, 14)
    save_file({"lr": lr}, tmp_path / "lr.safetensors")
    code = re.sub(r"lr = .*", f"lr = load_file({str(tmp_path / 'lr.safetensors')!r})['lr']", code)
    code += f"from safetensors.torch import save_file\nsave_file({{'sr': sr}}, {str(tmp_path / 'sr.safetensors')!r})\n"
    hidden = HIDDEN.format(root=str(tmp_path.cwd()))
    ran = subprocess.run([sys.executable, "-c", hidden + code], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "(1, 1, 22, 28)\n"
    from safetensors.torch import load_file

    with torch.no_grad():
        wanted = load_upscaler(f"{results}#espcn", catalog).network(lr, 2).clamp(0, 1)
    assert torch.allclose(load_file(tmp_path / "sr.safetensors")["sr"], wanted, atol=1e-4)


def test_its_facts_are_those_of_the_record(folder, results):
    config = json.loads((folder / "config.json").read_text())
    record = json.loads(next((results / "records").iterdir()).read_text())["model"]
    assert (config["architecture"], config["scale"], config["recipe"]) == ("espcn", 2, "quick")
    assert (config["key"], config["source_sha256"]) == (record["key"], record["weights_sha256"])
    assert config["weights_sha256"] == sha256_of(folder / "model.safetensors")


def test_every_score_is_there_with_its_protocol(folder, results):
    yaml = pytest.importorskip("yaml")
    hub = pytest.importorskip("huggingface_hub")
    card = (folder / "README.md").read_text()
    raw = yaml.safe_load((folder / ".eval_results" / "srbench.yaml").read_text())
    from huggingface_hub._eval_results import parse_eval_result_entries

    entries = parse_eval_result_entries(raw)
    assert all(isinstance(entry, hub.EvalResultEntry) for entry in entries)
    found = {(entry.dataset_id, entry.task_id): entry for entry in entries}
    for path in (results / "records").iterdir():
        record = json.loads(path.read_text())
        dataset = "somebody/Set5" if record["dataset"] == "set5" else record["dataset"]
        for metric, score in record["scores"].items():
            entry = found[dataset, f"{metric}-x2"]
            assert entry.value == score["value"]
            assert entry.notes.startswith(score["protocol"])
            assert f"{score['value']:.{score['decimals']}f} |" in card
    assert len(found) == len(entries) == 10
    assert yaml.safe_load(card.split("---")[1])["pipeline_tag"] == "image-to-image"


def test_only_a_folder_that_an_export_wrote_is_replaced(folder, results, tmp_path, catalog):
    before = (folder / "config.json").stat().st_mtime_ns
    with pytest.raises(DataError, match="mine is there already"):
        export(f"{results}#espcn", "hub-folder", folder, catalog)
    export(f"{results}#espcn", "hub-folder", folder, catalog, overwrite=True)
    assert (folder / "config.json").stat().st_mtime_ns > before
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("years")
    with pytest.raises(DataError, match="own is a folder that `srbench export` did not write"):
        export(f"{results}#espcn", "hub-folder", own, catalog, overwrite=True)
    assert (own / "thesis.txt").read_text() == "years"


def test_nothing_is_left_of_a_folder_that_cannot_be_written(tmp_path, catalog):
    with pytest.raises(ExportError, match="nearest has no weights to export"):
        export("nearest", "hub-folder", tmp_path / "out", catalog, 2)
    assert list(tmp_path.iterdir()) == []
