"""Results as data frames, through the public function."""

import pytest

import srbench
from helpers import ROOT
from helpers.records import quick_records
from srbench.report.build import build_report
from srbench.report.leaderboard import columns

COMMITTED = sorted(ROOT.glob("results/**/leaderboard.csv"))


def test_there_are_committed_results():
    assert ROOT / "results" / "leaderboard.csv" in COMMITTED


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.parent.name)
def test_committed_results_are_read_with_the_documented_dtypes(file):
    frame = srbench.read_results(file)
    assert list(frame.columns[:20]) == columns.leaderboard_columns()[:20]
    for column in (*columns.NAMING, *columns.COSTS):
        assert frame[column.name].dtype.name == column.dtype
    assert all(frame[name].dtype == "float64" for name in columns.METRICS.values())
    assert frame["architecture"].notna().all()
    assert (frame["psnr_y_db"].dropna() > 10).all()
    assert len(frame) == len(file.read_text(encoding="utf-8").splitlines()) - 1


def test_the_best_of_the_quick_suite_beat_bicubic():
    frame = srbench.read_results(ROOT / "results" / "leaderboard.csv")
    best = frame[frame.status == "ok"].groupby(["scale", "degradation"])["psnr_y_db"].max()
    bicubic = frame[frame.architecture == "bicubic"].set_index(["scale", "degradation"])["psnr_y_db"]
    assert best.gt(bicubic).all()


def test_a_results_folder_and_its_csv_file_give_the_same_frame(results, no_figures):
    files = build_report(results)
    frame = srbench.read_results(str(results))
    assert frame.equals(srbench.read_results(files.csv))
    assert len(frame) == len(quick_records())


def test_empty_cells_are_missing_values(results):
    frame = srbench.read_results(results)
    failed = frame[frame.status == "failed"].iloc[0]
    assert failed[["psnr_y_db", "parameters", "certified"]].isna().all()
    assert failed.reasons == "cell: The loss became NaN at step 312; lower learning_rate."
    assert frame.loc[frame.architecture == "bicubic", "seed"].isna().all()
    assert frame.loc[frame.architecture == "espcn", "seed"].eq(0).all()
