"""The command line as a person types it, in a folder and a home of its own."""

import gc
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

import srbench.catalog.listing  # binds load_catalog, before a test replaces it for a while
from helpers.catalogs import share
from srbench.cli import main
from srbench.running import session


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Typed:
    """Types commands."""

    folder: Path
    capsys: pytest.CaptureFixture
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words):
        self.monkeypatch.setattr(sys, "argv", ["srbench", *map(str, words)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main()
        gc.unfreeze()  # the command has ended, and this process goes on
        out, err = self.capsys.readouterr()
        return Answer(done.value.code or 0, out, err)


@pytest.fixture
def srbench(tmp_path, monkeypatch, capsys):
    """``srbench("list", "suites")`` gives the exit status and what was printed."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "240")
    for name in ("SRBENCH_PLUGINS", "SRBENCH_DEBUG", "SRBENCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    return Typed(folder, capsys, monkeypatch)


@pytest.fixture
def run(srbench, tiny, catalog):
    """``srbench run`` on the tiny suite, without profiles; with the catalog of all tests unless plugins are given."""

    def running(*words, suite=None, plugins=()):
        session._library.cache_clear()  # every command is a process of its own
        files = [part for path in (tiny.plugin, *plugins) for part in ("--plugin", path)]
        with srbench.monkeypatch.context() as patched:
            if not plugins and "--plugin" not in words:
                share(patched, catalog)
            return srbench("run", suite or tiny.suite(), "--data", tiny.data, "--no-profile", *files, *words)

    return running


@pytest.fixture
def plugin(tmp_path):
    """Write a plugin with one more thing in it."""

    def write(text, name="mine"):
        path = tmp_path / f"{name}.py"
        path.write_text("import torch\nfrom torch import nn\nimport srbench\n" + textwrap.dedent(text))
        return path

    return write


CRASHING = """
import os
import signal

import srbench


def open_crashing(given):
    os.kill(os.getpid(), signal.SIGSEGV)


def open_counting(given):
    raise srbench.UnavailableError(f"It would have {given.threads} threads.")


@srbench.hookimpl
def register_runtimes():
    spec = srbench.RuntimeSpec
    return [spec(name="crashing", open=open_crashing), spec(name="counting", open=open_counting)]
"""


@pytest.fixture
def crashing(tmp_path):
    """The file of a runtime whose library ends the process, as a fault in C++ does, and one that says its threads."""
    path = tmp_path / "crashing.py"
    path.write_text(CRASHING)
    return path
