"""A comparison as Markdown and as JUnit."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from helpers.leaderboards import LATENCY, PSNR, QUICK, rows_of
from helpers.records import fail, make_record
from srbench.records.row import RowId
from srbench.report.comparing.comparison import Change, Comparison, compare_rows, compare_sides
from srbench.report.comparing.sides import Origin, Side
from srbench.report.comparing.verdicts import render_junit, render_markdown, summary


def test_the_comment_names_what_failed_first():
    head = [r | {"psnr_y_db": "20"} if r["architecture"] == "espcn" else r for r in QUICK[1:]]
    text = render_markdown(compare_rows(QUICK, head, [PSNR]))
    assert text.startswith("### ❌ srbench: 4 failures in 15 compared rows under 1 rule.")
    assert "Not accepted: `psnr_y_db < -0.02`." in text
    assert "breaks psnr_y_db < -0.02" in text
    assert render_markdown(compare_rows(QUICK, QUICK, [PSNR])).startswith("### ✅ srbench: No failure in 16")


def test_junit_has_a_case_for_each_rule_and_row_and_stays_valid_xml():
    broken = fail(make_record("fsrcnn"), "stopped by \x1b[31m & <signal>")
    base, head = rows_of([make_record(), make_record("fsrcnn")]), rows_of([make_record(psnr=20.0), broken])
    suite = ET.fromstring(render_junit(compare_rows(base, head, [PSNR, LATENCY]))).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "2", "0")
    assert len(suite.findall("testcase/failure")) == 2


def row_of(architecture):
    """Return the identity of a row on Set5 at x2."""
    cells = dict.fromkeys(RowId._fields, "") | {"architecture": architecture, "dataset": "set5", "scale": "2"}
    return tuple((cells | {"degradation": "bicubic", "protocol": "classic-y", "inference": "whole"}).values())


def change(architecture, verdict, base=None, head=None, *, column="psnr_y_db", rule=None, detail=""):
    return Change(
        identity=row_of(architecture), column=column, base=base, head=head, verdict=verdict, detail=detail, rule=rule
    )


EVERY_KIND = Comparison(
    rules=(PSNR, LATENCY),
    rows=7,
    changes=(
        change("a", "failed", 30.0, 29.5, rule=PSNR, detail="breaks psnr_y_db < -0.02"),
        change("b", "failed", column="", detail="the row vanished"),
        change("c", "skipped", 10.0, 12.0, column="latency_ms_p50", rule=LATENCY, detail="another machine"),
        change("d", "skipped", 10.0, 12.0, column="latency_ms_p50", rule=LATENCY, detail="another machine"),
        change("c", "failed", 30.0, 31.0, detail="the protocol changed"),
        change("d", "skipped", column="", detail="nothing was measured on either side"),
        change("e", "new", column="", detail="only in head"),
        change("f", "changed", 0.0, 0.125, column="ssim_y"),
        change("g", "changed", 8.0, None, column="ssim_y", detail="missing in head"),
        change("g", "changed", None, 8.0, column="ssim_y", detail="missing in base"),
        change("h", "same", 30.0, 30.0, rule=PSNR),
    ),
)


def test_a_comment_has_a_row_for_each_change_and_a_sentence_for_each_reason_to_skip():
    row = "set5 x2, bicubic, classic-y"
    assert render_markdown(EVERY_KIND) == "\n".join((
        "### ❌ srbench: 3 failures in 7 compared rows under 2 rules.",
        "",
        "Not accepted: `psnr_y_db < -0.02`, `latency_ms_p50 > +10%`.",
        "",
        "|  | Row | Column | Base | Head | Difference |",
        "| --- | --- | --- | ---: | ---: | --- |",
        f"| ❌ | a, {row} | psnr_y_db | 30 | 29.5 | -0.5 (-1.67 %); breaks psnr_y_db < -0.02 |",
        f"| ❌ | b, {row} |  |  |  | the row vanished |",
        f"| ❌ | c, {row} | psnr_y_db | 30 | 31 | +1 (+3.33 %); the protocol changed |",
        "",
        "<details><summary>What does not fail: 1 new row, 3 changes, 2 skips</summary>",
        "",
        "|  | Row | Column | Base | Head | Difference |",
        "| --- | --- | --- | ---: | ---: | --- |",
        f"| 🆕 | e, {row} |  |  |  | only in head |",
        f"|  | f, {row} | ssim_y | 0 | 0.125 | +0.125 (+inf %) |",
        f"|  | g, {row} | ssim_y | 8 | — | missing in head |",
        f"|  | g, {row} | ssim_y | — | 8 | missing in base |",
        "",
        f"- d, {row} was skipped: nothing was measured on either side.",
        "- latency_ms_p50 > +10% was skipped in 2 rows: another machine.",
        "",
        "</details>",
        "",
    ))  # fmt: skip


def test_a_comment_without_rules_and_changes_is_one_sentence():
    assert render_markdown(Comparison(rules=(), rows=3, changes=())) == (
        "### ✅ srbench: No failure in 3 compared rows under 0 rules; 0 values changed.\n"
    )
    one = Comparison(rules=(PSNR,), rows=1, changes=EVERY_KIND.changes[:1])
    assert summary(one) == "1 failure in 1 compared row under 1 rule."


def test_a_comment_says_where_both_sides_come_from_and_what_was_renamed():
    sides = Side(rows=QUICK, origin=Origin(suite="quick", commit="0a1b", torch="2.14.1", machine="2 × CPU (f1)"))
    other = Side(rows=QUICK, origin=Origin(commit="2c3d", torch="2.15.0"))
    text = render_markdown(replace(compare_sides(sides, other, [PSNR]), renamings=("a=b",)))
    lines = text.splitlines()
    assert lines[0] == "### ✅ srbench: No failure in 16 compared rows under 1 rule; 0 values changed."
    assert lines[2:10] == [
        "Not accepted: `psnr_y_db < -0.02`.",
        "",
        "Renamed: `a=b`.",
        "",
        "|  | suite | commit | torch | machine |",
        "| --- | --- | --- | --- | --- |",
        "| base | quick | 0a1b | 2.14.1 | 2 × CPU (f1) |",
        "| head | — | 2c3d | 2.15.0 | — |",
    ]
    assert lines[11:13] == ["<details><summary>What does not fail: 1 skip</summary>", ""]
    assert lines[13].startswith("- fsrcnn, photographs x4")
    assert lines[14:] == ["", "</details>"]


def test_junit_is_written_to_the_last_byte():
    row = "set5 x2, bicubic, classic-y"
    assert render_junit(EVERY_KIND).decode().splitlines() == [
        "<?xml version='1.0' encoding='utf-8'?>",
        "<testsuites>",
        '  <testsuite name="srbench compare" tests="8" failures="3" errors="0" skipped="3">',
        f'    <testcase classname="a, {row}" name="psnr_y_db &lt; -0.02">',
        '      <failure message="-0.5 (-1.67 %); breaks psnr_y_db &lt; -0.02" />',
        "    </testcase>",
        f'    <testcase classname="b, {row}" name="row">',
        '      <failure message="the row vanished" />',
        "    </testcase>",
        f'    <testcase classname="c, {row}" name="latency_ms_p50 &gt; +10%">',
        '      <skipped message="another machine" />',
        "    </testcase>",
        f'    <testcase classname="d, {row}" name="latency_ms_p50 &gt; +10%">',
        '      <skipped message="another machine" />',
        "    </testcase>",
        f'    <testcase classname="c, {row}" name="psnr_y_db">',
        '      <failure message="+1 (+3.33 %); the protocol changed" />',
        "    </testcase>",
        f'    <testcase classname="d, {row}" name="row">',
        '      <skipped message="nothing was measured on either side" />',
        "    </testcase>",
        f'    <testcase classname="e, {row}" name="row" />',
        f'    <testcase classname="h, {row}" name="psnr_y_db &lt; -0.02" />',
        "  </testsuite>",
        "</testsuites>",
    ]
