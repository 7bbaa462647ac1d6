"""What `srbench add-plugin` writes works as it stands, is as clean as srbench itself, and overwrites nothing."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import srbench
from helpers import ROOT
from srbench.catalog import scaffold
from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover, file_plugin
from srbench.catalog.kinds import KINDS
from srbench.catalog.loading import load_plugin
from srbench.catalog.plugin import Plugin
from srbench.catalog.scaffold import LICENSES, RESERVED, Idea, write_file, write_package
from srbench.cli.app import app
from srbench.errors import StoreError, UnknownNameError, UsageError

NOTHING = build_catalog([])
PAPER = "https://arxiv.org/abs/1609.05158"
NAMES = {
    "architecture": "my_net",
    "recogniser": "my_backbone",
    "distiller": "my_distiller",
    "degradation": "my_blur",
    "step": "my_step",
    "metric": "my_metric",
    "loss": "my_loss",
    "dataset": "my_photographs",
    "runtime": "my_runtime",
    "executor": "my_pool",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def all_kinds(elsewhere):
    return {kind: write_file(Idea(kind, name, PAPER), NOTHING) for kind, name in NAMES.items()}


def test_files_that_were_written_are_found_and_provide_what_was_asked_for(all_kinds):
    found = {p.name: p for p in discover(environ={"SRBENCH_PLUGINS": "files"})}
    assert {name: p.error for name, p in found.items() if name in NAMES.values()} == dict.fromkeys(NAMES.values())
    for kind, name in NAMES.items():
        assert [(k, spec.name) for k, spec in found[name].specs] == [(kind, name)]


def test_the_tests_that_were_written_pass(all_kinds):
    tests = [str(written.files[1]) for written in all_kinds.values()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *tests]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_what_was_written_is_formatted_and_linted_like_srbench_itself(all_kinds, elsewhere):
    config = [
        "--config",
        str(ROOT / "pyproject.toml"),
        "--no-cache",
        "--config",
        'lint.isort.known-first-party=["srbench"]',
    ]
    for command in (
        ["check", *config, "--output-format", "concise", "plugins"],
        ["format", "--diff", *config[:3], "."],
    ):
        done = subprocess.run([sys.executable, "-m", "ruff", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    loose = [*config, "--ignore", "ANN,D,S,INP,PLR,N", "tests"]
    done = subprocess.run([sys.executable, "-m", "ruff", "check", *loose], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_paper_nothing_is_made_up(kind):
    written = write_file(Idea(kind, NAMES[kind]), NOTHING)
    text = written.files[0].read_text()
    assert "Paper" not in text.replace("srbench.Paper", "Paper")
    (pair,) = load_plugin(*file_plugin(written.files[0])).specs
    assert getattr(pair[1], "paper", None) is None


@pytest.mark.parametrize("kind", ["architecture", "recogniser", "distiller", "degradation", "step", "loss"])
def test_the_papers_address_and_year_are_in_the_spec(kind):
    written = write_file(Idea(kind, NAMES[kind], PAPER), NOTHING)
    ((_, spec),) = load_plugin(*file_plugin(written.files[0])).specs
    assert (spec.paper.url, spec.paper.venue, spec.paper.year) == (PAPER, "arXiv", 2016)


def test_the_next_three_commands_name_the_files(all_kinds):
    assert all_kinds["architecture"].commands == (
        "python -m pytest tests/test_my_net.py",
        "srbench check my_net --plugin plugins/my_net.py",
        "srbench run --architecture my_net --scale 2 --plugin plugins/my_net.py",
    )


def test_another_folder_is_shown_as_one_must_type_it(elsewhere):
    written = write_file(Idea("metric", "my_metric"), NOTHING, elsewhere / "a b")
    assert written.commands[1] == "srbench check my_metric --plugin 'a b/plugins/my_metric.py'"


def test_in_a_clone_of_srbench_the_file_joins_the_bundled_plugins(elsewhere, monkeypatch):
    clone = elsewhere / "clone"
    (clone / "plugins").mkdir(parents=True)
    (clone / "pyproject.toml").write_text('[project]\nname = "srbench"\n')
    monkeypatch.setattr(scaffold, "bundled_folder", lambda: clone / "plugins")
    monkeypatch.chdir(clone / "plugins")
    written = write_file(Idea("metric", "my_metric"), NOTHING)
    assert written.files == (clone / "plugins/metrics/my_metric.py", clone / "tests/plugins/metrics/test_my_metric.py")
    assert "\nfrom srbench_plugins.metrics import my_metric\n" in written.files[1].read_text()
    assert written.commands[2] == "srbench run --architecture edsr_small --metric my_metric --scale 2"
    monkeypatch.chdir(elsewhere)
    assert write_file(Idea("metric", "my_metric"), NOTHING).files[0] == Path("plugins/my_metric.py")


@pytest.mark.parametrize("existing", ["plugins/my_net.py", "tests/test_my_net.py"])
def test_nothing_is_overwritten(elsewhere, existing):
    path = elsewhere / existing
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(UsageError, match=rf"{path.name} exists already and is left as it is"):
        write_file(Idea("architecture", "my_net"), NOTHING)
    assert [p for p in elsewhere.rglob("*") if p.is_file()] == [path]
    assert path.read_text() == "precious"


def test_a_dangling_link_is_not_written_through(elsewhere):
    (elsewhere / "plugins").mkdir()
    (elsewhere / "plugins" / "my_net.py").symlink_to(elsewhere / "target.py")
    with pytest.raises(UsageError, match=r"exists already"):
        write_file(Idea("architecture", "my_net"), NOTHING)
    assert not (elsewhere / "target.py").exists()


def test_a_folder_that_cannot_be_written_is_named(elsewhere):
    (elsewhere / "plugins").write_text("a file where a folder should be")
    with pytest.raises(
        StoreError, match=r"plugins/my_net.py could not be written: .*; choose another folder with --into"
    ):
        write_file(Idea("architecture", "my_net"), NOTHING)


def test_a_name_that_is_taken_names_its_provider():
    spec = srbench.LossSpec(name="l1", build=lambda: None)
    metric = srbench.Family(name="mine", make=lambda argument, others: None, example="mine:a")
    catalog = build_catalog([Plugin("theirs", "file", specs=[("loss", spec), ("metric", metric)])])
    with pytest.raises(
        UsageError, match=r"The metric 'mine' exists already, in plugin theirs \(file\); take another name"
    ):
        write_file(Idea("metric", "mine"), catalog)
    with pytest.raises(UsageError, match=r"exists already"):
        write_package(Idea("metric", "mine"), catalog)


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_has_an_entry_point_a_licence_and_code_that_parses(kind, elsewhere):
    written = write_package(Idea(kind, NAMES[kind], PAPER), NOTHING)
    dashed = NAMES[kind].replace("_", "-")
    root = elsewhere / f"srbench-{dashed}"
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["name"] == root.name
    assert project["license"] == "MIT"
    assert project["entry-points"]["srbench"] == {NAMES[kind]: f"srbench_{NAMES[kind]}.{NAMES[kind]}"}
    assert (root / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) 2")
    assert {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} == {
        ".github/workflows/check.yml", ".gitignore", "LICENSE", "README.md", "pyproject.toml",
        f"src/srbench_{NAMES[kind]}/__init__.py",
        f"src/srbench_{NAMES[kind]}/{NAMES[kind]}.py", f"tests/test_{NAMES[kind]}.py",
    } | ({f"{NAMES[kind]}.toml"} if kind in {"loss", "step", "dataset"} else set())  # fmt: skip
    for path in root.rglob("*.py"):
        ast.parse(path.read_text())
    workflow = (root / ".github/workflows/check.yml").read_text()
    assert "$" not in "".join(p.read_text() for p in root.rglob("*") if p.is_file() and p.suffix != ".yml")
    assert re.findall(r"\$(?!\{\{ |GITHUB)", workflow) == []
    assert written.commands[1] == f"srbench check {NAMES[kind]}"
    run = written.commands[2].removeprefix(f"cd {root.name} && ")
    assert run in (root / "README.md").read_text()
    assert f"- run: {run} --results head\n" in workflow


def test_a_package_accepts_the_versions_of_srbench_until_one_may_break_it(elsewhere, monkeypatch):
    for number, (installed, bound) in enumerate([("0.1.0", ">=0.1,<0.2"), ("2.3.4rc1", ">=2.3,<3")]):
        monkeypatch.setattr(scaffold, "version", lambda package, installed=installed: installed)
        write_package(Idea("metric", f"metric_{number}"), NOTHING)
        text = (elsewhere / f"srbench-metric-{number}" / "pyproject.toml").read_text()
        assert tomllib.loads(text)["project"]["dependencies"] == [f"srbench{bound}"]


def test_a_packages_workflow_is_one_that_the_host_accepts(elsewhere):
    write_package(Idea("loss", "my_loss"), NOTHING)
    path = elsewhere / "srbench-my-loss/.github/workflows/check.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["loss", "step", "dataset"])
def test_a_table_uses_what_was_written_and_can_be_run(kind, elsewhere):
    written = write_file(Idea(kind, NAMES[kind]), NOTHING)
    assert written.files[2] == Path(f"{NAMES[kind]}.toml")
    words = shlex.split(written.commands[2])
    done = CliRunner().invoke(app, ["plan", *words[2:]])
    assert done.exit_code == 0, done.output
    assert NAMES[kind] in done.output or kind == "loss"  # a plan does not list losses, but refuses unknown ones


def test_every_licence_on_offer_has_its_text(elsewhere):
    for number, license_id in enumerate(LICENSES):
        write_package(Idea("metric", f"metric_{number}"), NOTHING, license_id=license_id)
        text = (elsewhere / f"srbench-metric-{number}" / "LICENSE").read_text()
        assert license_id.split("-")[0] in text
    with pytest.raises(UnknownNameError, match=r"No licence named 'GPL'"):
        write_package(Idea("metric", "my_metric"), NOTHING, license_id="GPL")


@pytest.mark.slow
def test_a_packages_tests_pass_with_its_source_on_the_path(elsewhere):
    write_package(Idea("metric", "my_metric"), NOTHING)
    root = elsewhere / "srbench-my-metric"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    environ = os.environ | {"PYTHONPATH": str(root / "src")}
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("MyNet", "'my_net'"),
        ("EDSRBaseline", "'edsr_baseline'"),
        ("my-net", "'my_net'"),
        ("my net.py", "'my_net_py'"),
        ("2fast", "'my_metric'"),
        ("über", "'ber'"),
        ("A०", "'a'"),  # a digit, but not of ASCII
        ("", "'my_metric'"),
        ("__", "'my_metric'"),
        ("a__b", "'a_b'"),
        ("../escape", "'escape'"),
        ("x" * 41, "x" * 40),
    ],
)
def test_a_name_of_another_form_is_refused_with_the_right_form(name, advice):
    with pytest.raises(UsageError, match=rf"not lower_snake_case .* write it like .*{advice}"):
        Idea("metric", name)


@given(st.text(max_size=60))
def test_the_advised_name_is_always_one_that_is_accepted(name):
    try:
        idea = Idea("metric", name)
    except UsageError as error:
        if "write it like" in str(error):
            advised = str(error).rpartition("write it like ")[2].strip("'.")
            assert advised == Idea("metric", advised).name or advised in RESERVED
    else:
        assert idea.name == name


@pytest.mark.parametrize("name", ["class", "match", "torch", "srbench", "tensor", "test_net"])
def test_names_that_hide_something_are_reserved(name):
    with pytest.raises(UsageError, match=rf"'{name}' is reserved; take another, such as 'my_{name}'"):
        Idea("architecture", name)


def test_a_kind_that_cannot_be_written_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"No kind of plugin named 'architectur'. Did you mean arch"):
        Idea("architectur", "my_net")


@pytest.mark.parametrize(
    "url", ["arxiv.org/abs/1", "https://", 'https://a"b', "https://a\\b", "javascript:1", "https://a b"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError, match="is not a web address"):
        Idea("metric", "my_metric", url)
