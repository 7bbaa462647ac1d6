"""The local executors run jobs where they say, in the order in which they came."""

import math
import operator
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import as_completed, wait

import pytest
from srbench_plugins.executors import local

import srbench

SPECS = {spec.name: spec for spec in local.register_executors()}


def test_here_has_run_a_job_when_submit_returns():
    seen = []
    with SPECS["here"].make(4, srbench.Needs()) as executor:
        futures = [executor.submit(seen.append, i) for i in range(3)]
        assert seen == [0, 1, 2]
        assert all(future.done() for future in futures)
        assert list(executor.map(abs, [-1, -2])) == [1, 2]
        assert set(as_completed(futures)) == wait(futures).done == set(futures)


def test_here_keeps_an_exception_until_the_result_is_read():
    with SPECS["here"].make(1, srbench.Needs()) as executor:
        future = executor.submit(operator.truediv, 1, 0)
        with pytest.raises(ZeroDivisionError):
            future.result()


def test_an_interrupt_ends_the_caller_too():
    def interrupt():
        raise KeyboardInterrupt

    with SPECS["here"].make(1, srbench.Needs()) as executor, pytest.raises(KeyboardInterrupt):
        executor.submit(interrupt)


def test_here_takes_nothing_after_its_shutdown():
    executor = SPECS["here"].make(1, srbench.Needs())
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, 1)


def test_processes_bring_back_results_from_elsewhere():
    with SPECS["processes"].make(2, srbench.Needs()) as executor:
        assert list(executor.map(math.factorial, range(5))) == [1, 1, 2, 6, 24]
    assert SPECS["processes"].isolated
    assert not SPECS["here"].isolated


def test_a_stopped_pool_ends_what_runs():
    executor = SPECS["processes"].make(1, srbench.Needs())
    worker = executor.submit(os.getpid).result()
    jobs = [executor.submit(time.sleep, 600) for _ in range(3)]
    while not jobs[0].running():
        time.sleep(0.01)
    executor.shutdown(wait=True, cancel_futures=True)
    assert all(job.done() for job in jobs)
    assert not alive(worker)


ORPHANING = """
import os, time
from srbench_plugins.executors.local import Processes

if __name__ == "__main__":
    executor = Processes(1)
    print(executor.submit(os.getpid).result(), flush=True)
    executor.submit(time.sleep, 600)
    executor.submit(time.sleep, 600)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX has it")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "orphaning.py"
    script.write_text(ORPHANING)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 60
    while alive(worker):
        assert time.monotonic() < end, "the worker lives on"
        time.sleep(0.1)


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


SAY_GPU = ["sh", "-c", "sleep 1; echo $CUDA_VISIBLE_DEVICES"]


@pytest.mark.skipif(os.name != "posix", reason="it asks a shell")
def test_each_worker_sees_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,MIG-7")
    with SPECS["processes"].make(2, srbench.Needs(gpus=1)) as executor:
        jobs = [executor.submit(subprocess.check_output, SAY_GPU, text=True) for _ in range(2)]
        assert sorted(job.result().strip() for job in jobs) == ["3", "MIG-7"]
    assert local.visible_gpus() == ("3", "MIG-7")


def test_jobs_on_several_gpus_have_workers_with_as_many():
    four = ("0", "1", "3", "MIG-7")
    assert local.gpu_groups(four, 0) == ()
    assert local.gpu_groups(four, 1) == four
    assert local.gpu_groups(four, 2) == ("0,1", "3,MIG-7")
    assert local.gpu_groups(four, 3) == ("0,1,3",)
    assert local.gpu_groups(four, 5) == ()


def test_a_worker_that_dies_takes_its_own_job_alone():
    with SPECS["processes"].make(2, srbench.Needs()) as executor:
        first = executor.submit(os.getpid).result()
        beside, abandoned = executor.submit(time.sleep, 1), executor.submit(time.sleep, 600)
        while not abandoned.running():
            time.sleep(0.01)
        executor.abandon(abandoned)
        error = abandoned.exception()
        assert isinstance(error, srbench.WorkerError)
        assert "was ended by SIGKILL" in str(error)
        assert beside.result() is None
        assert first
        assert executor.submit(math.factorial, 5).result() == 120


def test_what_cannot_come_back_is_an_error_of_its_job():
    with SPECS["processes"].make(1, srbench.Needs()) as executor:
        assert "cannot be pickled" in str(executor.submit(open, os.devnull).exception())
        assert executor.submit(math.factorial, 5).result() == 120


@pytest.mark.skipif(os.name != "posix", reason="it ends its process by a signal of POSIX")
def test_the_death_of_a_worker_that_crashed_says_where():
    with SPECS["processes"].make(1, srbench.Needs()) as executor:
        error = executor.submit(signal.raise_signal, signal.SIGSEGV).exception()
    assert "was ended by SIGSEGV; it crashed in: File " in str(error)
    assert "in work | " in str(error)
