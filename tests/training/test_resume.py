"""SIGKILL at any moment costs time, never a bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from srbench.errors import TrainingInterrupted
from srbench.training.engine import interruptible

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed children are forks")
SCRIPT = Path(__file__).with_name("killed_training.py")


def trained(folder: Path, method: str, *kills: str) -> tuple[bytes, int]:
    """The final weights' file, and the step at which the last process went on."""
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, folder, method, *kills], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return (folder / "weights.safetensors").read_bytes(), int(done.stdout.split()[-1])


def test_a_training_killed_between_steps_and_while_writing_ends_bit_identical(tmp_path):
    whole, start = trained(tmp_path / "whole", "plain")
    assert start == 0
    draw = random.Random(os.urandom(8))
    kills = ["write:1", f"step:{draw.randint(6, 9)}", "write:2", f"step:{draw.randint(1, 9)}"]
    killed, start = trained(tmp_path / "killed", "plain", *kills)
    assert start >= 10, "the last process must have gone on from a checkpoint"
    assert killed == whole, f"killed at {kills}"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["plain", "assistant", "bank", "adversarial"])
def test_a_training_killed_at_every_step_ends_bit_identical(tmp_path, method):
    whole, _ = trained(tmp_path / "whole", method)
    for step in range(1, 31):
        assert trained(tmp_path / f"{step}", method, f"step:{step}")[0] == whole, f"killed after step {step}"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["plain", "assistant", "bank", "adversarial"])
def test_a_training_killed_again_and_again_at_random_times_ends_bit_identical(tmp_path, method):
    whole, _ = trained(tmp_path / "whole", method)
    draw = random.Random(os.urandom(8))
    for trial in range(5):
        kills = [f"time:{draw.uniform(0.02, 0.8):.3f}" for _ in range(12)]
        assert trained(tmp_path / f"{trial}", method, *kills)[0] == whole, f"killed at {kills}"


def test_the_first_sigint_asks_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_wish_to_stop_is_not_an_error_that_a_run_survives():
    assert issubclass(TrainingInterrupted, KeyboardInterrupt)
    assert not issubclass(TrainingInterrupted, Exception)
