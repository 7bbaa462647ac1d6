"""A plugin file whose loading ends the process is named, and srbench goes on."""

import subprocess

import pytest

from srbench.catalog import trial
from srbench.catalog.discovery import discover

LOSS = """
import srbench

@srbench.hookimpl
def register_losses():
    return [srbench.LossSpec(name="own_loss", build=lambda: None)]
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a plugin file with some text as srbench does, and counts the trials."""
    monkeypatch.setenv("SRBENCH_TRUST_PLUGINS", "")
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    trials = []
    run = subprocess.run
    monkeypatch.setattr(trial.subprocess, "run", lambda *a, **k: trials.append(a) or run(*a, **k))
    path = tmp_path / "own.py"

    def loaded(text):
        trials.clear()
        path.write_text(text)
        (plugin,) = discover([path], environ={"SRBENCH_PLUGINS": "none"})
        return plugin, len(trials)

    return loaded


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        (LOSS.replace("return", "import ctypes; ctypes.string_at(0); return"), "SIGSEGV"),
        ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
        ("import ctypes\nctypes.CDLL(None)._exit(3)", "exit status 3"),
        ("import ctypes\nctypes.CDLL(None)._exit(0)", "exit status 0"),
    ],
)
def test_what_ends_the_process_is_named(load, text, end):
    plugin, trials = load(text)
    assert plugin.error == (
        f"Plugin own is not usable: it ends the whole process ({end}) when it is loaded; fix it or remove it."
    )
    assert trials == 1
    assert load(text)[1] == 0  # the verdict is kept


def test_a_version_is_tried_once(load):
    for text in (LOSS, LOSS + "# changed"):
        for trials in (1, 0):
            plugin, tried = load(text)
            assert plugin.error is None
            assert [spec.name for _, spec in plugin.specs] == ["own_loss"]
            assert tried == trials


def test_an_ordinary_fault_is_reported_as_without_a_trial(load):
    assert "ZeroDivisionError" in load("1 / 0")[0].error
    assert "SystemExit: 3" in load("import sys\nsys.exit(3)")[0].error


def test_a_trial_that_hangs_ends_with_the_time_limit(load, tmp_path):
    (tmp_path / "own.py").write_text("import time\ntime.sleep(60)")
    (plugin,) = discover([tmp_path / "own.py"], environ={"SRBENCH_PLUGINS": "none", "SRBENCH_PLUGIN_TIMEOUT": "0.5"})
    assert "did not finish loading within 0.5 s" in plugin.error


def test_a_cache_that_cannot_be_written_costs_only_time(load, tmp_path):
    (tmp_path / "cache").write_text("a file")
    for _ in range(2):
        plugin, trials = load(LOSS)
        assert (plugin.error, trials) == (None, 1)
