"""Write a comparison as Markdown for a pull request, and as JUnit for a test report."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from srbench.escaping import markdown, markdown_code, markdown_sentence, one_line
from srbench.report.comparing.comparison import Change, Comparison
from srbench.report.comparing.rules import relative


def summary(comparison: Comparison) -> str:
    """Return one sentence about the comparison."""
    failed, changed = len(comparison.having("failed")), len(comparison.having("changed"))
    rules = f"{len(comparison.rules)} rule{'' if len(comparison.rules) == 1 else 's'}"
    if failed:
        return f"{failed} failure{'' if failed == 1 else 's'} in {comparison.rows} compared rows under {rules}."
    return f"No failure in {comparison.rows} compared rows under {rules}; {changed} values changed."


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


def render_markdown(comparison: Comparison) -> str:
    """Return the comment for a pull request."""
    mark = "✅" if comparison.passed else "❌"
    out = [f"### {mark} srbench: {summary(comparison)}", ""]
    if comparison.rules:
        out += ["Not accepted: " + ", ".join(markdown_code(str(rule)) for rule in comparison.rules) + ".", ""]
    rows = [cells(change) for change in listed(comparison)]
    if rows:
        out += ["| | Row | Column | Base | Head | Difference |", "| --- | --- | --- | ---: | ---: | --- |"]
        for verdict, *rest in rows:
            shown = {"failed": "❌", "new": "🆕"}.get(verdict, "")
            out.append("| " + " | ".join(map(markdown, (shown, *rest))) + " |")
        out.append("")
    out += [f"- {markdown_sentence(sentence)}" for sentence in skipped(comparison)]
    return "\n".join(out).rstrip() + "\n"


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
