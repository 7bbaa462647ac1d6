"""Training against test degradations: what is in-domain, the gaps out of domain, and over what gains are counted."""

import csv
import zlib

import pytest

from helpers import ROOT
from helpers.records import fail, make_record, write_records
from srbench.report.build import build_report
from srbench.report.degradations.matrix import make_matrices
from srbench.report.degradations.page import COLUMNS, csv_rows, heat_map_name, render_page
from srbench.report.leaderboard.sections import make_sections

SETTINGS = {"gaussian8": "isotropic"}
SCORES = {
    # distiller, trained on: tested on bicubic, gaussian8, noisy
    ("none", "bicubic"): (28.0, 23.0, 21.0),
    ("none", "isotropic"): (27.5, 26.0, 20.0),
    ("none", "noisy"): (26.0, 24.0, 25.0),
    ("kdsr", "isotropic"): (27.6, 26.3, 20.5),
}
TESTS = ("bicubic", "gaussian8", "noisy")


def cell(distiller, trained_on, tested_on, psnr, seed=0, **changes):
    record = make_record("espcn", psnr=psnr, degradation=tested_on, distiller=distiller, seed=seed, **changes)
    facts = {"train_degradation": trained_on, "train_setting": trained_on}
    key = record.key[:-4] + f"{zlib.crc32(repr((distiller, trained_on, seed)).encode()) & 0xFFFF:04x}"
    return record.model_copy(
        update={
            "model": record.model.model_copy(update=facts),
            "degradation_setting": SETTINGS.get(tested_on, tested_on),
            "key": key,
        }
    )


def study():
    cells = [
        cell(distiller, trained_on, tested_on, psnr + 0.002 * seed, seed)
        for (distiller, trained_on), scores in SCORES.items()
        for tested_on, psnr in zip(TESTS, scores, strict=True)
        for seed in (0, 1)
    ]
    return cells + [make_record("bicubic", psnr=22.0, degradation=name) for name in TESTS]


@pytest.fixture(scope="module")
def matrix():
    (made,) = make_matrices(make_sections(study()))
    return made


def row_of(matrix, distiller, trained_on):
    facts = [(row.line.first.model.distiller, row.train_degradation) for row in matrix.rows]
    return matrix.rows[facts.index((distiller, trained_on))]


def test_the_matrix_has_a_row_for_each_training_and_a_column_for_each_test(matrix):
    assert [column.degradation for column in matrix.columns] == list(TESTS)
    assert len(matrix.rows) == len(SCORES) + 1
    for (distiller, trained_on), scores in SCORES.items():
        row = row_of(matrix, distiller, trained_on)
        assert [row.scores[column].mean for column in matrix.columns] == pytest.approx([s + 0.001 for s in scores])
        assert row.method == ("ESPCN" if distiller == "none" else "ESPCN, kdsr")


def test_a_degradation_is_in_domain_where_settings_agree_and_not_only_names(matrix):
    in_domain = {
        (row.train_degradation, column.degradation)
        for row in matrix.trained
        for column in matrix.columns
        if row.in_domain(column)
    }
    assert in_domain == {("bicubic", "bicubic"), ("isotropic", "gaussian8"), ("noisy", "noisy")}


@pytest.mark.parametrize(
    ("distiller", "trained_on", "gap", "to_specialist"),
    [
        ("none", "bicubic", 28.0 - (23.0 + 21.0) / 2, ((26.0 - 23.0) + (25.0 - 21.0)) / 2),
        ("none", "isotropic", 26.0 - (27.5 + 20.0) / 2, ((28.0 - 27.5) + (25.0 - 20.0)) / 2),
        ("none", "noisy", 25.0 - (26.0 + 24.0) / 2, ((28.0 - 26.0) + (26.0 - 24.0)) / 2),
        ("kdsr", "isotropic", 26.3 - (27.6 + 20.5) / 2, None),  # nothing else was trained by it
    ],
)
def test_robustness_is_as_the_document_defines_it(matrix, distiller, trained_on, gap, to_specialist):
    row = row_of(matrix, distiller, trained_on)
    assert row.out_of_domain_gap == pytest.approx(gap)
    assert row.gap_to_specialist == (None if to_specialist is None else pytest.approx(to_specialist))


def test_gains_are_over_the_same_method_trained_on_bicubic_or_over_plain_training_on_it(matrix):
    blurred = matrix.columns[1]
    plain, distilled, base = (
        row_of(matrix, *which) for which in (("none", "isotropic"), ("kdsr", "isotropic"), ("none", "bicubic"))
    )
    assert plain.over_plain[blurred].mean == pytest.approx(3.0)
    assert distilled.over_plain[blurred].mean == pytest.approx(3.3)
    assert plain.over_plain[blurred].verdict == "better"
    assert (plain.over_plain[blurred].seeds, plain.over_plain[blurred].images) == (2, 4)
    assert base.over_plain == {}


def test_equal_time_is_compared_with_plain_training_by_the_same_recipe():
    timed = [r for r in study() if r.model.distiller == "kdsr"]
    timed = [r.model_copy(update={"model": r.model.model_copy(update={"budget": "time"})}) for r in timed]
    (made,) = make_matrices(make_sections([r for r in study() if r.model.distiller != "kdsr"] + timed))
    assert row_of(made, "kdsr", "isotropic").over_plain[made.columns[1]].mean == pytest.approx(3.3)


def test_gaps_are_positive_also_for_metrics_where_lower_is_better():
    records = [r.model_copy(update={"headline": "lpips"}) for r in study()]
    (made,) = make_matrices(make_sections(records))
    assert row_of(made, "none", "bicubic").out_of_domain_gap > 0
    assert row_of(made, "none", "bicubic").gap_to_specialist > 0


def only_in_domain():
    return [r for r in study() if r.model.train_setting in (None, r.degradation_setting)]


def test_models_that_were_tested_only_in_domain_make_no_matrix():
    assert make_matrices(make_sections(only_in_domain())) == []


def test_the_document_marks_what_is_in_domain_and_what_is_best(matrix):
    text = render_page([matrix])
    lines = [line for line in text.splitlines() if line.startswith("| ESPCN")]
    first, gains = lines[: len(SCORES)], lines[len(SCORES) :]
    cells = [[part.strip() for part in line.strip("|").split("|")] for line in first]
    assert ["ESPCN", "bicubic ↓", "***28.00***", "23.00", "21.00", "+6.00", "+3.50"] in cells
    assert ["ESPCN, kdsr", "isotropic", "27.60", "***26.30***", "20.50", "+2.25", "—"] in cells
    assert len(gains) == len(SCORES) - 1
    assert any("**+3.00** [" in line for line in gains)


def test_failed_cells_and_missing_ones_leave_dashes():
    records = [fail(r, "NaN") if r.degradation == "noisy" and r.model.seed == 0 else r for r in study()]
    records = [r for r in records if not (r.degradation == "bicubic" and r.model.distiller == "kdsr")]
    (made,) = make_matrices(make_sections(records))
    row = row_of(made, "kdsr", "isotropic")
    assert row.out_of_domain_gap is None
    assert "| ESPCN, kdsr | isotropic" in render_page([made])


def test_the_csv_file_holds_the_matrix(matrix):
    rows = csv_rows([matrix])
    assert len(rows) == len(TESTS) * (len(SCORES) + 1)
    assert all(set(row) >= set(COLUMNS) for row in rows)
    (one,) = [r for r in rows if (r["train_degradation"], r["degradation"]) == ("noisy", "noisy")]
    assert (one["in_domain"], one["setting"], one["score"]) == ("true", "noisy", pytest.approx(25.001))
    assert one["gain_over_bicubic"] == pytest.approx(4.0)


def test_every_column_is_explained():
    text = (ROOT / "docs" / "results.md").read_text()
    part = text.partition("## `degradations.csv`")[2].partition("\n## ")[0]
    assert [line.split("`")[1] for line in part.splitlines() if line.startswith("| `")] == list(COLUMNS)


def test_the_report_writes_matrix_and_heat_map_and_takes_them_away_again(tmp_path, matrix):
    write_records(tmp_path, study())
    files = build_report(tmp_path)
    assert {f.name for f in files.degradations} == {"degradations.md", "degradations.csv", heat_map_name(matrix)}
    assert f"]({heat_map_name(matrix)})" in (tmp_path / "degradations.md").read_text()
    assert "[degradations.md](degradations.md)" in files.markdown.read_text()
    with (tmp_path / "degradations.csv").open(newline="") as file:
        assert next(csv.reader(file)) == list(COLUMNS)
    assert build_report(tmp_path).degradations == files.degradations
    for record in (files.packed, *(tmp_path / "records").glob("*.json")):
        record.unlink()
    write_records(tmp_path, only_in_domain())
    assert build_report(tmp_path).degradations == ()
    assert not any(file.exists() for file in files.degradations)
