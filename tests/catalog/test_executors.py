"""Executors of other libraries are adapted: their lost workers are lost here too."""

import threading
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor

import pytest

from srbench.catalog.executors import AdaptedExecutor
from srbench.errors import WorkerError


class Killed(Exception):
    """What a library calls a lost worker."""


def fail(error):
    raise error


def test_results_and_errors_pass_and_a_lost_worker_has_its_name_here():
    closed = []
    with AdaptedExecutor(ThreadPoolExecutor(1), (Killed,), lambda: closed.append(True)) as executor:
        assert executor.submit(divmod, 7, 2).result(10) == (3, 1)
        assert isinstance(executor.submit(fail, KeyError("x")).exception(10), KeyError)
        lost = executor.submit(fail, Killed("worker 3\nis gone")).exception(10)
    assert isinstance(lost, WorkerError)
    assert str(lost) == "Killed: worker 3 is gone"
    assert closed == [True]
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, 1)


def test_a_job_that_the_library_cancelled_has_an_end():
    class Cancelling(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            threading.Timer(0.05, lambda: (future.cancel(), future.set_running_or_notify_cancel())).start()
            return future

    assert isinstance(AdaptedExecutor(Cancelling(), (Killed,)).submit(abs, 1).exception(10), CancelledError)
