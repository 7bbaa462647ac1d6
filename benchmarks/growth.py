"""How the commands scale: seconds of plan, a cached run and report at many cells, all of them measured before."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
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

CELLS = 10_000
_SRBENCH = str(Path(sys.executable).with_name("srbench"))
_SCALES = (2, 3, 4, 8)
_DATASETS = 10
_IMAGES = 4
_PLUGIN = """
from pathlib import Path
import srbench
from srbench_plugins.architectures.bicubic import Bicubic

FOLDER = Path(__file__).parent / "images"

@srbench.hookimpl
def register_architectures():
    return [srbench.ArchitectureSpec(name=f"net_{n}", build=Bicubic, scales=frozenset({2, 3, 4, 8}), trainable=False)
            for n in range(ARCHITECTURES)]

def found(n):
    return {path.stem: path for path in FOLDER.glob(f"{n}_*.png")}

@srbench.hookimpl
def register_datasets():
    return [srbench.DatasetSpec(name=f"set_{n}", label=f"Set {n}", split="test", images=IMAGES, license="none",
                                citation="none", locate=lambda n=n: found(n)) for n in range(DATASETS)]
"""


def rows() -> list[Row]:
    """Every comparison of this file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite, plugin = _lay_out(folder, CELLS)
        os.environ["SRBENCH_CACHE"] = str(folder / "cache")
        _fill(planned(str(suite), RunOptions(), data=None, plugin=[plugin], strict=True, weights_dir=None,
                      device="cpu", threads=0))  # fmt: skip
        results = ("--results", str(folder / "results"))
        words = (str(suite), "--plugin", str(plugin))
        return [
            _row("plan", 6.0, "plan", *words),
            _row("run, all cached, no results folder yet", 30.0, "run", *words, *results),
            _row("run, all cached, one row lost", 15.0, "run", *words, *results, before=folder / "results/records"),
            _row("report", 8.0, "report", str(folder / "results")),
            _memory("plan", 300.0, "plan", *words),
        ]


def _lay_out(folder: Path, cells: int) -> tuple[Path, Path]:
    """Write images, a plugin and a suite of so many cells."""
    architectures = cells // (_DATASETS * len(_SCALES))
    (folder / "images").mkdir()
    generator = np.random.default_rng(0)
    for dataset in range(_DATASETS):
        for image in range(_IMAGES):
            write_png(folder / "images" / f"{dataset}_{image}.png", generator.integers(0, 256, (48, 48, 3), np.uint8))
    counts = {"ARCHITECTURES": architectures, "DATASETS": _DATASETS, "IMAGES": _IMAGES}
    plugin = folder / "many.py"
    plugin.write_text("\n".join(f"{name} = {count}" for name, count in counts.items()) + _PLUGIN)
    suite = folder / "many.toml"
    suite.write_text(
        'name = "many"\nprotocol = "classic-y"\nmetrics = ["psnr_y", "ssim_y"]\n[profile]\nenabled = false\n[[grid]]\n'
        f"architectures = {[f'net_{n}' for n in range(architectures)]}\n"
        f"datasets = {[f'set_{n}' for n in range(_DATASETS)]}\nscales = {list(_SCALES)}\n"
    )
    return suite, plugin


def _fill(schedule: Schedule) -> None:
    """Store made-up results of every job."""
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
        schedule.session.store.write(name, result)


def _score(metric: str, values: np.ndarray) -> Score:
    mean = float(values.mean()) / (1 if metric == "psnr_y" else 50)
    column = "psnr_y_db" if metric == "psnr_y" else metric
    return Score(metric=metric, column=column, protocol=f"{metric}@classic-y", higher_is_better=True, value=mean)


def _row(what: str, limit: float, *words: str, before: Path | None = None) -> Row:
    """Take the processor time of a command, its children included: other work on the machine does not count."""
    if before:
        next(before.glob("*.json")).unlink()
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run((_SRBENCH, *words), check=True, stdout=subprocess.DEVNULL)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    return Row(f"srbench {what}, {CELLS} cells", "a second of processor", taken, f"≤ {limit:g} seconds", taken <= limit)


def _memory(what: str, limit: float, *words: str) -> Row:
    """Take the peak of a command's resident memory, beyond that of importing torch."""
    taken = _peak(_SRBENCH, *words) - _peak(sys.executable, "-c", "import torch")
    return Row(f"memory of srbench {what}, {CELLS} cells", "a MiB", taken, f"≤ {limit:g} MiB", taken <= limit)


def _peak(*words: str) -> float:
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    printed = subprocess.run((sys.executable, "-c", code, *words), check=True, capture_output=True, text=True)
    return int(printed.stdout) / 1024
