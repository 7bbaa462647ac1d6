"""What rules make of two leaderboards."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.leaderboards import BASE, KNOWN, LATENCY, PSNR, QUICK, one, rows_of
from helpers.records import fail, make_record
from srbench.errors import SrbenchError, UsageError
from srbench.records.row import RowId
from srbench.report.comparing.comparison import compare_rows
from srbench.report.comparing.rows import identity_of, row_title
from srbench.report.comparing.rules import parse_rule
from srbench.report.comparing.verdicts import skipped


def failures(base, head, *rules):
    return [c.detail for c in compare_rows(base, head, rules).having("failed")]


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
    unknown = {name: text for name, text in BASE.items() if name != "machine"}
    for base, head in [(one(machine=""), one(machine="")), (BASE, one(machine="")), (unknown, BASE), (BASE, unknown)]:
        (change,) = compare_rows([base], [head], [rule]).having("skipped")
        assert change.detail == "a timing compares only on one machine, and one side does not name its machine"
    assert not compare_rows([BASE], [one(**{column: "9999"})], [rule]).passed


def test_scores_are_judged_across_machines():
    assert failures([BASE], [one(psnr_y_db="32", machine="ffff")], PSNR)


def test_a_score_that_another_kind_of_machine_gave_says_so():
    details = {"weights": [], "machine": [], "both": [], "given weights": []}
    for what, changes in {
        "weights": {"weights_sha256": "cd"},
        "machine": {"machine": "ffff", "weights_sha256": "ab"},
        "both": {"weights_sha256": "cd", "machine": "ffff"},
        "given weights": {"weights_sha256": "cd", "machine": "ffff", "seed": ""},
    }.items():
        base, head = (
            BASE | changes | {"weights_sha256": "ab", "machine": BASE["machine"]},
            one(psnr_y_db="32", **changes),
        )
        for rules in ((), (PSNR,)):
            found = compare_rows([base], [head], rules)
            details[what] += [change.detail for change in found.changes if change.column == "psnr_y_db"]
    broken = "breaks psnr_y_db < -0.02"
    measured, trained = (
        "measured on another kind of machine, or with other threads",
        "trained on another kind of machine, or with other threads",
    )
    assert details == {
        "weights": ["", broken],
        "machine": [measured, f"{broken}; {measured}"],
        "both": [trained, f"{broken}; {trained}"],
        "given weights": [measured, f"{broken}; {measured}"],
    }


def test_a_difference_below_the_printed_decimals_is_no_change():
    head = one(psnr_y_db="33.004", ssim_y=repr(float(BASE["ssim_y"]) + 4e-5))
    assert compare_rows([BASE | {"psnr_y_db": "33"}], [head], []).changes == ()
    (ruled,) = compare_rows([BASE | {"psnr_y_db": "33"}], [head], [PSNR]).changes
    assert ruled.verdict == "same"


def test_a_rule_for_some_rows_leaves_the_others_to_the_list_of_changes():
    head = [row | {"psnr_y_db": "20"} if row["status"] == "ok" else row for row in QUICK]
    comparison = compare_rows(QUICK, head, [parse_rule("psnr_y_db{architecture=espcn} < -0.05", KNOWN)])
    assert {change.row.split(",")[0] for change in comparison.having("failed")} == {"espcn"}
    assert {change.row.split(",")[0] for change in comparison.having("changed")} > {"fsrcnn", "bicubic"}
    with pytest.raises(UsageError, match=r"'psnr_y_db\{scale=3\} < -0\.05' is about no row of either side"):
        compare_rows(QUICK, QUICK, [parse_rule("psnr_y_db{scale=3} < -0.05", KNOWN)])


def test_a_row_that_vanished_fails_even_without_rules():
    assert failures(QUICK, QUICK[1:]) == ["the row vanished"]


def test_a_new_row_is_listed_and_accepted():
    comparison = compare_rows(QUICK[1:], QUICK, [PSNR])
    assert comparison.passed
    assert [c.detail for c in comparison.having("new")] == ["the row is new"]


@pytest.mark.parametrize("value", ["", "nan", "inf"])
def test_a_value_that_became_empty_under_a_rule_fails(value):
    head = one(psnr_y_db=value, reasons="psnr_y_db: The image was lost.; lpips: no trunk")
    assert failures([BASE], [head], PSNR) == ["became empty: The image was lost"]
    assert failures([BASE], [head]) == []
    assert failures([head], [head], PSNR) == []
    assert failures([head], [BASE], PSNR) == []


def test_a_column_that_head_no_longer_has_fails_under_a_rule():
    head = {k: v for k, v in BASE.items() if k != "psnr_y_db"}
    assert failures([BASE], [head], PSNR) == ["became empty"]


def test_scores_under_two_protocol_ids_are_not_compared():
    (why,) = failures([BASE], [one(psnr_y_protocol="psnr_y@other", psnr_y_db="99")], PSNR)
    assert why.startswith("the protocol changed, which makes them incomparable: psnr_y@classic-y")


@pytest.mark.parametrize("rules", [(), (PSNR,)], ids=["without a rule", "with one"])
@pytest.mark.parametrize(("base_id", "head_id"), [("psnr_y@one", ""), ("", "psnr_y@one"), ("psnr_y@one", "psnr_y@two")])
def test_scores_compare_only_if_both_state_the_same_protocol(base_id, head_id, rules):
    base, head = one(psnr_y_protocol=base_id), one(psnr_y_protocol=head_id)
    (why,) = failures([base], [head], *rules)
    shown = [name or "none stated" for name in (base_id, head_id)]
    assert why == f"the protocol changed, which makes them incomparable: {shown[0]} became {shown[1]}"
    without = [{k: v for k, v in row.items() if not k.endswith("_protocol")} for row in (base, head)]
    assert failures(without[:1], without[1:], *rules) == []


def test_scores_that_changed_without_a_rule_are_listed_with_both_values():
    base = one(psnr_y_db="33", ssim_y="", lpips="0.2", parameters="10")
    head = one(psnr_y_db="33.5", ssim_y="0.9", lpips="", parameters="10")
    comparison = compare_rows([base], [head], [])
    assert comparison.passed
    assert [(c.column, c.base, c.head, c.verdict, c.detail) for c in comparison.changes] == [
        ("lpips", 0.2, None, "changed", "became empty"),
        ("psnr_y_db", 33, 33.5, "changed", ""),
        ("ssim_y", None, 0.9, "changed", "was empty"),
    ]
    assert {c.identity for c in comparison.changes} == {identity_of(base)}


@pytest.mark.parametrize("text", ["ssim_y < -0.001", "ssim_y < -1%"])
def test_a_score_that_only_head_has_is_a_change_and_one_that_neither_has_is_not(text):
    without = {name: cell for name, cell in BASE.items() if name != "ssim_y"}
    for rules in ((), (parse_rule(text, KNOWN),)):
        (change,) = compare_rows([without], [one(ssim_y="0.9")], rules).having("changed")
        assert (change.column, change.base, change.head, change.detail) == ("ssim_y", None, 0.9, "was empty")
        assert [(c.verdict, c.detail) for c in compare_rows([without], [without], rules).changes] == [
            ("same", "")
        ] * len(rules)
    (lost,) = compare_rows([one(ssim_y="0.9")], [without], ()).changes
    assert (lost.column, lost.base, lost.head, lost.detail) == ("ssim_y", 0.9, None, "became empty")


def test_a_rule_lists_its_column_whether_it_changed_or_not():
    rules = [PSNR, parse_rule("parameters > 0", KNOWN)]
    comparison = compare_rows([one(psnr_y_db="33")], [one(psnr_y_db="33.5")], rules)
    assert [(c.column, c.base, c.head, c.verdict, c.detail, c.rule) for c in comparison.changes] == [
        ("psnr_y_db", 33, 33.5, "changed", "", rules[0]),
        ("parameters", 21284, 21284, "same", "", rules[1]),
    ]


def test_a_broken_rule_is_named():
    assert failures([one(psnr_y_db="33")], [one(psnr_y_db="32")], PSNR) == ["breaks psnr_y_db < -0.02"]


def test_the_order_of_rules_does_not_matter():
    rules = [parse_rule(text, KNOWN) for text in ("psnr_y_db < -0.02", "psnr_y_db != 0", "psnr_y_db < -1%")]
    base, head = one(psnr_y_db="33"), one(psnr_y_db="30")
    changes = compare_rows([base], [head], rules).changes
    assert len(changes) == 3
    for order in permutations(rules):
        assert compare_rows([base], [head], order).changes == changes


def test_a_finding_about_a_row_names_the_row():
    broken = rows_of([fail(make_record(psnr=33.0), "out of memory.")])
    findings = {
        "the row is new": ([], [BASE]),
        "the row vanished": ([BASE], []),
        "the cell failed: out of memory": ([BASE], broken),
        "the cell failed in base and in head: out of memory": (broken, broken),
        "the dataset was certified and became uncertified": (
            [one(certified="certified")],
            [one(certified="uncertified")],
        ),
    }
    for detail, (base, head) in findings.items():
        (change,) = compare_rows(base, head, []).changes
        assert (change.detail, change.column, change.base, change.head) == (detail, "", None, None)
        assert change.row.startswith("espcn, photographs x2, bicubic, quick, seed 0")


@pytest.mark.parametrize("status", ["", "skipped", "OK"])
def test_a_status_that_is_not_ok_is_a_failure(status):
    expected = f"the cell failed: its status is {status or 'missing'}, without a reason"
    assert failures([BASE], [one(status=status)]) == [expected]
    assert failures([one(status=status)], [one(status=status)]) == []


@pytest.mark.parametrize("became", ["uncertified", "no reference", ""])
def test_a_dataset_that_is_no_longer_certified_is_a_failure(became):
    expected = f"the dataset was certified and became {became or 'unknown'}"
    assert failures([one(certified="certified")], [one(certified=became)]) == [expected]
    assert failures([one(certified=became)], [one(certified="certified")]) == []
    assert failures([one(certified=became)], [one(certified=became)]) == []


def test_a_cell_that_failed_in_head_fails_unless_it_failed_before():
    broken = rows_of([fail(make_record(psnr=33.0), "out of memory.")])
    assert failures([BASE], broken) == ["the cell failed: out of memory"]
    assert failures([], broken) == ["the cell failed: out of memory"]
    assert failures(broken, broken) == []
    assert failures(broken, [BASE], PSNR) == []


def test_the_title_of_a_row_names_what_sets_it_apart_and_nothing_else():
    plain = dict.fromkeys(RowId._fields, "") | {
        "architecture": "espcn", "distiller": "none", "dataset": "set5", "scale": "2", "degradation": "bicubic",
        "train_degradation": "bicubic", "protocol": "classic-y", "inference": "whole",
    }  # fmt: skip
    assert row_title(tuple(plain.values())) == "espcn, set5 x2, bicubic, classic-y"
    full = plain | {
        "checkpoint": "div2k", "distiller": "logits", "teacher": "edsr_wide", "recipe": "quick", "seed": "0",
        "degradation": "isotropic", "inference": "tile=64", "realisation": "3",
    }  # fmt: skip
    assert row_title(tuple(full.values())) == (
        "espcn.div2k, logits from edsr_wide, set5 x2, isotropic, trained on bicubic, quick, seed 0, classic-y, "
        "tile=64, realisation 3"
    )
    for teacher in ("", "edsr_wide"):
        assert row_title(tuple((full | {"teacher": teacher, "distiller": ""}).values())).startswith(
            "espcn.div2k, set5 x2"
        )
    assert row_title(tuple((full | {"teacher": ""}).values())).startswith("espcn.div2k, logits, set5 x2")
