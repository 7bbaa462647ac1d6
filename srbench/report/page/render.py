"""Write the page: content, style and script in one HTML file that asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from srbench.records.record import Record
from srbench.report.degradations.matrix import Matrix
from srbench.report.distillation.gains import GainTable
from srbench.report.leaderboard.columns import has_samples
from srbench.report.leaderboard.tables import Section
from srbench.report.page.contents import Json, page_contents
from srbench.report.page.images import make_scenes
from srbench.report.reading import Records

_FOLDER = Path(__file__).parent
SCRIPTS = (
    "dom", "state", "statistics", "filters", "columns", "table", "details", "plots", "gains", "pictures", "copying",
    "start",
)  # fmt: skip
"""The files of the script in the order in which they build on each other; together they are one module."""


def render_html(
    records: Records,
    sections: Sequence[Section],
    gains: Sequence[GainTable] = (),
    matrices: Sequence[Matrix] = (),
    *,
    beside: str | None = None,
) -> tuple[str, list[str]]:
    """Return the text of leaderboard.html, and a sentence for every picture that is not in it.

    Args:
        records: The records.
        sections: The tables.
        gains: The content of distillation.md.
        matrices: The content of degradations.md.
        beside: The path from the page to the folder of the records, if it is to show whole images too.
    """
    scenes, faults = make_scenes(records.folder, sections, beside=beside)
    return render_page(page_contents(records, sections, gains, matrices, scenes), records.records), faults


def render_page(contents: Json, records: Iterable[Record], *, title: str = "Leaderboard") -> str:
    """Put content into the template.

    Names from records cannot act: they are JSON without ``<`` until the script makes text of them, and the policy of
    the page allows its own script and style alone, by their hashes, and images that are inside it or beside it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    records = list(records)
    script = "\n".join((_FOLDER / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html.jinja").render(
        title=title,
        origin=_origin(records),
        about_costs=contents["about_costs"],
        sampled=has_samples(records),
        right_or_wrong=any(score.binary for record in records for score in record.scores.values()),
        skipped=contents["skipped"],
        policy=_policy(script, style),
        style=Markup(style),  # noqa: S704 - files of this package
        script=Markup(script),  # noqa: S704
        data=Markup(_json(contents)),  # noqa: S704 - nothing in it ends the element
    )


def _json(contents: Json) -> str:
    """Return JSON in which no text can end the element that holds it."""
    return to_json(contents).decode().replace("<", "\\u003c")


def _policy(script: str, style: str) -> str:
    """Return the Content-Security-Policy: no requests, and no script but this one."""
    allowed: dict[str, Any] = {"script-src": _hash(script), "style-src": _hash(style), "img-src": "data: 'self' file:"}
    return "; ".join(f"{kind} {source}" for kind, source in {"default-src": "'none'", **allowed}.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _origin(records: Iterable[Record]) -> str:
    """Return the suites, machines and versions in a sentence."""
    records = list(records)
    suites = sorted({record.suite for record in records})
    made = [record.environment for record in records if record.environment]
    machines = sorted({f"{e.machine_name} ({e.machine})" for e in made})
    versions = sorted({f"srbench {e.srbench}, torch {e.torch}" for e in made})
    words = f"Suite{'s' if len(suites) > 1 else ''} {', '.join(suites)}"
    return f"{words}, measured on {'; '.join(machines)} with {'; '.join(versions)}." if made else f"{words}."
