"""The contract of an executor."""

from __future__ import annotations

import operator
import os
from concurrent.futures import Executor

from srbench.catalog.kinds import ExecutorSpec
from srbench.testing.contract import Violations

CHECKED = "results, exceptions and isolation"

JOB_TIMEOUT = 60.0
"""Seconds that a trivial job may take, the start of a worker included."""


def violations(spec: ExecutorSpec) -> list[str]:
    """List the rules that an executor breaks, one sentence each."""
    found = Violations()
    with found.during(f"running jobs on {spec.name}"):
        executor = spec.make(1)
        if not found.expect(
            isinstance(executor, Executor),
            f"make(1) of {spec.name} gave {type(executor).__name__}; it must give a concurrent.futures.Executor.",
        ):
            return found
        with executor:
            found.expect(
                executor.submit(operator.add, 2, 3).result(JOB_TIMEOUT) == 5, f"{spec.name} lost the result of a job."
            )
            error = executor.submit(operator.truediv, 1, 0).exception(JOB_TIMEOUT)
            found.expect(
                isinstance(error, ZeroDivisionError), f"{spec.name} does not pass on the exception of a job: {error!r}."
            )
            isolated = executor.submit(os.getpid).result(JOB_TIMEOUT) != os.getpid()
            found.expect(
                isolated == spec.isolated,
                f"{spec.name} says isolated={spec.isolated}, but its jobs run in "
                f"{'another' if isolated else 'this'} process.",
            )
        try:
            executor.submit(operator.add, 1, 1)
        except RuntimeError:
            pass
        else:
            found.append(f"{spec.name} takes jobs after its shutdown; raise RuntimeError as other executors do.")
    return found
