"""The contract of a runtime finds its faults."""

import dataclasses

import pytest
import torch
from srbench_plugins.runtimes.pytorch import open_module

import srbench
from srbench.testing import violations_of


def runtime(change=lambda run: run, **facts):
    def opened(given):
        found = open_module(given)
        return dataclasses.replace(found, run=change(found.run))

    return srbench.RuntimeSpec(name="mine", **({"open": opened} | facts))


def noisy(run):
    return lambda lr: run(lr) + 1e-6 * torch.rand(())


def stale(run):
    kept = {}
    return lambda lr: kept.setdefault("first", run(lr))


def inplace(run):
    return lambda lr: run(lr.mul_(0.999))


def threaded(given):
    torch.set_num_threads(3)
    return open_module(given)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (runtime(lambda run: lambda lr: run(lr) * 0.9), "is off by"),
        (runtime(noisy), "gave two results"),
        (runtime(stale), "it must give (1, 3, 34, 80)"),
        (runtime(inplace), "changed lr in place"),
        (runtime(open=threaded), "changed the settings of torch"),
        (runtime(precisions=()), "has no precision"),
        (runtime(onnx={"int8": "int8"}), "says in onnx which file it opens for int8"),
        (runtime(lambda run: 1 / 0), "raised ZeroDivisionError"),
    ],
    ids=["wrong", "noisy", "stale", "inplace", "threads", "none", "files", "broken"],
)
def test_a_fault_is_named(spec, said):
    try:
        found = " ".join(violations_of(spec))
    except srbench.UnavailableError as error:  # what a runtime raises is a reason, also for its contract
        found = f"raised {error}".replace("raised mine", "mine")
        said = said.removeprefix("raised ")
    assert said in found


def test_a_sound_runtime_has_none():
    assert violations_of(runtime()) == []


@pytest.mark.parametrize(("doubt", "faults"), [("It is worse here.", 0), ("", 1)])
def test_a_runtime_that_doubts_its_sr_on_this_machine_may_be_further_off(doubt, faults):
    def opened(given):
        found = open_module(given)
        return dataclasses.replace(found, run=lambda lr: found.run(lr) + 3e-5, doubt=doubt)

    assert sum("is off by" in fault for fault in violations_of(runtime(open=opened))) >= faults
    assert doubt == "" or violations_of(runtime(open=opened)) == []
