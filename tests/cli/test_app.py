"""The command itself: fast help, one sentence for every fault, exit statuses."""

import errno
import inspect
import os
import subprocess
import sys

import pytest
import typer.main

from srbench.cli import app as application
from srbench.errors import SrbenchError, TrainingInterrupted


@pytest.fixture
def fails(srbench, monkeypatch):
    """Make ``srbench report`` raise something."""

    def run(error, *words):
        def report():
            raise error

        parser = inspect.unwrap(typer.main.get_command)  # not the one that all tests share
        monkeypatch.setattr(typer.main, "get_command", parser)
        for command in application.app.registered_commands:
            if command.name == "report":
                monkeypatch.setattr(command, "callback", report)
        return srbench(*words, "report")

    return run


def test_help_and_version_import_no_heavy_library_and_no_plugin():
    script = """
import contextlib, sys
from srbench.cli import main
for words in (["--help"], ["-h"], ["--version"], ["run", "--help"], ["list", "--help"], ["data", "--help"]):
    sys.argv = ["srbench", *words]
    with contextlib.suppress(SystemExit):
        main()
heavy = {"torch", "numpy", "pandas", "matplotlib", "numba", "skimage", "scipy", "PIL", "rich", "srbench_plugins"}
print("heavy:", sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200)
    assert done.stdout.rstrip().endswith("heavy: []")
    assert done.stderr == ""
    for word in (
        "run",
        "plan",
        "report",
        "compare",
        "score",
        "list",
        "plugins",
        "check",
        "add-plugin",
        "fetch",
        "data",
    ):
        assert f" {word} " in done.stdout


def test_no_words_show_the_help(srbench):
    answer = srbench()
    assert answer.status in (0, 2)
    assert "Usage:" in answer.out + answer.err
    assert "leaderboards out" in answer.out + answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--foo",), "No such option: --foo (see `srbench --help`)."),
        (("--foo", "list"), "No such option: --foo (see `srbench --help`)."),
        (("--debug=yes", "list"), "Option '--debug' does not take a value (see `srbench --help`)."),
        (("lst",), "No such command 'lst'. Did you mean 'list'? (see `srbench --help`)."),
        (("data", "--foo"), "No such option: --foo (see `srbench data --help`)."),
        (("list", "--foo"), "No such option: --foo (see `srbench list --help`)."),
    ],
)
def test_a_wrong_option_or_command_is_one_sentence_in_any_position(srbench, words, message):
    answer = srbench(*words)
    assert (answer.status, answer.out, answer.err) == (2, "", f"error: {message}\n")


def test_an_expected_failure_is_one_sentence(fails):
    answer = fails(SrbenchError("It is [bold]late[/bold] [x] [/y]."))
    assert (answer.status, answer.out, answer.err) == (2, "", "error: It is [bold]late[/bold] [x] [/y].\n")


@pytest.mark.parametrize(
    "error", [ValueError("x"), ImportError("no pandas"), AssertionError(), MemoryError(), KeyError(1)]
)
def test_an_unexpected_failure_is_one_sentence_with_advice(fails, error):
    answer = fails(error)
    assert answer.status == 2
    assert answer.err.startswith(f"error: srbench failed unexpectedly ({type(error).__name__}: ")
    assert "srbench --debug" in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), "x'… has 300 characters, more than this system"),
        (UnicodeEncodeError("utf-8", "a\udcff.png", 1, 2, "surrogates"), r"The name 'a\udcff.png' is not valid UTF-8"),
    ],
)
def test_a_name_that_this_system_cannot_hold_is_not_unexpected(fails, error, text):
    answer = fails(error)
    assert answer.status == 2
    assert text in answer.err
    assert "unexpectedly" not in answer.err
    assert answer.err.count("\n") == 1


def test_debug_shows_the_traceback_before_the_sentence(fails, monkeypatch):
    monkeypatch.setitem(os.environ, "SRBENCH_DEBUG", "")
    answer = fails(SrbenchError("It is late."), "--debug")
    assert "Traceback" in answer.err
    assert answer.err.endswith("error: It is late.\n")


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        (KeyboardInterrupt(), "Stopped. What was finished is kept; the same command goes on from there."),
        (TrainingInterrupted("Training stopped after step 3."), "Training stopped after step 3."),
    ],
)
def test_stopping_exits_with_130_and_says_how_to_go_on(fails, stop, message):
    answer = fails(stop)
    assert (answer.status, answer.err.strip()) == (130, message)


def test_a_reader_that_left_is_no_failure():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "from srbench.cli import main; main()", "list", "suites", "--json"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=200)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
