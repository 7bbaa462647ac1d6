"""The first signal asks a training to stop; none is forgotten."""

import signal
import subprocess
import sys

import pytest

from srbench.errors import TrainingInterrupted
from srbench.training.interruption import interruptible


@pytest.fixture
def listening():
    """SIGINT as in a terminal: what a shell starts in the background is deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_the_first_sigint_asks_and_the_second_interrupts():
    def interrupted_twice():
        with interruptible() as stop:
            assert not stop()
            signal.raise_signal(signal.SIGINT)
            assert stop()
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the second signal was ignored")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_request_to_stop_is_not_an_error_that_a_run_survives():
    assert issubclass(TrainingInterrupted, KeyboardInterrupt)
    assert not issubclass(TrainingInterrupted, Exception)


@pytest.fixture
def heard():
    """The signals that reach the process, SIGTERM instead of ending it."""
    numbers = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def train(number, end):
    with interruptible() as stop:
        signal.raise_signal(number)
        assert stop()
        raise end


def test_a_training_that_was_stopped_says_by_which_signal(heard):
    with pytest.raises(TrainingInterrupted) as stopped:
        train(signal.SIGTERM, TrainingInterrupted("saved"))
    assert stopped.value.signal_number == signal.SIGTERM
    assert heard == []


def test_a_signal_after_the_last_step_acts_when_the_training_has_ended(heard):
    with interruptible():
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
    assert heard == [signal.SIGTERM]


@pytest.mark.usefixtures("listening")
def test_a_signal_to_a_training_that_fails_stops_what_would_follow():
    with pytest.raises(KeyboardInterrupt):
        train(signal.SIGINT, ValueError("the training failed"))


WORKER = """
import multiprocessing, os, signal, time
from srbench.errors import TrainingInterrupted
from srbench.training.interruption import interruptible

def train(connection):
    with interruptible() as stop:
        connection.send("training")
        while not stop():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)  # as pools of newer Pythons do
        connection.send("saved")
        raise TrainingInterrupted

context = multiprocessing.get_context("fork")
ours, theirs = context.Pipe()
worker = context.Process(target=train, args=(theirs,))
worker.start()
ours.recv()
worker.terminate()
print(ours.recv())
worker.join()
print(worker.exitcode)
"""


def test_a_worker_whose_pool_ends_saves_its_training_and_then_ends_too():
    done = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True, check=True, timeout=200)
    assert done.stdout.split() == ["saved", "-15"]
