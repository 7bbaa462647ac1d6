"""The pages on plugins say what the code says."""

import dataclasses
import re

import pytest

from helpers import ROOT
from srbench.catalog.discovery import file_plugin
from srbench.catalog.kinds import KINDS
from srbench.catalog.loading import load_plugin
from srbench.measuring.metrics.spec import MetricSpec, SampleMetricSpec, ScoreSpec, SetMetricSpec
from srbench.measuring.recognition.spec import FrontMetricSpec, RecognitionMetricSpec
from srbench.testing import violations_of

PAGES = ROOT / "docs" / "plugins"


def page(kind):
    return (PAGES / f"{kind}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_the_plugin_on_a_page_works_and_keeps_its_contract(kind, tmp_path):
    (tmp_path / "example.py").write_text(re.search(r"```python\n(.*?)```", page(kind), re.DOTALL)[1])
    (tmp_path / "images").mkdir()
    plugin = load_plugin(*file_plugin(tmp_path / "example.py"))
    assert plugin.error is None
    ((provided, spec),) = plugin.specs
    assert provided == kind
    if kind not in ("dataset", "executor"):  # one needs its images, the other an importable module
        assert violations_of(spec) == []


@pytest.mark.parametrize("name", ["doubtful", "dithered", "nudged"])
def test_every_further_network_on_its_page_keeps_its_contract(name, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", page("architecture"), re.DOTALL)
    (example,) = [text for text in blocks if f'name="{name}"' in text]
    hook = f"\n\n@srbench.hookimpl\ndef register_architectures():\n    return [{name.upper()}]\n"
    (tmp_path / "example.py").write_text(
        f"import torch\nfrom torch import Tensor, nn\n\nimport srbench\n{example}{hook}"
    )
    plugin = load_plugin(*file_plugin(tmp_path / "example.py"))
    assert plugin.error is None
    ((_, spec),) = plugin.specs
    assert violations_of(spec) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_describes_every_field_and_no_other(kind):
    rows = re.search(r"\| field \| says \|\n\|[-|]+\n((?:\|.*\n)+)", page(kind))[1].splitlines()
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert described == {field.name for field in dataclasses.fields(KINDS[kind].spec)}


@pytest.mark.parametrize("spec", [MetricSpec, SetMetricSpec, SampleMetricSpec, RecognitionMetricSpec, FrontMetricSpec])
def test_the_page_on_metrics_describes_the_further_fields_of_each_task_with_an_example(spec, tmp_path):
    heading = rf"\| field of a `{spec.__name__}` \| says \|\n\|[-|]+\n((?:\|.*\n)+)"
    rows = re.search(heading, page("metric"))[1].splitlines()
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    shared = {field.name for field in dataclasses.fields(ScoreSpec)}
    assert described == {field.name for field in dataclasses.fields(spec)} - shared
    examples = re.findall(r"```python\n(.*?)```", page("metric"), re.DOTALL)
    (example,) = [text for text in examples if re.search(rf"return \[\s*srbench\.{spec.__name__}\b", text)]
    (tmp_path / "example.py").write_text(example)
    plugin = load_plugin(*file_plugin(tmp_path / "example.py"))
    assert plugin.error is None
    ((_, found),) = plugin.specs
    assert isinstance(found, spec)
    assert violations_of(found) == []


@pytest.mark.parametrize(("words", "tasks"), [("tasks=", {"recognition"}), ("AdversarialTraining(", {"sr"})])
def test_a_further_distiller_on_its_page_works_and_keeps_its_contract(words, tasks, tmp_path):
    examples = re.findall(r"```python\n(.*?)```", page("distiller"), re.DOTALL)
    (example,) = [text for text in examples if words in text]
    (tmp_path / "example.py").write_text(example)
    plugin = load_plugin(*file_plugin(tmp_path / "example.py"))
    assert plugin.error is None
    ((_, found),) = plugin.specs
    assert found.tasks == tasks
    assert violations_of(found) == []


def test_the_first_page_names_every_hook_and_every_page():
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    for kind, row in KINDS.items():
        assert f"| `{row.hook}` | [{kind}.md]({kind}.md) |" in text


def test_the_page_on_distillers_names_every_method_and_no_other():
    from srbench.distilling.distiller import Distiller

    described = set(re.findall(r"^\| `(\w+)\(.*?\)` \|", page("distiller"), re.MULTILINE))
    assert described == {
        name for name, value in vars(Distiller).items() if callable(value) and not name.startswith("_")
    }


@pytest.mark.slow
@pytest.mark.parametrize("library", ["dask", "parsl"])
def test_the_executor_of_another_library_on_its_page_keeps_its_contract(library, tmp_path):
    pytest.importorskip({"dask": "distributed"}.get(library, library), reason=f"{library} is not installed")
    (text,) = [
        code
        for code in re.findall(r"```python\n(.*?)```", page("executor"), re.DOTALL)
        if f"import {library}" in code or f"from {library}" in code
    ]
    (tmp_path / "example.py").write_text(text)
    plugin = load_plugin(*file_plugin(tmp_path / "example.py"))
    assert plugin.error is None
    ((_, spec),) = plugin.specs
    assert violations_of(spec) == []
