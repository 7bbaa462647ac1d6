"""What methods are called in tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from srbench.records import Record
from srbench.report.leaderboard.tables import Line


def name_lines(lines: list[Line], labels: Mapping[str, str]) -> None:
    """Give lines the shortest titles that differ: recipe, full teacher and a file's folder only where needed."""
    for detail in range(5):
        titles: dict[str, list[Line]] = {}
        for line in lines:
            titles.setdefault(line.title or method_title(line.first, labels), []).append(line)
        for title, same in titles.items():
            for line in same:
                line.title = title if len(same) == 1 or not detail else title + _detail(line.first, detail)


def method_title(record: Record, labels: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the name of a method in tables: "EDSR (small), logits from EDSR (wide)"."""
    m = record.model
    title = (m.label or m.architecture) + ("*" if m.network_reconstruction else "")
    if m.checkpoint:
        title += f" ({Path(m.checkpoint).name})"
    if m.distiller != "none":
        title += f", {m.distiller}" + ("*" if m.reconstruction else "")
        if m.teacher:
            title += f" from {' & '.join(_teacher_title(teacher, labels) for teacher in m.teacher.split(' & '))}"
    if m.train_degradation and m.train_degradation != record.degradation:
        title += f", trained on {m.train_degradation}"
    return title


def _detail(record: Record, level: int) -> str:
    m = record.model
    path = m.checkpoint if m.source == "file" else None
    detail = (m.training, m.teacher, path, m.architecture)[level - 1]
    return f", {detail}" if detail else ""


def _teacher_title(teacher: str, labels: Mapping[str, str]) -> str:
    name, _, tag = teacher.partition(".")
    return labels.get(name, name) + (f" ({tag})" if tag else "")
