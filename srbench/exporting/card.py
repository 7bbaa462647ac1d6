"""The card of an exported network: what it is, its scores with their protocols, and how plain PyTorch loads it."""

from __future__ import annotations

import json
from pathlib import Path

from srbench.escaping import markdown
from srbench.exporting.facts import Subject
from srbench.exporting.programs import BOUND, Program


def write_card(subject: Subject, program: Program) -> str:
    """Return the card as Markdown with the YAML header that model hubs read.

    Args:
        subject: The network.
        program: Its TorchScript program.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - Markdown, not HTML: every text from elsewhere passes the filter `plain`
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": lambda value: markdown(str(value)), "json": json.dumps}
    scores = [
        (record, score) for record in subject.records for score in record.scores.values() if score.value is not None
    ]
    return environment.get_template("card.md.jinja").render(
        facts=subject.facts,
        spec=subject.network.spec,
        colours=subject.network.colours,
        scores=scores,
        program=program,
        bound=BOUND,
        height=program.sizes[0][2],
        width=program.sizes[0][3],
    )
