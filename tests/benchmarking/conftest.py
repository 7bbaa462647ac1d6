"""The command line beside the functions."""

import sys

import pytest

from srbench.cli import main


@pytest.fixture
def typed(monkeypatch, capsys):
    """``typed("run", suite)`` types a command, and gives its exit status."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["srbench", *map(str, words)])
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code or 0

    return run
