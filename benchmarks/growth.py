"""How the commands scale: processor time and memory of plan, a cached run, report and compare at more and more cells.

``python -m benchmarks.growth`` takes all of `SIZES`: half an hour, 5 GB of memory, 2 GB of disk. Made-up numbers of
every cell are in the cache: networks without training, 4 images a dataset, no profiles.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.rows import Row
from srbench.cli.plan import planned
from srbench.imaging.files import write_png
from srbench.planning.overrides import RunOptions
from srbench.records.record import Environment
from srbench.records.scores import Certification, ImageScores, Score
from srbench.running.jobs import CertifyJob
from srbench.running.schedule import Schedule
from srbench.running.stages import MeasuredCell

SIZES = (100, 1_000, 10_000, 100_000)
LIMITS = {
    "plan": 10.0,
    "run, no results folder yet": 300.0,
    "run, one row lost": 150.0,
    "report": 60.0,
    "compare": 10.0,
}
"""Most seconds of a processor at the largest size, all cells cached."""
GROWTH = 14.0
"""Most times as long as at a tenth of the cells; 11 is linear, as what 100 cells take is subtracted from both."""
_SRBENCH = str(Path(sys.executable).with_name("srbench"))
_SCALES = (2, 3, 4, 8)
_DATASETS = 10
_IMAGES = 4
_MEASURE = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "own = resource.getrusage(resource.RUSAGE_CHILDREN); print(own.ru_utime + own.ru_stime, own.ru_maxrss / 1024)"
)
_PLUGIN = """
from pathlib import Path
import srbench
from torch import nn

class Larger(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, lr):
        return nn.functional.interpolate(lr, scale_factor=self.scale, mode="nearest")

FOLDER = Path(__file__).parent / "images"

@srbench.hookimpl
def register_architectures():
    facts = {"build": Larger, "scales": frozenset({2, 3, 4, 8}), "trainable": False}
    return [srbench.ArchitectureSpec(name=f"net_{n}", **facts) for n in range(ARCHITECTURES)]

def found(n):
    return {path.stem: path for path in FOLDER.glob(f"{n}_*.png")}

@srbench.hookimpl
def register_datasets():
    return [srbench.DatasetSpec(name=f"set_{n}", label=f"Set {n}", split="test", images=IMAGES, license="none",
                                citation="none", locate=lambda n=n: found(n)) for n in range(DATASETS)]
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a command took."""

    seconds: float
    """Processor time, its children included: other work on the machine hardly counts."""
    mib: float
    """Peak of resident memory."""


def rows() -> list[Row]:
    """Every comparison of this file, up to a tenth of the largest size."""
    base, tenth, largest = (measured(cells) for cells in SIZES[:3])
    found = []
    for what, limit in LIMITS.items():
        growth = (largest[what].seconds - base[what].seconds) / (tenth[what].seconds - base[what].seconds)
        size = f"srbench {what}, {SIZES[2]} cells"
        found.append(Row(size, f"{SIZES[1]} cells", growth, f"≤ {GROWTH:g} (11 is linear)", growth <= GROWTH))
        most = limit / 10 + base[what].seconds
        taken = largest[what].seconds
        found.append(Row(size, "a second of processor", taken, f"≤ {most:.1f} seconds", taken <= most))
    return found


def measured(cells: int) -> dict[str, Taken]:
    """Run each command on so many cells."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite, plugin = lay_out(folder, cells)
        os.environ["SRBENCH_CACHE"] = str(folder / "cache")
        _fill(planned(str(suite), RunOptions(), data=None, plugin=[plugin], strict=True, weights_dir=None,
                      device="cpu", threads=0))  # fmt: skip
        results, words = folder / "results", (str(suite), "--plugin", str(plugin))
        found = {"plan": _taken("plan", *words)}
        found["run, no results folder yet"] = _taken("run", *words, "--results", str(results))
        next((results / "records").glob("*.json")).unlink()
        found["run, one row lost"] = _taken("run", *words, "--results", str(results))
        found["report"] = _taken("report", str(results))
        table, copy = results / "leaderboard.csv", folder / "copy.csv"
        shutil.copyfile(table, copy)
        found["compare"] = _taken("compare", str(table), str(copy), "--fail-on", "psnr_y_db < -0.02")
    return found


def lay_out(folder: Path, cells: int) -> tuple[Path, Path]:
    """Write images, a plugin and a suite of so many cells."""
    datasets = min(_DATASETS, cells // 20)
    architectures = cells // (datasets * len(_SCALES))
    (folder / "images").mkdir()
    generator = np.random.default_rng(0)
    for dataset in range(datasets):
        for image in range(_IMAGES):
            write_png(folder / "images" / f"{dataset}_{image}.png", generator.integers(0, 256, (48, 48, 3), np.uint8))
    counts = {"ARCHITECTURES": architectures, "DATASETS": datasets, "IMAGES": _IMAGES}
    plugin = folder / "many.py"
    plugin.write_text("\n".join(f"{name} = {count}" for name, count in counts.items()) + _PLUGIN)
    suite = folder / "many.toml"
    suite.write_text(
        'name = "many"\nprotocol = "classic-y"\nmetrics = ["psnr_y", "ssim_y"]\n[profile]\nenabled = false\n[[grid]]\n'
        f"architectures = {[f'net_{n}' for n in range(architectures)]}\n"
        f"datasets = {[f'set_{n}' for n in range(datasets)]}\nscales = {list(_SCALES)}\n"
    )
    return suite, plugin


def _fill(schedule: Schedule) -> None:
    """Store made-up results of every job, without waiting for the disk at each."""
    generator = np.random.default_rng(1)
    environment = Environment(srbench="0", torch="0", python="3", device="cpu", machine="m", machine_name="m")
    for name, scheduled in schedule.jobs.items():
        if isinstance(scheduled.job, CertifyJob):
            result = Certification(status="no reference", detail="none is published")
        else:
            values = generator.normal(30, 3, _IMAGES)
            result = MeasuredCell(
                scores={metric: _score(metric, values) for metric in ("psnr_y", "ssim_y")},
                images=tuple(
                    ImageScores(name=f"{n}", scores={"psnr_y": value, "ssim_y": value / 50})
                    for n, value in enumerate(values)
                ),
                lr_source="bicubic-u8", environment=environment, seconds=1.0, created="2026-01-01T00:00:00+00:00",
            )  # fmt: skip
        file = schedule.session.store.result_file(name)
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(result.model_dump(mode="json"), indent=1))


def _score(metric: str, values: np.ndarray) -> Score:
    mean = float(values.mean()) / (1 if metric == "psnr_y" else 50)
    column = "psnr_y_db" if metric == "psnr_y" else metric
    return Score(metric=metric, column=column, protocol=f"{metric}@classic-y", higher_is_better=True, value=mean)


def _taken(*words: str) -> Taken:
    """Run a command in a process of its own, which counts what its children take."""
    command = (sys.executable, "-c", _MEASURE, _SRBENCH, *words)
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Taken(*map(float, printed.split()))


def main() -> None:
    """Print a table of all sizes as Markdown, row by row, and whether the largest keeps its limits."""
    print(f"| cells | {' | '.join(LIMITS)} |\n|---:|{'---:|' * len(LIMITS)}")
    for cells in map(int, sys.argv[1:] or SIZES):
        found = measured(cells)
        texts = (f"{found[what].seconds:.1f} s, {found[what].mib:,.0f} MiB" for what in LIMITS)
        print(f"| {cells:,} | {' | '.join(texts)} |", flush=True)
    if cells == SIZES[-1]:
        print("over its limit:", [what for what, limit in LIMITS.items() if found[what].seconds > limit] or "nothing")


if __name__ == "__main__":
    main()
