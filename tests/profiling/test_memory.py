"""Memory of passes that allocate a known amount, each in its own process."""

from __future__ import annotations

import sys

import pytest

from srbench.errors import UnavailableError
from srbench.profiling.memory import Memory, Work, peak_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")

WORKS = """
import os, signal, time
import torch
from torch import nn

def allocates(mib, waste=0):
    list(torch.ones(waste * 2**18))[:0]  # building may need more than the pass: it must not count
    return nn.Linear(2**18, 2, bias=False), lambda: torch.ones(mib * 2**18).sum()

def frees_between(mib):
    return nn.Identity(), lambda: [torch.ones(mib * 2**18).sum() for _ in range(3)]

def prints():
    print("a network may talk")
    return nn.Identity(), lambda: print("at any time")

def raises():
    raise ValueError("no such\\nnetwork")

def dies():
    return nn.Identity(), lambda: os.kill(os.getpid(), signal.SIGKILL)

def sleeps():
    return nn.Identity(), lambda: time.sleep(600)
"""


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    folder = tmp_path_factory.mktemp("works")
    (folder / "memory_works.py").write_text(WORKS)
    sys.path.insert(0, str(folder))
    yield "memory_works"
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def measured(works):
    """All cases at once: starting torch costs seconds."""
    cases = {
        "large": Work(f"{works}:allocates", {"mib": 200}),
        "small": Work(f"{works}:allocates", {"mib": 50}),
        "freed": Work(f"{works}:frees_between", {"mib": 100}),
        "prints": Work(f"{works}:prints", {}),
        "raises": Work(f"{works}:raises", {}),
        "dies": Work(f"{works}:dies", {}),
        "absent": Work("no_such_module:anything", {}),
        "last": Work(f"{works}:allocates", {"mib": 50}),
    }
    return dict(zip(cases, peak_memory(list(cases.values())), strict=True))


@pytest.mark.parametrize(("case", "mib"), [("large", 200), ("small", 50), ("freed", 100), ("last", 50)])
def test_a_pass_needs_what_it_allocates_after_any_other_pass(measured, case, mib):
    assert mib <= measured[case].extra_mib < mib + 10


def test_weights_are_counted_to_the_byte_and_added(measured):
    memory = measured["small"]
    assert memory.weights_mib == 2.0
    assert memory.total_mib == memory.weights_mib + memory.extra_mib


def test_a_network_that_prints_is_measured(measured):
    assert isinstance(measured["prints"], Memory)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("raises", r"memory_works:raises .* raised ValueError: no such$"),
        ("dies", "was killed, probably because memory ran out"),
        ("absent", "No module named 'no_such_module'"),
    ],
)
def test_a_pass_that_fails_gives_its_reason_and_harms_no_other(measured, case, reason):
    assert isinstance(measured[case], UnavailableError)
    with pytest.raises(UnavailableError, match=reason):
        raise measured[case]


def test_a_pass_without_end_is_stopped(works):
    (answer,) = peak_memory([Work(f"{works}:sleeps", {})], timeout_s=1)
    assert str(answer) == "No memory for memory_works:sleeps: it took longer than 1 s."
