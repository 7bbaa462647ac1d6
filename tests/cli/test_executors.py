"""Runs whose workers die, as a person sees them."""

import csv
import os
import shutil

import pytest

DEADLY = """
    import os, signal, sys
    from pathlib import Path

    def loss(sr, hr):
        mark = Path({mark!r})
        if len(mark.read_text()) < {deaths} and os.getpid() != {parent}:
            mark.write_text(mark.read_text() + ".")
            print("no memory is left", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return (sr - hr).abs().mean()

    @srbench.hookimpl
    def register_losses():
        return [srbench.LossSpec(name="deadly", build=lambda: loss)]
"""


@pytest.fixture
def deadly(tmp_path, plugin, tiny):
    """A loss that kills the first workers that compute it."""

    def make(deaths):
        mark = tmp_path / "mark"
        mark.write_text("")
        tiny.recipe(losses="{ deadly = 1.0 }")
        return plugin(DEADLY.format(mark=str(mark), deaths=deaths, parent=os.getpid()))

    return make


def rows(folder):
    """The leaderboard without the times at which it was made."""
    with (folder / "leaderboard.csv").open(newline="") as file:
        return [
            {column: value for column, value in row.items() if "created" not in column and "seconds" not in column}
            for row in csv.DictReader(file)
        ]


@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX has it")
def test_a_run_whose_workers_are_killed_while_training_ends_with_the_same_tables(run, deadly, srbench, tmp_path):
    dead = deadly(deaths=2)
    answer = run("--executor", "processes", "--workers", "2", "--results", "killed", plugins=[dead])
    assert answer.status == 0, answer.out + answer.err
    assert answer.out.count("is begun again: its worker died: worker ") == 2
    assert "was ended by SIGKILL" in answer.out
    assert "the last lines of its log are: no memory is left" in answer.out
    shutil.rmtree(tmp_path / "cache")
    assert run("--results", "whole", plugins=[dead]).status == 0
    assert rows(srbench.folder / "killed") == rows(srbench.folder / "whole")


@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX has it")
def test_a_job_that_kills_every_worker_is_a_reason_and_the_others_are_measured(run, deadly):
    answer = run("--executor", "processes", "--workers", "2", plugins=[deadly(deaths=9)])
    assert answer.status == 1
    assert "1 of 2 cells failed" in answer.err
    assert "no memory is left. It was begun 3 times." in answer.out


def test_needs_that_are_not_understood_are_one_sentence(run):
    for word, text in {
        "train.hour=2": "--needs train.hour=2 is not understood; give KIND.NEED=NUMBER, such as train.hours=12",
        "train.hours=-1": "--needs train.hours=-1: input should be greater than 0; give another number.",
    }.items():
        answer = run("--needs", word)
        assert answer.status == 2
        assert answer.err.startswith(f"error: {text}")
        assert answer.err.count("\n") == 1
