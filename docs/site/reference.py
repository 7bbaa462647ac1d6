"""Write the pages of the public Python interface: one for `srbench`, one for each room that plugins may import."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

import srbench

ROOMS = {
    "srbench.imaging": "Images: files, colour, resizes, filters, noise, codecs",
    "srbench.degrading": "Degradations: steps, chains, what is drawn",
    "srbench.networks": "Networks: blocks, windows, weights, capture, recognisers",
    "srbench.distilling": "Distillers: features, affinities, encoders",
    "srbench.measuring.metrics": "Metrics: PSNR, SSIM, checks",
    "srbench.testing": "Contracts of plugins",
}
"""The rooms that bundled plugins import, and so may every other."""


def write_reference(folder: Path) -> None:
    """Write a page for each room, by mkdocstrings' directive for each module of it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{home}\n    options: {{ show_root_full_path: false }}" for home in public_homes()]
    _write(folder / "srbench.md", "srbench", "The public names: what a plugin and a script need.", names)
    for room, subject in ROOMS.items():
        package = importlib.import_module(room)
        modules = [info.name for info in pkgutil.walk_packages(package.__path__, f"{room}.")]
        _write(folder / f"{room.removeprefix('srbench.')}.md", room, f"{subject}.", modules)


def public_homes() -> list[str]:
    """Return where each public name of `srbench` is defined, which is where its docstring is."""
    values = {name: getattr(srbench, name) for name in srbench.__all__}
    modules = {name: getattr(value, "__module__", None) or "srbench" for name, value in values.items()}
    return [f"{module if module.startswith('srbench') else 'srbench'}.{name}" for name, module in modules.items()]


def _write(page: Path, title: str, text: str, objects: Iterable[str]) -> None:
    directives = "\n".join(f"::: {name}\n" for name in objects)
    page.write_text(f"# `{title}`\n\n{text}\n\n{directives}", encoding="utf-8")
