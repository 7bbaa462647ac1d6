"""Time one call: after a warm-up, synchronised, and with an interval of its median."""

from __future__ import annotations

import functools
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from srbench.errors import UsageError

WARMUP_SHARE = 0.25
"""The largest share of the time budget that warming up may take."""

_WINDOW = 3
_STABLE_WITHIN = 0.05


@dataclass(frozen=True, slots=True)
class Latency:
    """The time of one call, in milliseconds.

    Attributes:
        p50_ms: Median.
        p90_ms: 90th percentile.
        low_ms: Lower end of the 95 % interval of the median.
        high_ms: Upper end of it.
        repeats: Calls that were measured.
        warmups: Calls before them, which were not measured.
        stable: Whether the warm-up ended because the times were stable, and not because its time was over.
    """

    p50_ms: float
    p90_ms: float
    low_ms: float
    high_ms: float
    repeats: int
    warmups: int
    stable: bool


def measure_latency(
    run: Callable[[], object], device: torch.device | str, *, budget_s: float = 2.0, min_repeats: int = 5
) -> Latency:
    """Time ``run()``.

    Warm-up calls are repeated until the medians of two successive windows of three calls agree within 5 %, or a quarter
    of the budget is spent (first calls allocate, choose kernels and raise clocks: in published logs they are 5 to 40
    times slower). Then calls are timed one by one, each with the device synchronised before and after, until the budget
    is spent and there are enough of them. A first call that takes longer than the whole budget is measured too, since
    its extra cost is then negligible. The garbage collector is off meanwhile.

    Args:
        run: The call to time.
        device: Where it computes; decides how to synchronise.
        budget_s: About how many seconds to spend; a call is never interrupted.
        min_repeats: Calls to measure even if they take longer than the budget.

    Raises:
        UsageError: ``min_repeats`` is less than 1.
    """
    if min_repeats < 1:
        raise UsageError(f"min_repeats is {min_repeats}; a latency needs at least 1 measured call.")
    synchronise = synchroniser(torch.device(device))
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        with torch.no_grad():
            began = time.perf_counter_ns()
            first = _time_once(run, synchronise)
            if first > budget_s * 1e9:
                times, warmups, stable = [first], 0, False
            else:
                times = []
                warmups, stable = _warm_up(run, synchronise, [first], began + int(budget_s * WARMUP_SHARE * 1e9))
            while len(times) < min_repeats or time.perf_counter_ns() < began + budget_s * 1e9:
                times.append(_time_once(run, synchronise))
    finally:
        if collecting:
            gc.enable()
    return summarise(times, warmups=warmups, stable=stable)


def summarise(times_ns: list[int], *, warmups: int = 0, stable: bool = True) -> Latency:
    """Return median, 90th percentile and the 95 % interval of the median of times in nanoseconds.

    The interval is between two order statistics whose ranks are binomial quantiles (n trials, p = 1/2), so it is right
    for any distribution of times. With fewer than six times no pair of ranks covers 95 %; then it is their range.
    """
    from scipy.stats import binom

    ordered = sorted(times_ns)
    count = len(ordered)
    low = max(int(binom.ppf(0.025, count, 0.5)) - 1, 0)
    p90 = ordered[-1] if count == 1 else statistics.quantiles(ordered, n=10, method="inclusive")[-1]
    return Latency(
        p50_ms=statistics.median(ordered) / 1e6,
        p90_ms=p90 / 1e6,
        low_ms=ordered[low] / 1e6,
        high_ms=ordered[count - 1 - low] / 1e6,
        repeats=count,
        warmups=warmups,
        stable=stable,
    )


def synchroniser(device: torch.device) -> Callable[[], None]:
    """Return a function that waits until the device has finished its work; on the CPU it does nothing."""
    if device.type == "cpu":
        return lambda: None
    module = torch.get_device_module(device)
    if device.index is not None and device.type != "mps":
        return functools.partial(module.synchronize, device)
    return functools.partial(module.synchronize)


def _time_once(run: Callable[[], object], synchronise: Callable[[], None]) -> int:
    synchronise()
    start = time.perf_counter_ns()
    run()
    synchronise()
    return time.perf_counter_ns() - start


def _warm_up(
    run: Callable[[], object], synchronise: Callable[[], None], times: list[int], deadline_ns: int
) -> tuple[int, bool]:
    """Call until the times are stable or the deadline is over; return the number of calls, and whether they are stable.

    ``times`` are the times of earlier calls, in nanoseconds.
    """
    while True:
        times.append(_time_once(run, synchronise))
        if len(times) >= 2 * _WINDOW:
            before, now = statistics.median(times[-2 * _WINDOW : -_WINDOW]), statistics.median(times[-_WINDOW:])
            if abs(now - before) <= _STABLE_WITHIN * before:
                return len(times), True
        if time.perf_counter_ns() > deadline_ns:
            return len(times), False
