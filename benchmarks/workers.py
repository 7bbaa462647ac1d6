"""What the local pool costs and gives: its time for each job, and two workers against one on small trainings.

Both need a machine without other work. A job's time is that which its worker was busy with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.growth import lay_out
from benchmarks.rows import Row

JOBS = 1_000
OVERHEAD_MS = 20.0
SPEED_UP = 1.8
_TRAININGS = 12
_RUN = """
import json, os, sys, time
from pathlib import Path

def main():
    folder, suite, workers, plugins = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    os.environ["SRBENCH_CACHE"] = str(folder / "cache")
    from srbench.benchmarking.run import run
    from srbench.running.events import Finished, Started, Writing
    times = {}
    jobs = []
    def hear(event):
        times.setdefault(type(event), time.monotonic())
        if isinstance(event, Finished):
            jobs.append(event.job)
    done = run(suite, plugin_files=plugins, data=folder / "data", results=folder / "results", executor="processes",
               workers=workers, threads=1, device="cpu", listener=hear, warn=print)
    own = sum(record.seconds for record in done.records)
    print(json.dumps([times[Writing] - times[Started], own, len(jobs), len(done.outcome.failed)]))

if __name__ == "__main__":
    main()
"""
_SUITE = """
name = "small"
protocol = "classic-y"
metrics = ["psnr_y"]
recipe = "recipe.toml"
[profile]
enabled = false
[[grid]]
architectures = ["espcn"]
datasets = ["photographs"]
scales = [2]
seeds = {seeds}
"""
_RECIPE = """
name = "small"
datasets = ["photographs_train"]
patch = 24
batch = 16
steps = 600
learning_rate = 1e-3
"""


def rows() -> list[Row]:
    """Every comparison of this file."""
    milliseconds = overhead(JOBS)
    found = [Row(f"local pool, {JOBS} tiny jobs", "a job's own time, ms beyond it", milliseconds,
                 f"≤ {OVERHEAD_MS:g} ms", milliseconds <= OVERHEAD_MS)]  # fmt: skip
    faster = speed_up()
    found.append(Row(f"two workers, {_TRAININGS} small trainings, 1 thread each", "one worker", faster,
                     f"≥ {SPEED_UP:g} (times as fast)", faster >= SPEED_UP))  # fmt: skip
    return found


def overhead(jobs: int) -> float:
    """Return the milliseconds of a job beyond its own, from the first job's start to the last one's end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        suite, plugin = lay_out(folder, jobs)
        wall, own, done, _ = _run(folder, suite, 1, plugin)
        return 1000 * (wall - own) / done


def speed_up() -> float:
    """Return how many times as fast two workers are as one; the start of the second one's process counts."""
    walls = []
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "data").mkdir()
            (folder / "recipe.toml").write_text(_RECIPE)
            suite = folder / "suite.toml"
            suite.write_text(_SUITE.format(seeds=list(range(_TRAININGS))))
            walls.append(_run(folder, suite, workers)[0])
    return walls[0] / walls[1]


def _run(folder: Path, suite: Path, workers: int, *plugins: Path) -> tuple[float, float, int, int]:
    """Run a suite in a process of its own; its seconds, those of the measurements, and jobs done and failed."""
    script = folder / "script.py"
    script.write_text(_RUN)
    words = [sys.executable, str(script), str(folder), str(suite), str(workers), *map(str, plugins)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    wall, own, jobs, failed = json.loads(done.stdout.splitlines()[-1])
    if failed:
        raise RuntimeError(f"{failed} cells failed, so there is nothing to compare.")
    return wall, own, jobs, failed
