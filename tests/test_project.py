"""The files around the code agree with one another."""

import importlib.util
import itertools
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from helpers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def names(requirements):
    return {re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements}


def test_the_hooks_before_a_commit_are_the_parts_of_make_lint():
    parts = re.search(r"^lint: (.*)$", text("Makefile"), re.MULTILINE)[1].split()
    (repository,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == [f"make {part}" for part in parts]


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_run_writes_into_a_folder_that_is_not_committed():
    printed = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (command,) = re.findall(r"srbench run\b.*", printed)
    folder = re.search(r"--results (\S+)", command)[1]
    assert f"{folder.split('/')[0]}/" in text(".gitignore").split()


def test_the_workflow_tests_every_python_that_the_package_claims():
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    claimed = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == claimed
    assert PROJECT["project"]["requires-python"] == f">={claimed[0]}"


def test_the_citation_is_of_this_version_under_this_licence():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]
    assert [author["name"] for author in citation["authors"]] == [a["name"] for a in PROJECT["project"]["authors"]]


def test_all_that_users_can_install_holds_no_tool_of_developers():
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(re.findall(r"[\w-]+", extras["all"][0])) - {"srbench"} == extras.keys() - {"all"}
    tools = names([*PROJECT["dependency-groups"]["dev"], *PROJECT["dependency-groups"]["docs"]])
    assert tools & names(r for requirements in extras.values() for r in requirements) == set()


def test_every_requirement_has_its_version_in_the_constraints():
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in text("constraints.txt").splitlines()[1:]}
    lists = [*PROJECT["project"]["optional-dependencies"].values(), *PROJECT["dependency-groups"].values()]
    required = [*PROJECT["project"]["dependencies"], *itertools.chain(*lists)]
    assert names(required) - pinned == {"srbench"}


RULES = """
words = { "anew" = "again" }
docstrings = { openings = ["Of"], empty = ["Nothing."] }
"""


@pytest.fixture
def language(tmp_path, capsys):
    """Check the words of a project of one module, by some rules; gives the exit status and what is printed."""
    spec = importlib.util.spec_from_file_location("language", ROOT / ".ci" / "language.py")
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    (tmp_path / "srbench").mkdir()
    (tmp_path / ".ci").mkdir()
    for name in ("README.md", "CONTRIBUTING.md"):
        (tmp_path / name).touch()

    def check(source, rules=""):
        (tmp_path / "srbench" / "module.py").write_text(source)
        (tmp_path / ".ci" / "language.toml").write_text(RULES + rules)
        return checker.main(tmp_path), capsys.readouterr().out.splitlines()[:-1]

    return check


def test_a_word_to_avoid_is_found_whatever_its_case(language):
    assert language("# Anew, not renewed\n") == (1, ["srbench/module.py:1: 'Anew' (better: again)"])


@pytest.mark.parametrize("docstring", ["Of the first.", "Nothing."])
def test_a_docstring_without_a_verb_or_noun_is_found(language, docstring):
    status, faults = language(f'def f():\n    """{docstring}"""\n')
    assert (status, faults) == (1, [f"srbench/module.py:2: the docstring begins '{docstring}'"])


def test_a_docstring_that_starts_otherwise_passes(language):
    assert language('"""Offsets of a window."""\n') == (0, [])


def test_a_word_that_is_kept_for_a_reason_passes_and_is_missed_once_it_is_gone(language):
    kept = '[[kept]]\nfile = "srbench/module.py"\ntext = "start anew"\nreason = "a title"\n'
    assert language("# start anew\n", kept) == (0, [])
    status, faults = language("# start\n", kept)
    assert (status, faults) == (1, ["language.toml keeps 'start anew' of srbench/module.py: it is gone, remove it"])
