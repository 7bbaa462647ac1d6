"""``python -m benchmarks.gpu``: what only a machine with GPUs can show, in minutes; exits with 2 on one without.

Trains a small network in every precision, on all GPUs against one, and twice deterministically, each by `srbench run`
in a folder of its own, and asks each worker of the local pool for its GPU. Prints the outcome of each; exits with 1 if
a run failed, weights differ that should not, or two workers share a GPU that need not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from srbench.catalog.catalog import load_catalog
from srbench.catalog.executors import Needs
from srbench.report.reading import read_packed

RECIPE = """
name = "gpu"
datasets = ["photographs_train"]
patch = 24
batch = 16
steps = {steps}
learning_rate = 1e-3
precision = "{precision}"
deterministic = {deterministic}
"""
SUITE = """
name = "gpu"
protocol = "classic-y"
metrics = ["psnr_y"]
recipe = "recipe.toml"
[[grid]]
architectures = ["edsr_small"]
datasets = ["photographs"]
scales = [2]
"""
STEPS = 200
PRECISIONS = ("fp32", "bf16", "fp16")
BUSY = 3.0
"""Seconds that a worker is busy when it is asked for its GPU, so that the next question goes to another one."""
CLOSE = 1e-3
"""Largest relative difference of weights on several GPUs, where kernels may add in another order."""
SECONDS = 65
"""Most seconds of one run, so that all of them end within ten minutes."""


def trained(
    folder: Path, device: str, *options: str, precision: str = "fp32", deterministic: bool = False, steps: int = STEPS
) -> dict[str, Tensor]:
    """Train in a new folder, print what it took, and return the weights.

    Raises:
        RuntimeError: The run failed; has the end of what it printed.
    """
    folder.mkdir()
    text = RECIPE.format(steps=steps, precision=precision, deterministic=str(deterministic).lower())
    (folder / "recipe.toml").write_text(text)
    (folder / "suite.toml").write_text(SUITE)
    command = [sys.executable, "-m", "srbench", "run", "suite.toml", "--device", device, *options]
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "SRBENCH_CACHE": str(folder / "cache")}, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    files = list(folder.glob("cache/train/**/weights.safetensors"))
    if done.returncode or not files:
        raise RuntimeError((done.stdout + done.stderr)[-600:])
    for record in read_packed(folder / "results"):
        costs, profile = record.model.costs, record.profile
        step = f"{1e3 * costs.seconds_per_step:.1f} ms a step" if costs else "no costs"
        print(f"{folder.name}: {time.monotonic() - begun:.0f} s, {step}, psnr_y {record.scores['psnr_y'].value}")
        print(f"  profile: {profile.model_dump_json(exclude_none=True) if profile else 'none'}")
    return load_file(files[0])


def difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Return the largest relative difference of a tensor."""
    return max(float((one[name] - other[name]).norm() / one[name].norm().clamp_min(1e-12)) for name in one)


def seen() -> tuple[str, int]:
    """Return what CUDA shows to this process: the names of its GPUs, and their number."""
    time.sleep(BUSY)
    return os.environ.get("CUDA_VISIBLE_DEVICES", ""), torch.cuda.device_count()


def pinned(count: int) -> list[tuple[str, int]]:
    """Return what each of ``count`` workers of the local pool sees, all of them busy at a time."""
    with load_catalog().executors["processes"].make(count, Needs(gpus=1)) as pool:
        return [future.result() for future in [pool.submit(seen) for _ in range(count)]]


def check_pinning(count: int) -> bool:
    """Say which GPU each worker has, and return whether each has one of its own."""
    found = pinned(count)
    own = len({name for name, _ in found}) == count and all(number == 1 for _, number in found)
    print(f"GPUs of {count} workers: {', '.join(name for name, _ in found)}; {'each its own' if own else 'not pinned'}")
    return own


def main() -> int:
    """Run everything, and say what was found."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        print(
            f"This machine has no CUDA device, so nothing was run of: trainings in {', '.join(PRECISIONS)}, twice "
            "deterministically, and on several GPUs; a GPU for each worker. Start it on a machine with GPUs."
        )
        return 2
    failed = int(not check_pinning(count))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for precision in PRECISIONS:
            try:
                trained(root / precision, "cuda", precision=precision)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"{precision}: failed: {error}")
        pairs = [("deterministic, twice", 1, True, 0.0)]
        if count > 1:
            pairs += [(f"{count} GPUs against one", count, False, CLOSE), ("deterministic on them", count, True, 0.0)]
        for title, devices, deterministic, limit in pairs:
            try:
                one = trained(root / f"{title}-one", "cuda", "--no-profile", deterministic=deterministic)
                words = ("--no-profile", "--devices", str(devices))
                other = trained(root / f"{title}-other", "cuda", *words, deterministic=deterministic)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"{title}: failed: {error}")
                continue
            found = difference(one, other)
            failed += found > limit
            print(f"{title}: weights differ by {found:.2g}, at most {limit:g} expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
