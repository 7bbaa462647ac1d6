"""Rankings: the published table of NTIRE efficient SR 2026, worked examples of other tracks, records, and refusals."""

import csv
import math

import pytest

from helpers import ORACLES
from helpers.records import make_profile, make_record, make_score, write_records
from srbench.errors import DataError, UnknownNameError, UsageError
from srbench.judging.ranking import judge
from srbench.judging.tracks import TRACKS
from srbench.records.stored import Measured

PUBLISHED = ORACLES / "competitions" / "ntire_esr_2026_results.txt"
_SCORES = (PUBLISHED.parent / "ntire_esr_2026_expected.csv").read_text(encoding="utf-8")
EXPECTED = {row["model"]: row for row in csv.DictReader(_SCORES.splitlines())}
PERCEPTUAL = {"lpips": 0.2, "dists": 0.1, "clipiqa": 0.6, "maniqa": 0.5, "musiq": 65, "niqe": 4.5}
"""The organisers' worked example, whose score is 4."""


@pytest.fixture
def table(tmp_path):
    """Write rows of measurements as a table, and return its path."""

    def write(**rows):
        heads = ["model", *next(iter(rows.values()))]
        lines = [",".join(heads), *(",".join([name, *map(str, row.values())]) for name, row in rows.items())]
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def by_name(judgement):
    return {row.name: row for row in judgement.rows}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_published_row_of_2026_has_its_score_to_the_last_digit(name):
    row, expected = by_name(judge(PUBLISHED, "ntire-esr-2026", baseline="span"))[name], EXPECTED[name]
    assert f"{row.parts['S FLOPs']:.4f}" == expected["s_flops"]
    assert f"{row.parts['S params']:.4f}" == expected["s_params"]
    assert f"{row.parts['final']:.4f}" == expected["final"]
    assert f"{row.parts['S runtime']:.4g}" == f"{float(expected['s_runtime']):.4g}"
    assert str(row.rank) == (expected["rank"] if expected["rank"].isdigit() else "None")


def test_the_rows_without_a_rank_say_why():
    rows = by_name(judge(PUBLISHED, "ntire-esr-2026"))
    assert rows["00_SPAN"].reason == "the baseline"
    assert rows["009_RFDN_SPAN"].reason == "psnr_test 26.98 is below 26.99"
    assert "psnr_valid 26.8 is below 26.9" in rows["21_SAFMN"].reason


def test_flops_that_hide_an_operator_are_marked_and_can_be_replaced():
    rows = by_name(judge(PUBLISHED, "ntire-esr-2026"))
    marked = {name for name, row in rows.items() if row.notes}
    assert marked == {"22_SPANV2_ESR_C2", "05_SPANMamba_single_1_4T05", "12_DWMamba"}
    assert "about 9.11 G" in rows["22_SPANV2_ESR_C2"].notes[0]
    again = by_name(judge(PUBLISHED, "ntire-esr-2026", what_if=["22_SPANV2_ESR_C2:flops_g=9.11"]))["22_SPANV2_ESR_C2"]
    assert f"{again.parts['S FLOPs']:.4f} {again.parts['final']:.4f}" == "6.3822 4.3669"
    assert again.rank == 1
    assert again.notes == ("what if flops_g were 9.11 instead of 1.59",)


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_baseline_of_a_year_scores_e_squared(table, year):
    track = TRACKS[f"ntire-esr-{year}"]
    path = table(EFDN=dict(track.published.values), other=dict.fromkeys(track.published.values, 1))
    for name in (track.baseline, ",".join(f"{term}={value}" for term, value in track.published.values.items())):
        rows = by_name(judge(path, track.name, baseline=name))
        assert rows["EFDN"].parts["final"] == pytest.approx(math.e**2, rel=1e-12)


def test_the_published_baseline_of_2025_and_its_weights(table):
    path = table(fast={"runtime_ms": 16.69 / 2, "flops_g": 16.70, "params_m": 0.276})
    parts = by_name(judge(path, "ntire-esr-2025"))["fast"].parts
    assert parts["final"] == pytest.approx(0.7 * math.e + 0.3 * math.e**2, rel=1e-12)


def test_the_worked_examples_of_the_perceptual_and_the_mobile_track(table):
    path = table(net=PERCEPTUAL | {"runtime_ms": 1}, osediff=PERCEPTUAL | {"runtime_ms": 32})
    assert by_name(judge(path, "ntire-perceptual-2026"))["net"].parts["perceptual"] == pytest.approx(4)
    rows = by_name(judge(path, "mobile-real-world-2026"))
    assert rows["net"].parts["final"] == pytest.approx(32)
    assert rows["osediff"].parts["final"] == pytest.approx(16)


def test_both_tracks_rank_by_the_better_rank_and_then_by_the_mean(table):
    def row(psnr, lpips):
        return PERCEPTUAL | {"psnr_y": psnr, "lpips": lpips}

    path = table(sharp=row(30, 0.4), real=row(28, 0.1), second=row(29, 0.2), last=row(27, 0.5))
    found = judge(path, "ntire-sr-2025")
    assert [(own.name, own.rank) for own in found.rows] == [("sharp", 1), ("real", 1), ("second", 3), ("last", 4)]
    assert by_name(found)["second"].parts["mean rank"] == 2


def test_real_time_scores_compare_with_bicubic(table):
    path = table(
        bicubic={"psnr_rgb": 27, "runtime_ms": 1}, net={"psnr_rgb": 28, "runtime_ms": 4},
        worse={"psnr_rgb": 26.9, "runtime_ms": 1},
    )  # fmt: skip
    rows = by_name(judge(path, "ntire-rtsr-2023"))
    assert rows["net"].parts["final"] == pytest.approx(20)
    assert (rows["worse"].parts["final"], rows["worse"].rank) == (0, 2)


def test_pirm_ranks_each_region_for_itself(table):
    def row(rmse, niqe):
        return {"rmse": rmse, "niqe": niqe, "ma": 8.1}

    path = table(a=row(11, 5), b=row(11.5, 4), c=row(12.6, 3), d=row(17, 2))
    rows = by_name(judge(path, "pirm-2018"))
    assert [(rows[name].parts["region"], rows[name].rank) for name in "abc"] == [(1, 2), (1, 1), (3, 1)]
    assert rows["b"].parts["PI"] == pytest.approx((10 - 8.1 + 4) / 2)
    assert rows["d"].reason == "rmse 17 is above 16"


def test_what_lacks_a_term_has_no_rank_or_is_refused(table):
    path = table(net=PERCEPTUAL, other=PERCEPTUAL | {"niqe": ""})
    rows = by_name(judge(path, "ntire-perceptual-2025"))
    assert (rows["net"].rank, rows["other"].rank, rows["other"].reason) == (1, None, "lacks niqe")
    with pytest.raises(UsageError, match=r"^No row can be judged by pirm-2018; the first, net: lacks rmse, ma\.$"):
        judge(path, "pirm-2018")


def test_records_give_every_term_and_the_reason_of_one_that_is_missing(tmp_path):
    hidden = make_profile("fsrcnn", uncounted_operators=("my::op",))
    records = [
        make_record("espcn", scale=4), make_record("espcn", scale=4, seed=1),
        make_record("fsrcnn", scale=4, profile=hidden),
        make_record("edsr_quick", scale=4, profile=make_profile("edsr_quick", machine="another")),
        make_record("bicubic", scale=4, seed=None), make_record("espcn", scale=2),
    ]  # fmt: skip
    write_records(tmp_path, records)
    found = judge(tmp_path, "ntire-esr-2026", baseline="espcn")
    rows = by_name(found)
    assert rows["espcn"].measured == pytest.approx({"runtime_ms": 9.8, "flops_g": 4.55 * 0.284, "params_m": 0.021284})
    assert rows["fsrcnn"].rank == 1
    assert "my::op" in rows["fsrcnn"].notes[0]
    assert "its runtime_ms does not compare: measured with another" in rows["edsr_quick"].reason
    assert rows["bicubic"].reason == "lacks flops_g (bicubic interpolation has no operators that MACs count)"
    assert found.notes == ("Not checked where it was not measured: psnr_valid ≥ 26.9, psnr_test ≥ 26.99.",)
    with pytest.raises(UsageError, match=r"measured with another, .*, that of the others with an NVIDIA RTX A6000"):
        judge(tmp_path, "ntire-esr-2026")


def test_scores_of_two_protocols_do_not_compare(tmp_path):
    own = make_record("espcn", scale=4)
    scores = {f"pyiqa:{name}": make_score(f"pyiqa:{name}", [value]) for name, value in PERCEPTUAL.items()}
    records = [own.model_copy(update={"scores": scores}), make_record("fsrcnn", scale=4, scores=scores)]
    other = scores["pyiqa:niqe"].model_copy(update={"protocol": "pyiqa:niqe@rgb"})
    edsr = make_record("edsr_quick", scale=4, scores=scores | {"pyiqa:niqe": other})
    write_records(tmp_path, [*records, edsr])
    rows = by_name(judge(tmp_path, "ntire-perceptual-2026"))
    assert (rows["espcn"].rank, rows["fsrcnn"].rank) == (1, 1)
    assert rows["edsr_quick"].reason.startswith("its niqe does not compare")


def test_a_missing_metric_says_why(tmp_path):
    record = make_record("espcn", scale=4)
    empty = make_score("lpips", [0.1]).model_copy(update={"value": None, "reason": "no weights here"})
    write_records(tmp_path, [record.model_copy(update={"scores": record.scores | {"lpips": empty}})])
    with pytest.raises(UsageError, match=r"lacks lpips \(no weights here\), dists"):
        judge(tmp_path, "ntire-perceptual-2026")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"track": "ntire"}, UnknownNameError, "No track named 'ntire'"),
        ({"baseline": "nobody"}, UnknownNameError, "No row named 'nobody'"),
        ({"baseline": "runtime_ms=7.74"}, UsageError, "lacks flops_g, params_m"),
        ({"baseline": "runtime_ms=0,flops_g=1,params_m=1"}, UsageError, "has runtime_ms 0"),
        ({"what_if": ["00_SPAN"]}, UsageError, "write ROW:TERM=VALUE"),
        ({"what_if": ["00_SPAN:speed=3"]}, UnknownNameError, "No term named 'speed'"),
        ({"what_if": ["nobody:flops_g=3"]}, UnknownNameError, "No row named 'nobody'"),
        ({"what_if": ["00_SPAN:flops_g=nan"]}, UsageError, "at least 0"),
        ({"scale": 4}, UsageError, "is not a leaderboard"),
        ({"track": "ntire-perceptual-2025", "baseline": "span"}, UsageError, "compares with no baseline"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, error, said):
    with pytest.raises(error) as raised:
        judge(PUBLISHED, **{"track": "ntire-esr-2026"} | words)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("model,runtime_ms\n", "has no rows"),
        ("model,runtime_ms\na,fast\n", "line 2: runtime_ms is 'fast', which is not a number"),
        ("model,runtime_ms\na,1,2\n", "line 2, has 3 cells where the heads are 2"),
        ("model,runtime_ms\na,1\na,2\n", "has the row 'a' twice"),
        ("model,runtime ms,runtime_ms\na,1,2\n", "has the column 'runtime_ms' twice"),
        ("\x00", "has no rows"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError) as raised:
        judge(path, "ntire-esr-2026")
    assert said in str(raised.value)


def test_zero_time_has_no_score(table):
    path = table(net=PERCEPTUAL | {"runtime_ms": 0}, osediff=PERCEPTUAL | {"runtime_ms": 1})
    with pytest.raises(UsageError, match="has no value for net"):
        judge(path, "mobile-real-world-2026")


def test_an_absurd_cost_is_judged_last(table):
    terms = {"flops_g": 1, "params_m": 0.01}
    path = table(slow={"runtime_ms": 1e9} | terms, fast={"runtime_ms": 1} | terms)
    found = judge(path, "ntire-esr-2026", baseline="runtime_ms=1,flops_g=1,params_m=0.01")
    assert [row.name for row in found.rows] == ["fast", "slow"]
    assert found.rows[1].parts["final"] == math.inf


def test_a_reason_of_costs_is_that_of_the_record(tmp_path):
    profile = make_profile("espcn", latency_ms_p50=Measured(reason="turned off"))
    write_records(tmp_path, [make_record("espcn", scale=4, profile=profile), make_record("fsrcnn", scale=4)])
    with pytest.raises(UsageError, match=r"the first, espcn: lacks runtime_ms \(turned off\)\.$"):
        judge(tmp_path, "ntire-esr-2026", baseline="fsrcnn")
