"""What other processes do while something is timed is said, and an idle machine is not called busy."""

import subprocess
from types import SimpleNamespace

import pytest

from srbench.profiling import other_work as module
from srbench.profiling.other_work import other_work, processes_on, warning_of_load


@pytest.fixture
def machine(monkeypatch):
    """A machine of four cores whose clocks are set by hand."""
    state = SimpleNamespace(now=0.0, all=100.0, own=10.0, load=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: state.now)
    monkeypatch.setattr(module, "_busy_seconds", lambda: state.all)
    monkeypatch.setattr(module, "_own_seconds", lambda: state.own)
    monkeypatch.setattr(module, "_load", lambda: state.load)
    monkeypatch.setattr(module, "cores", lambda: 4)
    return state


def spent(machine, *, seconds, everyone, own):
    with other_work() as others:
        machine.now += seconds
        machine.all += everyone
        machine.own += own
    return others.sentence


def test_the_cores_of_others_are_what_everyone_used_without_this_process(machine):
    assert spent(machine, seconds=10.0, everyone=34.0, own=20.0) == "other processes kept 1.4 of 4 cores busy"


def test_an_idle_machine_and_a_short_moment_say_nothing(machine):
    assert spent(machine, seconds=10.0, everyone=20.5, own=20.0) == ""
    assert spent(machine, seconds=0.1, everyone=4.0, own=0.1) == ""


def test_a_loaded_machine_is_said_before_anything_is_timed(machine):
    assert warning_of_load() == ""
    machine.load = 6.25
    assert warning_of_load() == (
        "This machine is busy: the load is 6.2 on 4 cores. Timings will be longer than they would be."
    )


@pytest.mark.parametrize(
    ("said", "computing", "count"),
    [("", False, 0), ("", True, 0), ("11\n12\n", False, 2), ("11\n12\n", True, 1), ("11\nOWN\n", True, 1)],
)
def test_processes_on_the_accelerator_are_those_of_others(monkeypatch, said, computing, count):
    said = said.replace("OWN", str(module.os.getpid()))
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=said))
    monkeypatch.setattr(module, "_is_computing", lambda: computing)
    assert processes_on("cuda:0") == count
    assert processes_on("cpu") == 0


def test_an_accelerator_that_nobody_can_ask_about_counts_nothing(monkeypatch):
    def fails(*_, **__):
        raise subprocess.TimeoutExpired("nvidia-smi", 20)

    monkeypatch.setattr(module.subprocess, "run", fails)
    assert processes_on("cuda") == 0


def test_the_clocks_of_this_machine_count_this_process_among_all():
    before, own = module._busy_seconds(), module._own_seconds()
    sum(range(3_000_000))
    assert module._busy_seconds() >= before
    assert module._own_seconds() > own
