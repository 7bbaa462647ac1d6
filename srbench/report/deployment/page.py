"""Write deployment.md and deployment.csv: networks in their backends, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from srbench.escaping import markdown, markdown_code
from srbench.records.stored import Measured
from srbench.report.deployment.runs import DeploymentTable, Run
from srbench.report.formats import CsvRow, Heading, grid, signed
from srbench.report.leaderboard.tables import backend_title, method_title

ABOUT = (
    "Each network in the backends that ran it. One session gave the images that are scored and the times, so a row is "
    "one computation. The loss is the difference to PyTorch in fp32 on the same images, or to the first runtime in "
    "fp32 where PyTorch was not measured, with its 95 % interval; times are the median of calls and its interval, on "
    "one machine; the cold start is from the file to the first image. `docs/results.md` explains the columns and the "
    "CSV file."
)
COLUMNS = (
    "architecture", "checkpoint", "distiller", "teacher", "recipe", "dataset", "scale", "degradation", "protocol",
    "inference", "runtime", "precision", "quantisation", "version", "calibrated_on", "metric", "score", "loss",
    "loss_low", "loss_high", "latency_ms_p50", "latency_ms_low", "latency_ms_high", "latency_input", "speed_up",
    "peak_memory_mib", "file_mib", "file_sha256", "cold_start_ms", "energy_mj", "stable", "threads", "machine",
    "other_work", "reasons",
)  # fmt: skip
"""The header of deployment.csv."""


def render_page(tables: Sequence[DeploymentTable]) -> str:
    """Return the text of deployment.md."""
    out = ["# Deployment: networks in their backends", "", ABOUT, ""]
    for table in tables:
        place = markdown(f"{table.table.place(', ')} x{table.section.scale} · {table.section.degradation_label}")
        out += [f"## {place} · {markdown(table.section.protocol)}", "", *_grid(table), "", *_notes(table)]
        out += [f"<sub>{markdown_code(table.headline.protocol)}</sub>", ""]
    return "\n".join(out).rstrip() + "\n"


def _grid(table: DeploymentTable) -> list[str]:
    head = f"{table.headline.label}{table.headline.bracketed_unit}"
    energy = any(run.facts and run.facts.energy_mj and run.facts.energy_mj.value for run in _all(table))
    costs = ["Latency [ms]", "Speed-up", "Memory [MiB]", "File [MiB]", "Cold start [ms]"]
    header = ["Network", "Backend", head, "Loss", *costs]
    rows = []
    for runs in table.networks:
        for place, run in enumerate(runs):
            name = markdown(method_title(run.line.first.model_copy(update={"backend": ""}))) if place == 0 else ""
            rows.append([name, markdown(backend_title(run.line.first) or run.backend), *_cells(run, table.headline)])
            if energy:
                rows[-1].append(_number(run.facts.energy_mj if run.facts else None, 1))
    return grid([*header, *(["Energy [mJ]"] if energy else [])], rows, left=2)


def _cells(run: Run, headline: Heading) -> list[str]:
    decimals = headline.decimals
    value = None if run.line.failed else run.line.scores[headline]
    profile, facts = run.line.first.profile, run.facts
    score = "failed" if value is None else value.text(decimals)
    loss = "—" if run.loss is None else signed(run.loss.mean, max(decimals, 3))
    if run.loss is not None and run.loss.low != run.loss.high:
        loss += f" [{signed(run.loss.low, max(decimals, 3))}, {signed(run.loss.high, max(decimals, 3))}]"
    time = _number(run.milliseconds, 1)
    if profile and run.milliseconds and run.milliseconds.value and profile.latency_low_ms and profile.latency_high_ms:
        time += f" [{profile.latency_low_ms:,.1f}, {profile.latency_high_ms:,.1f}]"
    return [
        score,
        loss,
        time,
        "—" if run.speed_up is None else f"{run.speed_up:.2f}",
        _number(profile.peak_memory_mib if profile and not run.line.failed else None, 0),
        _number(facts.file_mib if facts else None, 2),
        _number(facts.cold_start_ms if facts else None, 0),
    ]


def _notes(table: DeploymentTable) -> list[str]:
    """Return why runs failed, and what else was at work while others were timed."""
    notes, disturbed = [], 0
    for run in _all(table):
        if run.line.failed:
            notes.append(f"- {markdown(method_title(run.line.first))} failed: {markdown(run.line.failed)}")
        elif run.facts and run.facts.other_work:
            disturbed += 1
    if disturbed:
        rows = "A row was" if disturbed == 1 else f"{disturbed} rows were"
        notes.append(f"- {rows} timed beside other work on the machine; `deployment.csv` says how much.")
    return [*notes, ""] if notes else []


def csv_rows(tables: Iterable[DeploymentTable]) -> Iterator[CsvRow]:
    """Yield the rows of deployment.csv."""
    for table in tables:
        for run in _all(table):
            yield _row(table, run)


def _row(table: DeploymentTable, run: Run) -> CsvRow:
    record, facts, profile, loss = run.line.first, run.facts, run.line.first.profile, run.loss
    runtime, precision, *quantisation = run.backend.split("-", 2)
    identity = record.row_id.cells
    measured = {
        "latency_ms_p50": run.milliseconds,
        "peak_memory_mib": profile.peak_memory_mib if profile else None,
        "file_mib": facts.file_mib if facts else None,
        "cold_start_ms": facts.cold_start_ms if facts else None,
        "energy_mj": facts.energy_mj if facts else None,
    }
    reasons = {name: value.reason for name, value in measured.items() if value and value.reason}
    value = run.line.scores.get(table.headline)
    return {
        **{name: identity[name] for name in COLUMNS[:10]},
        "inference": record.applied, "runtime": runtime, "precision": precision,
        "quantisation": "".join(quantisation) or None, "metric": table.headline.metric,
        "score": value.mean if value else None,
        "loss": loss.mean if loss else None, "loss_low": loss.low if loss else None,
        "loss_high": loss.high if loss else None,
        **{name: found.value if found else None for name, found in measured.items()},
        "latency_ms_low": profile.latency_low_ms if profile else None,
        "latency_ms_high": profile.latency_high_ms if profile else None,
        "latency_input": profile.latency_input if profile else None,
        "speed_up": run.speed_up,
        "version": facts.version if facts else None,
        "calibrated_on": " ".join(facts.calibrated_on) if facts else None,
        "file_sha256": facts.file_sha256 if facts else None,
        "stable": None if facts is None or facts.stable is None else str(facts.stable).lower(),
        "threads": facts.threads if facts else None,
        "machine": profile.machine if profile else None,
        "other_work": (facts.other_work if facts else "") or None,
        "reasons": run.line.failed or "; ".join(f"{name}: {why}" for name, why in reasons.items()) or None,
    }  # fmt: skip


def _all(table: DeploymentTable) -> Iterator[Run]:
    for runs in table.networks:
        yield from runs


def _number(measured: Measured | None, decimals: int) -> str:
    return "—" if measured is None or measured.value is None else f"{measured.value:,.{decimals}f}"
