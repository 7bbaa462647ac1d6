"""Write a comparison as Markdown for a pull request, and as JUnit for a test report."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from srbench.escaping import markdown, markdown_code, markdown_sentence, one_line
from srbench.report.comparing.comparison import Change, Comparison
from srbench.report.comparing.rules import relative
from srbench.report.comparing.sides import Origin


def summary(comparison: Comparison) -> str:
    """Return one sentence about the comparison."""
    failed, changed = len(comparison.having("failed")), len(comparison.having("changed"))
    rules = _counted(len(comparison.rules), "rule") or "0 rules"
    rows = _counted(comparison.rows, "compared row") or "0 compared rows"
    if failed:
        return f"{_counted(failed, 'failure')} in {rows} under {rules}."
    return f"No failure in {rows} under {rules}; {_counted(changed, 'value') or '0 values'} changed."


def listed(comparison: Comparison) -> list[Change]:
    """Return the changes that get a line of their own; `skipped` summarises the timings that were skipped."""
    return [c for c in comparison.changes if c.verdict not in {"same", "skipped"}]


def skipped(comparison: Comparison) -> list[str]:
    """Return what was not judged and why, one sentence for each reason."""
    reasons = Counter((str(c.rule) if c.rule else c.row, c.detail) for c in comparison.having("skipped"))
    return [
        f"{what} was skipped{f' in {n} rows' if n > 1 else ''}: {why}." for (what, why), n in sorted(reasons.items())
    ]


def cells(change: Change) -> tuple[str, str, str, str, str, str]:
    """Return verdict, row, column, base, head and difference as text."""
    base, head = ("—" if v is None else f"{v:.6g}" for v in (change.base, change.head))
    if not change.column:
        base = head = ""
    return change.verdict, change.row, change.column, base, head, difference(change)


def difference(change: Change) -> str:
    """Return head minus base, also in per cent, or why there is none."""
    if change.base is None or change.head is None:
        return change.detail
    share = relative(change.base, change.head) * 100
    text = f"{change.head - change.base:+.4g} ({share:+.2f} %)"
    return f"{text}; {change.detail}" if change.detail else text


def heading(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a table of where both sides come from, its first row being the names of columns; empty if unknown."""
    if comparison.origins is None:
        return []
    columns = [field.name for field in dataclasses.fields(Origin)]
    sides = zip(("base", "head"), comparison.origins, strict=True)
    return [("", *columns), *((name, *(getattr(side, column) or "—" for column in columns)) for name, side in sides)]


def render_markdown(comparison: Comparison) -> str:
    """Return the comment for a pull request; what does not fail is folded."""
    mark = "✅" if comparison.passed else "❌"
    out = [f"### {mark} srbench: {summary(comparison)}", ""]
    if comparison.rules:
        out += ["Not accepted: " + ", ".join(markdown_code(str(rule)) for rule in comparison.rules) + ".", ""]
    if comparison.renamings:
        out += ["Renamed: " + ", ".join(map(markdown_code, comparison.renamings)) + ".", ""]
    if sides := heading(comparison):
        out += [*_table(sides, "--- | --- | --- | --- | ---"), ""]
    failed = [change for change in listed(comparison) if change.verdict == "failed"]
    others = [change for change in listed(comparison) if change.verdict != "failed"]
    out += _changes(failed)
    sentences = skipped(comparison)
    if others or sentences:
        new = len(comparison.having("new"))
        parts = (_counted(new, "new row"), _counted(len(others) - new, "change"), _counted(len(sentences), "skip"))
        out += [f"<details><summary>What does not fail: {', '.join(filter(None, parts))}</summary>", ""]
        out += [*_changes(others), *(f"- {markdown_sentence(sentence)}" for sentence in sentences)]
        out += [*([""] if sentences else []), "</details>"]
    return "\n".join(out).rstrip() + "\n"


def _counted(number: int, noun: str) -> str:
    """Return a number with its noun; "" for none."""
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


def _changes(changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    rows: list[tuple[str, ...]] = [("", "Row", "Column", "Base", "Head", "Difference")]
    for verdict, *rest in map(cells, changes):
        rows.append(({"failed": "❌", "new": "🆕"}.get(verdict, ""), *rest))
    return [*_table(rows, "--- | --- | --- | ---: | ---: | ---"), ""]


def _table(rows: Sequence[tuple[str, ...]], rule: str) -> list[str]:
    head, *body = ("| " + " | ".join(map(markdown, row)) + " |" for row in rows)
    return [head, f"| {rule} |", *body]


def render_junit(comparison: Comparison) -> bytes:
    """Return JUnit XML: a test case for each rule in each row, each row that vanished or is new, and each failure."""
    cases = [c for c in comparison.changes if c.rule or not c.column or c.verdict == "failed"]
    suite = ET.Element(
        "testsuite",
        name="srbench compare",
        tests=str(len(cases)),
        failures=str(len(comparison.having("failed"))),
        errors="0",
        skipped=str(len(comparison.having("skipped"))),
    )
    for change in cases:
        case = ET.SubElement(
            suite, "testcase", classname=one_line(change.row), name=one_line(str(change.rule or change.column or "row"))
        )
        if change.verdict == "failed":
            ET.SubElement(case, "failure", message=one_line(difference(change)))
        elif change.verdict == "skipped":
            ET.SubElement(case, "skipped", message=one_line(change.detail))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
