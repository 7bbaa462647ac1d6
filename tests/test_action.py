"""The action in action.yml: its shell steps, run as the host runs them, against a git repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers import ROOT
from helpers.records import make_record, write_records

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}
SUITE = """
name = "tiny"
protocol = "classic-y"
metrics = ["psnr_y"]
images_kept = 0

[profile]
enabled = false

[[grid]]
architectures = ["bicubic"]
datasets = ["photographs"]
scales = [2]
"""

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="bash, which runs the steps, is not installed")


def git(folder, *words):
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


def commit(folder, message):
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", message)


@pytest.fixture
def clone(tmp_path):
    """A clone of a repository whose branch main has a suite."""
    origin = tmp_path / "origin"
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", str(origin))
    (origin / "tiny.toml").write_text(SUITE)
    commit(origin, "Add a suite")
    git(tmp_path, "clone", "--quiet", str(origin), "clone")
    return tmp_path / "clone"


def run_step(name, folder, **inputs):
    """Run a step with the inputs' values, as the host does; only they and the path of the action are filled in."""
    values = {key: str(facts.get("default", "")) for key, facts in ACTION["inputs"].items()}
    values |= {"base": "main"} | {key.replace("_", "-"): value for key, value in inputs.items()}
    environ = {
        key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: values[match[1]], text)
        for key, text in STEPS[name]["env"].items()
    }
    assert not [text for text in environ.values() if "${{" in text]
    environ |= {
        "PATH": os.pathsep.join([str(folder.parent / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(folder.parent / "summary.md"),
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]]
    return subprocess.run(command, cwd=folder, env=os.environ | environ, capture_output=True, text=True)


def put_baseline(clone, psnr):
    """Commit a leaderboard to main of the origin."""
    origin = clone.parent / "origin"
    write_records(origin / "baseline", [make_record("bicubic", psnr=psnr)])
    commit(origin, "Add a baseline")


def test_the_suite_runs_and_its_leaderboard_is_the_summary_while_there_is_no_baseline(clone):
    done = run_step("Run", clone, suite="tiny.toml", options="--limit 1 --threads 1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bicubic" in (clone / "build/gate/leaderboard.csv").read_text()
    assert (clone / ".srbench-cache").is_dir()
    done = run_step("Compare", clone)
    assert (done.returncode, "::notice::main has no baseline; commit" in done.stdout) == (0, True), done.stderr
    assert run_step("Summary", clone).returncode == 0
    assert "bicubic" in (clone.parent / "summary.md").read_text()


@pytest.mark.parametrize(("base", "status"), [(32.0, 0), (33.0, 1)])
def test_the_run_is_compared_with_what_the_base_branch_has_committed(clone, base, status):
    write_records(clone / "build/gate", [make_record("bicubic", psnr=32.0)])
    write_records(clone / "baseline", [make_record("bicubic", psnr=1.0)])  # of the pull request, which does not count
    put_baseline(clone, base)
    done = run_step("Compare", clone, rules="psnr_y_db < -0.5\n\nssim_y < -0.5\n")
    assert done.returncode == status, done.stdout + done.stderr
    assert 'failures="0"' in (clone / "build/gate/comparison.xml").read_text() or status
    assert run_step("Summary", clone).returncode == 0
    assert (clone.parent / "summary.md").read_text() == (clone / "build/gate/comparison.md").read_text()


def test_without_a_base_the_checked_out_copy_counts(clone):
    write_records(clone / "build/gate", [make_record("bicubic", psnr=32.0)])
    write_records(clone / "baseline", [make_record("bicubic", psnr=32.0)])
    put_baseline(clone, 40.0)
    commit(clone, "Accept lower scores")
    done = run_step("Compare", clone, base="", rules="psnr_y_db < -0.5")
    assert done.returncode == 0, done.stdout + done.stderr


def record_calls(clone, program):
    """Put a program of this name before all others, which writes its arguments to a file that is returned."""
    path = clone.parent / "bin" / program
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{path}.calls"\n')
    path.chmod(0o755)
    return path.with_suffix(".calls")


def test_srbench_is_installed_with_its_extras_and_what_is_asked_for(clone):
    calls = record_calls(clone, "python")
    assert run_step("Install", clone, extras="report", install="-e . other").returncode == 0
    pins = f"-c {ROOT}/constraints.txt"
    assert calls.read_text().splitlines() == [
        f"-m pip install --quiet {ROOT}[report] {pins}",
        f"-m pip install --quiet -e . other {pins}",
    ]


def test_the_environment_of_the_run_has_what_was_asked_for_and_no_more(clone):
    calls = record_calls(clone, "srbench")
    run_step("Run", clone, suite="my suite.toml", data="a b")
    assert calls.read_text() == "run my suite.toml --results build/gate --data a b\n"


def test_every_expression_in_a_script_is_an_environment_variable():
    assert not [name for name, step in STEPS.items() if "${{" in step["run"]]  # an input could be code otherwise
    assert {step["shell"] for step in STEPS.values()} == {"bash"}


def test_the_inputs_are_those_that_the_page_explains():
    page = (ROOT / "docs/gate.md").read_text(encoding="utf-8")
    table = page[page.index("| input | says |") : page.index("Its outputs")]
    cells = " ".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))
    assert set(re.findall(r"`([\w-]+)`", cells)) == set(ACTION["inputs"])
