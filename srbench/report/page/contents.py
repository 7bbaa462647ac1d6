"""The content of the page as one JSON object: what the other pages say, and the facts that filters need."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from srbench.measuring.protocol import PROTOCOLS
from srbench.records.record import Record
from srbench.report.degradations.matrix import Matrix
from srbench.report.distillation.gains import GainTable
from srbench.report.formats import Heading
from srbench.report.leaderboard.costs import COSTS, Cost
from srbench.report.leaderboard.tables import Line, Section, Table, Value
from srbench.report.page.images import Scene
from srbench.report.page.pages import gain_groups, matrix_contents
from srbench.report.page.provenance import Environments, provenance
from srbench.report.page.scores import images_of, pack_line, packed_headings, quantiles
from srbench.report.pairing import Image
from srbench.report.reading import Records
from srbench.scales import area

Json: TypeAlias = dict[str, Any]


def page_contents(
    records: Records,
    sections: Sequence[Section],
    gains: Sequence[GainTable] = (),
    matrices: Sequence[Matrix] = (),
    scenes: Sequence[Scene] = (),
) -> Json:
    """Return everything that the page shows.

    A score or cost is a list that begins with the number, or a text that says why there is none. Rows have an ``id``
    made of what identifies them, so that links to them survive other records.
    """
    packed = packed_headings(sections)
    environments = Environments()
    tables, rows = [], []
    metrics: dict[str, Heading] = {}
    ids: dict[int, str] = {}
    for section in sections:
        for table in section.tables:
            keys = heading_keys(table)
            metrics |= {key: heading for heading, key in keys.items() if key not in metrics}
            images = images_of(table)
            tables.append(_table(section, table, keys, images))
            for line in table.lines:
                ids[id(line)] = _id(line.first.row_id.method)
                rows.append(
                    _row(line, len(tables) - 1, table, keys)
                    | {"id": ids[id(line)], "images": _images(line, images, packed[id(table)], keys)}
                    | provenance(line, environments)
                )
    costs = [cost for cost in COSTS if any(cost in table.costs for s in sections for table in s.tables)]
    return {
        "metrics": {key: _metric(heading) for key, heading in metrics.items()},
        "costs": [{"name": cost.name, "head": cost.head, "axis": _axis(cost)} for cost in costs],
        "about_costs": [cost.about for cost in costs if cost.about],
        "tables": tables,
        "rows": rows,
        "environments": environments.listed,
        "t975": quantiles(records.records),
        "gains": gain_groups(gains, ids),
        "matrices": [matrix_contents(matrix, ids) for matrix in matrices],
        "scenes": [scene.contents(ids) for scene in scenes],
        "skipped": list(records.damaged),
    }


def heading_keys(table: Table) -> dict[Heading, str]:
    """Return the name of each score column: its metric, with a number if the table has several ids of it."""
    keys: dict[Heading, str] = {}
    for heading in table.headings:
        same = [other for other in table.headings if other.metric == heading.metric]
        number = same.index(heading)
        keys[heading] = f"{heading.metric}#{number + 1}" if number else heading.metric
    return keys


def _id(identity: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(identity, default=str).encode()).hexdigest()[:10]


def _metric(heading: Heading) -> Json:
    return {
        "label": heading.label,
        "unit": heading.unit,
        "decimals": heading.decimals,
        "higher": heading.higher_is_better,
    }


def _axis(cost: Cost) -> str:
    """Return the label of the axis of plots; all but bytes of the input are worth one."""
    return cost.axis or {"parameters": "Parameters", "peak_memory_mib": "Peak memory [MiB]"}.get(cost.name, "")


def _table(section: Section, table: Table, keys: dict[Heading, str], images: Sequence[Image]) -> Json:
    preset = PROTOCOLS.get(section.protocol)
    status = table.certification
    realisations = sorted({number for number, _ in images})
    return {
        "protocol": section.protocol,
        "about": preset.about if preset else "",
        "degradation": section.degradation,
        "degradation_label": section.degradation_label,
        "scale": str(section.scale),
        "area": area(section.scale),
        "dataset": table.dataset,
        "label": table.label,
        "inference": table.inference,
        "ensemble": "x8" in table.inference.split(","),
        "tiled": table.inference.startswith(("tile=", "chop")),
        "certification": [status.status, status.detail] if status else None,
        "headline": keys[table.headline] if table.headline else None,
        "ids": {key: heading.protocol for heading, key in keys.items()},
        "images": [name for _, name in images],
        "realisations": [number for number, _ in images] if len(realisations) > 1 else None,
        "timings": table.timings,
        "reference": table.lines[0].first.reference,
    }


def _row(line: Line, table_number: int, table: Table, keys: dict[Heading, str]) -> Json:
    first, model = line.first, line.first.model
    method = first.row_id.method._replace(dataset="", scale=0, degradation="", protocol="", inference="")
    reported = {keys[h]: found for h in table.headings if (found := _reported(first, h))}
    return {
        "table": table_number,
        "method": _id(method),
        "title": line.title,
        "repeats": line.repeats,
        "label": model.label or model.architecture,
        "distiller": model.distiller,
        "trained_on": " + ".join(model.trained_on) or ("" if model.source == "trained" else "not trained here"),
        "reference": line.reference,
        "starred": model.reconstruction or model.network_reconstruction,
        "rank": line.rank,
        "interval": line.interval,
        "failed": line.failed,
        "scores": {keys[heading]: _value(value) for heading, value in line.scores.items()},
        "costs": {cost.name: _cost(line.costs[cost.name], cost) for cost in table.costs},
        "reported": reported,
    }


def _value(value: Value) -> list[float] | str:
    """Return mean and spread, or the reason why there is no mean."""
    if value.mean is None:
        return value.reason or "no reason given"
    return [value.mean] if value.spread is None else [value.mean, value.spread]


def _cost(value: Value, cost: Cost) -> list[float | str] | str:
    """Return the number and its text, or the reason why there is none."""
    return (value.reason or "no reason given") if value.mean is None else [value.mean, cost.text(value.mean)]


def _reported(record: Record, heading: Heading) -> list[float | str] | None:
    """Return what the authors report, and where."""
    score = record.scores.get(heading.metric)
    if not score or score.reported is None or record.table_protocol(score) != heading.protocol:
        return None
    return [score.reported, score.reported_source or ""]


def _images(line: Line, images: Sequence[Image], packed: Sequence[Heading], keys: dict[Heading, str]) -> Json:
    """Return by score column: seeds, packed scores for each, and whether they are right or wrong."""
    found = {keys[heading]: pack_line(line, heading, images) for heading in packed}
    return {key: [scores.seeds, scores.values, scores.binary] for key, scores in found.items() if scores}
