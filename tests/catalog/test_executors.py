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


def test_jobs_that_a_shutdown_cancels_have_an_end_at_once_whatever_the_library_does_with_them():
    begun, release = threading.Event(), threading.Event()
    executor = AdaptedExecutor(ThreadPoolExecutor(1), (Killed,))
    running = executor.submit(lambda: (begun.set(), release.wait(60)))
    waiting = executor.submit(abs, 1)
    begun.wait(60)
    executor.shutdown(wait=False, cancel_futures=True)
    assert isinstance(running.exception(1), CancelledError)
    assert isinstance(waiting.exception(1), CancelledError)
    release.set()
    executor.shutdown()
