"""Trainings of networks that draw their sr, killed without warning while a person watches, end with the same bits."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from helpers import ROOT

STEPS = 60


def files(cache, pattern):
    found = {}
    for path in cache.rglob(pattern):
        with contextlib.suppress(FileNotFoundError):  # an old checkpoint, forgotten between the two
            found[path.relative_to(cache)] = path.read_bytes()
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX has it")
@pytest.mark.parametrize("network", ["sr3_small", "resshift_small"])
def test_a_run_that_is_killed_while_it_trains_a_sampler_ends_with_the_same_weights(network, tiny, tmp_path):
    tiny.recipe(steps=STEPS, checkpoint_every=5, ema=0.9, clip=1.0)
    suite = tiny.suite(f'architectures = ["{network}"]\nscales = [4]\nsamples = 2')
    words = ["run", suite, "--data", tiny.data, "--plugin", tiny.plugin, "--no-profile", "--threads", "1"]

    def start(name):
        (tmp_path / name).mkdir(exist_ok=True)
        with (tmp_path / f"{name}.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "srbench", *map(str, words), "--results", tmp_path / name / "results"],
                env=os.environ | {"SRBENCH_CACHE": str(tmp_path / name), "PYTHONPATH": str(ROOT)},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def finish(name):
        assert start(name).wait() == 0, (tmp_path / f"{name}.log").read_text()

    finish("whole")
    for kill in range(2):
        killed, seen = start("killed"), set(files(tmp_path / "killed", "step-*.pt"))
        while set(files(tmp_path / "killed", "step-*.pt")) <= seen:
            assert killed.poll() is None, (tmp_path / "killed.log").read_text()
            time.sleep(0.02)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        assert not files(tmp_path / "killed", "weights.safetensors"), f"it had ended before kill {kill}"
    finish("killed")
    for pattern, count in {"weights.safetensors": 1, "measure/**/*_sr*.png": 4}.items():
        wanted = files(tmp_path / "whole", pattern)
        assert len(wanted) == count
        assert files(tmp_path / "killed", pattern) == wanted
