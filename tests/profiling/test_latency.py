"""Timing against a clock that the test turns, and intervals against SciPy."""

from __future__ import annotations

import gc
import itertools
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from srbench.errors import UsageError
from srbench.profiling import latency
from srbench.profiling.latency import measure_latency, summarise

MS = 1_000_000


@pytest.fixture
def clock(monkeypatch):
    """A clock that only a call of the test moves."""
    now = types.SimpleNamespace(ns=0)
    monkeypatch.setattr(latency, "time", types.SimpleNamespace(perf_counter_ns=lambda: now.ns))
    return now


def takes(clock, durations_ms):
    remaining = iter(durations_ms)

    def run():
        clock.ns += int(next(remaining) * MS)

    return run


def test_slow_first_calls_are_warmed_away(clock):
    run = takes(clock, itertools.chain([400, 90, 30], itertools.repeat(10)))
    result = measure_latency(run, "cpu", budget_s=4)
    assert (result.p50_ms, result.p90_ms, result.low_ms, result.high_ms) == (10, 10, 10, 10)
    assert result.stable
    assert result.warmups == 8  # two windows of three whose medians agree


def test_times_that_never_settle_are_said_to_be_unstable(clock):
    run = takes(clock, (1.5**index for index in itertools.count()))
    result = measure_latency(run, "cpu", budget_s=1, min_repeats=3)
    assert not result.stable
    assert result.repeats >= 3


def test_the_budget_bounds_the_repeats_and_a_slow_call_is_still_repeated(clock):
    quick = measure_latency(takes(clock, itertools.repeat(10)), "cpu", budget_s=1)
    assert quick.warmups + quick.repeats == 100
    slow = measure_latency(takes(clock, itertools.repeat(9000)), "cpu", budget_s=1, min_repeats=5)
    assert (slow.repeats, slow.warmups) == (5, 0)


def test_a_device_is_synchronised_before_and_after_every_call(clock, monkeypatch):
    events = []
    fake = types.SimpleNamespace(synchronize=lambda *device: events.append("sync"))
    monkeypatch.setattr(torch, "get_device_module", lambda device: fake)
    run = takes(clock, itertools.repeat(100))
    result = measure_latency(lambda: (events.append("run"), run()), torch.device("cuda", 0), budget_s=1)
    assert events == ["sync", "run", "sync"] * (result.repeats + result.warmups)


def test_the_collector_rests_and_wakes_even_when_the_call_fails():
    seen = []

    def fails():
        seen.append(gc.isenabled())
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        measure_latency(fails, "cpu")
    assert seen == [False]
    assert gc.isenabled()


def test_no_gradients_are_recorded_while_timing(clock):
    weight = torch.ones(1, requires_grad=True)
    seen = []

    def run():
        clock.ns += 100 * MS
        seen.append((weight * 2).requires_grad)

    measure_latency(run, "cpu", budget_s=1)
    assert not any(seen)


def test_asking_for_no_repeats_is_refused():
    with pytest.raises(UsageError, match="min_repeats is 0"):
        measure_latency(lambda: None, "cpu", min_repeats=0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 10**10), min_size=6, max_size=200))
def test_the_interval_is_scipys_for_the_median(times):
    result = summarise(times)
    interval = stats.quantile_test(times, p=0.5).confidence_interval(0.95)
    assert (result.low_ms, result.high_ms) == (interval.low / MS, interval.high / MS)
    assert result.p50_ms == pytest.approx(np.median(times) / MS)
    assert result.p90_ms == pytest.approx(np.percentile(times, 90) / MS)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_few_times_are_summarised_by_their_range(times):
    result = summarise(times)
    assert (result.low_ms, result.high_ms) == (min(times) / MS, max(times) / MS)
    assert result.low_ms <= result.p50_ms <= result.p90_ms <= result.high_ms
