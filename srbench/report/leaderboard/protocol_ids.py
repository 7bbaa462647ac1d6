"""What the protocol ids of a page have in common, and how single scores differ from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from srbench.escaping import markdown, markdown_code
from srbench.measuring.protocol import PROTOCOLS
from srbench.report.formats import Heading
from srbench.report.leaderboard.sheets import numbered_label
from srbench.report.leaderboard.tables import Section, Table


def common_ids(sections: Iterable[Section]) -> dict[str, str]:
    """Return the most usual meaning of an id by preset: "classic-y:sr=u8,y=bt601,shave=2,lr=bicubic-u8,whole"."""
    counts: dict[str, Counter[str]] = {}
    for section in sections:
        for table in section.tables:
            for heading in table.headings:
                counts.setdefault(section.protocol, Counter())[_meaning(heading)] += len(table.lines)
    return {preset: count.most_common(1)[0][0] for preset, count in counts.items()}


def footnote(preset: str, common: Mapping[str, str]) -> str:
    """Return the note that explains a preset and gives the id that its scores share."""
    known = PROTOCOLS.get(preset)
    words = [f"Protocol {preset}: {known.about}" if known else f"Protocol {preset}."]
    if preset in common:
        words.append(
            f"The id of a score is `METRIC@{common[preset]}`, except for what a table says to differ; "
            "`leaderboard.csv` has every id in full."
        )
    return " ".join(words)


def sentence(table: Table, preset: str, common: Mapping[str, str], mark: str) -> str:
    """Return how the scores of a table were taken; ``mark`` refers to the note: "Protocol classic-y[^1], shave=4"."""
    labels: dict[str, list[str]] = {}
    for heading in table.headings:
        labels.setdefault(difference(heading, common.get(preset, "")), []).append(numbered_label(heading, table))
    usual = max(labels, key=lambda own: len(labels[own]), default="")
    out = f"Protocol {markdown(preset)}{mark}" + (f" with {markdown_code(usual)}" if usual else "")
    for own, names in labels.items():
        if own != usual:
            out += f"; {markdown(', '.join(names))} " + (f"with {markdown_code(own)}" if own else "without it")
    return f"{out}."


def difference(heading: Heading, common: str) -> str:
    """Return the parts of an id that are not in the common one: "shave=0"; "" if it is the common one."""
    own = _meaning(heading)
    version = heading.protocol.partition("@")[0].removeprefix(heading.metric).lstrip(".")
    preset, _, parts = own.partition(":")
    usual_preset, _, usual = common.partition(":")
    if "@" not in heading.protocol or preset != usual_preset:
        return heading.protocol
    known, given = usual.split(","), parts.split(",")
    new = [part for part in given if part not in known]
    keys = {part.partition("=")[0] for part in given}
    gone = [f"no {key}" for part in known if "=" in part and (key := part.partition("=")[0]) not in keys]
    return ",".join([*([version] if version else []), *new, *gone])


def _meaning(heading: Heading) -> str:
    return heading.protocol.partition("@")[2] or heading.protocol
