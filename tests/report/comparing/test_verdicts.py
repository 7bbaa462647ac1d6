"""A comparison as Markdown and as JUnit."""

from xml.etree import ElementTree as ET

from helpers.leaderboards import LATENCY, PSNR, QUICK, rows_of
from helpers.records import fail, make_record
from srbench.report.comparing.comparison import compare_rows
from srbench.report.comparing.verdicts import render_junit, render_markdown


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
