"""Rules, and what they make of two leaderboards."""

import csv
import io
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.records import fail, make_record, quick_records, write_records
from srbench.errors import DataError, SrbenchError, UnknownNameError, UsageError
from srbench.records import RowId
from srbench.report.comparing.comparison import Rule, compare_rows, parse_rule
from srbench.report.comparing.reading import read_leaderboard
from srbench.report.comparing.verdicts import render_junit, render_markdown, skipped
from srbench.report.leaderboard.columns import METRICS, cell_text, leaderboard_columns, leaderboard_row

KNOWN = leaderboard_columns()
PSNR = parse_rule("psnr_y_db < -0.02", KNOWN)
LATENCY = parse_rule("latency_ms_p50 > +10%", KNOWN)


def rows_of(records):
    return [{k: cell_text(v) for k, v in leaderboard_row(r, METRICS).items()} for r in records]


def one(**changes):
    return rows_of([make_record(psnr=33.0)])[0] | changes


BASE = one()
QUICK = rows_of(quick_records())


def failures(base, head, *rules):
    return [c.detail for c in compare_rows(base, head, rules).having("failed")]


# --- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("psnr_y_db < -0.02", Rule("psnr_y_db", "<", -0.02)),
        (" psnr_y_db<=-2e-2 ", Rule("psnr_y_db", "<=", -0.02)),
        ("latency_ms_p50 > +10%", Rule("latency_ms_p50", ">", 10, percent=True)),
        ("latency_ms_p50>10 %", Rule("latency_ms_p50", ">", 10, percent=True)),
        ("parameters != 0", Rule("parameters", "!=", 0)),
        ("psnr_y_db < −0.02", Rule("psnr_y_db", "<", -0.02)),
    ],
)
def test_rules_are_read_as_people_write_them(text, rule):
    assert parse_rule(text, KNOWN) == rule


@pytest.mark.parametrize(
    "text",
    [
        "", "psnr_y_db", "psnr_y_db < ", "psnr_y_db = 1", "psnr_y_db < two", "psnr_y_db < nan", "psnr_y_db < -inf",
        "< 3", "psnr_y_db < -0.02 dB", "psnr_y_db < 1 2",
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_understood_is_answered_with_examples(text):
    with pytest.raises(UsageError, match="cannot be understood; write a column"):
        parse_rule(text, KNOWN)


def test_an_unknown_column_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Did you mean psnr_y_db\?"):
        parse_rule("psnr_db < -0.02", KNOWN)


@pytest.mark.parametrize("column", ["dataset", "label", "machine", "psnr_y_protocol", "seed", "reasons"])
def test_a_rule_on_text_is_refused(column):
    with pytest.raises(UsageError, match="holds text"):
        parse_rule(f"{column} < 1", KNOWN)


@pytest.mark.parametrize("text", ["psnr_y_db > -0.02", "psnr_y_db < 0.5", "ssim_y <= 0", "macs_256_g >= 0%"])
def test_a_rule_that_no_change_at_all_would_break_is_refused(text):
    with pytest.raises(UsageError, match="would fail where nothing changed"):
        parse_rule(text, KNOWN)


# --- judging ---------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from(["<", "<=", ">", ">=", "!="]), st.floats(-50, 50), st.booleans(),
    st.sampled_from(["psnr_y_db", "ssim_y", "parameters", "latency_ms_p50", "lpips"]),
)  # fmt: skip
def test_a_leaderboard_compared_with_itself_never_fails(operator, limit, percent, column):
    try:
        rule = parse_rule(f"{column} {operator} {limit}{'%' if percent else ''}", KNOWN)
    except SrbenchError:
        return  # such rules are refused; the refusal has its own test
    comparison = compare_rows(QUICK, QUICK, [rule])
    assert comparison.passed
    assert comparison.having("changed") == comparison.having("new") == []


@given(st.permutations(QUICK), st.permutations(QUICK))
def test_the_order_of_rows_does_not_matter(base, head):
    changed = [r | {"psnr_y_db": "20"} if r["architecture"] == "espcn" else r for r in head[1:]]
    straight = compare_rows(QUICK, sorted(changed, key=str), [PSNR])
    assert compare_rows(base, changed, [PSNR]) == straight


@given(st.floats(20, 50), st.floats(-2, 2))
def test_a_rule_fails_exactly_where_head_minus_base_is_below_it(score, change):
    base, head = one(psnr_y_db=repr(score)), one(psnr_y_db=repr(score + change))
    expected = round(score + change - score, 9) < -0.02
    assert bool(failures([base], [head], PSNR)) is expected


@given(st.floats(-2, 2).filter(lambda v: abs(v) > 0.021))
def test_what_gets_worse_one_way_gets_better_the_other(change):
    a, b = one(psnr_y_db="30"), one(psnr_y_db=repr(30 + change))
    assert bool(failures([a], [b], PSNR)) is not bool(failures([b], [a], PSNR))


def test_a_loss_of_exactly_the_limit_is_accepted_in_spite_of_binary_fractions():
    for score in ("30", "29.98", "33.1", "28.57"):
        assert failures([one(psnr_y_db=score)], [one(psnr_y_db=f"{float(score) - 0.02:.12g}")], PSNR) == []
        assert failures([one(psnr_y_db=score)], [one(psnr_y_db=f"{float(score) - 0.021:.12g}")], PSNR)


def test_percent_is_relative_to_base():
    assert failures([one(latency_ms_p50="10")], [one(latency_ms_p50="11")], LATENCY) == []
    assert failures([one(latency_ms_p50="10")], [one(latency_ms_p50="11.01")], LATENCY)
    assert failures([one(parameters="0")], [one(parameters="5")], parse_rule("parameters > 5%", KNOWN))
    assert failures([one(parameters="0")], [one(parameters="0")], parse_rule("parameters > 5%", KNOWN)) == []


@pytest.mark.parametrize("column", ["latency_ms_p50", "peak_memory_mib", "train_seconds", "latency_ms_high"])
def test_timings_of_two_machines_are_skipped_with_the_reason(column):
    rule = parse_rule(f"{column} > 10%", KNOWN)
    comparison = compare_rows([BASE], [one(**{column: "9999", "machine": "ffff"})], [rule])
    assert comparison.passed
    assert comparison.having("skipped")
    assert "base was timed on a1b2c3d4, head on ffff" in skipped(comparison)[0]
    assert compare_rows([one(machine="")], [one(machine="")], [rule]).having("skipped")
    assert not compare_rows([BASE], [one(**{column: "9999"})], [rule]).passed


def test_scores_are_judged_whatever_the_machine():
    assert failures([BASE], [one(psnr_y_db="32", machine="ffff")], PSNR)


def test_a_row_that_vanished_fails_even_without_rules():
    assert failures(QUICK, QUICK[1:]) == ["the row vanished"]


def test_a_new_row_is_told_and_accepted():
    comparison = compare_rows(QUICK[1:], QUICK, [PSNR])
    assert comparison.passed
    assert [c.detail for c in comparison.having("new")] == ["the row is new"]


@pytest.mark.parametrize("value", ["", "nan", "inf"])
def test_a_value_that_became_empty_under_a_rule_fails(value):
    head = one(psnr_y_db=value, reasons="psnr_y_db: the image was lost; lpips: no trunk")
    assert failures([BASE], [head], PSNR) == ["became empty: the image was lost"]
    assert failures([BASE], [head]) == []
    assert failures([head], [head], PSNR) == []
    assert failures([head], [BASE], PSNR) == []


def test_a_column_that_head_no_longer_has_fails_under_a_rule():
    head = {k: v for k, v in BASE.items() if k != "psnr_y_db"}
    assert failures([BASE], [head], PSNR) == ["became empty"]


def test_scores_under_two_protocol_ids_are_not_compared():
    (why,) = failures([BASE], [one(psnr_y_protocol="psnr_y@other", psnr_y_db="99")], PSNR)
    assert why.startswith("the protocol changed, which makes them incomparable: psnr_y@classic-y")


def test_a_cell_that_failed_in_head_fails_unless_it_failed_before():
    broken = rows_of([fail(make_record(psnr=33.0), "out of memory.")])
    assert failures([BASE], broken) == ["the cell failed: out of memory"]
    assert failures([], broken) == ["the cell failed: out of memory"]
    assert failures(broken, broken) == []
    assert failures(broken, [BASE], PSNR) == []


# --- reading ---------------------------------------------------------------------------------------------------------


def written(tmp_path, rows, name="leaderboard.csv"):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / name
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def test_a_csv_a_records_folder_and_a_results_folder_say_the_same(tmp_path):
    results = write_records(tmp_path, quick_records())
    by_folder = read_leaderboard(results)
    assert by_folder == read_leaderboard(results / "records")
    from_csv = read_leaderboard(written(tmp_path, by_folder))
    assert compare_rows(from_csv, by_folder, [PSNR, LATENCY]).having("changed") == []
    (only_csv := tmp_path / "published").mkdir()
    assert read_leaderboard(written(only_csv, by_folder).parent) == from_csv


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "is not a leaderboard: it lacks the columns architecture"),
        (",".join(RowId._fields).encode() + b"\n", "has a header and no rows"),
        (b"\xff\xfe\x00", "is no text"),
        (b'a,"b\n', "is not CSV"),
    ],
)
def test_a_file_that_is_no_leaderboard_is_refused_in_one_sentence(tmp_path, content, says):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_leaderboard(path)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_leaderboard(tmp_path / "no.csv")
    with pytest.raises(DataError, match=r"neither records nor a leaderboard\.csv"):
        read_leaderboard(tmp_path)


def test_a_row_that_stands_twice_is_refused_with_both_lines(tmp_path):
    with pytest.raises(DataError, match=r"espcn, photographs x2.* twice, in lines 2 and 4"):
        read_leaderboard(written(tmp_path, [BASE, QUICK[0], BASE]))


def test_a_cell_that_should_be_a_number_is_refused_with_its_line(tmp_path):
    with pytest.raises(DataError, match="line 2: psnr_y_db is '32,4', which is no number"):
        read_leaderboard(written(tmp_path, [one(psnr_y_db="32,4")]))


def test_a_row_of_another_length_is_refused(tmp_path):
    path = written(tmp_path, [BASE])
    path.write_text(path.read_text() + "espcn,1\n")
    with pytest.raises(DataError, match="line 3, has 2 cells"):
        read_leaderboard(path)


# --- telling ---------------------------------------------------------------------------------------------------------


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
