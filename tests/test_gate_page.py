"""The page on gating pull requests works as it is pasted, and this repository gates itself by the same rule."""

import csv
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from helpers import ROOT
from helpers.records import make_record, write_records
from srbench.planning.overrides import RunOptions
from srbench.planning.plan import make_plan
from srbench.planning.suite import load_suite

PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
WORKFLOWS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
(WORKFLOW,) = (text for text in WORKFLOWS if text.startswith("name: Quality"))


def steps():
    """Return the commands of the workflow."""
    return [step["run"].strip() for step in yaml.safe_load(WORKFLOW)["jobs"]["quality"]["steps"] if "run" in step]


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_each_workflow_is_one_that_the_host_accepts(workflow, tmp_path):
    (tmp_path / "quality.yml").write_text(workflow)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, tmp_path / "quality.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_rules_are_the_same_wherever_they_are_written():
    places = ("README.md", "Makefile", "docs/gate.md")
    texts = {place: (ROOT / place).read_text(encoding="utf-8") for place in places}
    rules = {place: set(re.findall(r'--fail-on "([^"]+)"', text)) for place, text in texts.items()}
    assert rules == {place: {"psnr_y_db < -chance"} for place in places}


@pytest.mark.parametrize(("lower", "status"), [(0.0, 0), (1.0, 1)])
def test_the_comparison_of_the_workflow_passes_what_changed_nothing_and_fails_a_loss(lower, status, tmp_path):
    for side, loss in (("baseline", 0.0), ("head", lower)):
        scores = {0: 33.0, 1: 33.04, 2: 33.1}
        write_records(tmp_path / side, [make_record("espcn", seed=s, psnr=p - loss) for s, p in scores.items()])
    (command,) = (step for step in steps() if step.startswith("srbench compare"))
    done = subprocess.run([sys.executable, "-m", *shlex.split(command)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    assert (tmp_path / "comment.md").is_file()
    assert (tmp_path / "quality.xml").is_file()
    assert any("cat comment.md" in step for step in steps())


def test_the_committed_baseline_has_every_cell_of_the_suite_gate(catalog):
    with (ROOT / "results" / "gate" / "leaderboard.csv").open(encoding="utf-8") as file:
        rows = [
            (r["architecture"], r["distiller"], r["scale"], r["degradation"], r["seed"]) for r in csv.DictReader(file)
        ]
    cells = make_plan(load_suite("gate"), catalog, RunOptions()).cells
    planned = [
        (
            c.model.architecture,
            c.model.distiller or "none",
            str(c.scale),
            c.degradation,
            str(c.model.seed or 0) if c.model.recipe else "",
        )
        for c in cells
    ]
    assert sorted(rows) == sorted(planned)
