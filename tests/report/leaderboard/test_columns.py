"""The columns of leaderboard.csv and per_image.csv, and what is in them."""

import csv
import re

import pytest

from helpers import ROOT
from helpers.records import make_record, make_score, quick_records
from srbench.report.build import build_report
from srbench.report.leaderboard import columns
from srbench.report.leaderboard.columns import SAMPLE_SD, empty_cells
from srbench.report.leaderboard.costs import absent_costs


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_columns_of_the_leaderboard_are_those_of_the_documentation_in_their_order():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split("## `leaderboard.csv`")[1]
    tables = re.findall(
        r"\| Column \| Meaning \|\n\| --- \| --- \|\n((?:\|.*\n)+)", text.split("## `per_image.csv`")[0]
    )
    naming, scores, endings, costs, last = (re.findall(r"^\| `([^`]+)` \| (.+) \|$", t, re.MULTILINE) for t in tables)
    metrics = [name for name, _ in scores]
    header = [name for name, _ in naming] + metrics
    header += [ending.replace("*", metric) for metric in metrics for ending, _ in endings if ending[1:] != SAMPLE_SD]
    header += [name for name, _ in costs if name not in absent_costs([])]
    header += [last[0][0].replace("*", metric) for metric in columns.METRICS] + [last[1][0]]
    assert header == columns.leaderboard_columns()
    assert naming == [(c.name, c.about) for c in columns.NAMING]
    assert costs == [(c.name, c.about) for c in columns.COSTS]
    assert endings == [(f"*{ending}", about) for ending, (about, _) in columns.PER_METRIC.items()]


def test_the_leaderboard_starts_with_these_columns():
    assert columns.leaderboard_columns()[:20] == [
        "architecture", "checkpoint", "label", "distiller", "teacher", "recipe", "seed", "dataset", "scale",
        "degradation", "train_degradation", "protocol", "inference", "realisation", "status", "psnr_y_db", "ssim_y",
        "psnr_rgb_db", "ssim_rgb", "lpips",
    ]  # fmt: skip


def test_every_record_is_a_row_with_its_numbers(results, no_figures):
    rows = read_csv(build_report(results).csv)
    assert len(rows) == len(quick_records())
    espcn = next(r for r in rows if (r["architecture"], r["scale"], r["degradation"]) == ("espcn", "2", "bicubic"))
    assert float(espcn["psnr_y_db"]) == pytest.approx(32.88)
    assert espcn["psnr_y_protocol"] == "psnr_y@classic-y:sr=u8,y=bt601,shave=2,lr=bicubic-u8,whole"
    assert (espcn["psnr_y_db_reported"], espcn["psnr_y_db_reported_source"]) == ("33", "paper, table 2")
    assert float(espcn["psnr_y_db_delta"]) == pytest.approx(-0.12)
    assert (espcn["parameters"], espcn["macs_720p_g"], espcn["machine"]) == ("21284", "4.55", "a1b2c3d4")
    assert espcn["reasons"] == ""


def test_an_empty_cell_has_its_reason_and_a_failed_cell_its_cause(results, no_figures):
    rows = read_csv(build_report(results).csv)
    fsrcnn = next(r for r in rows if r["architecture"] == "fsrcnn" and r["scale"] == "2")
    assert fsrcnn["lpips"] == ""
    assert fsrcnn["reasons"] == "lpips: the AlexNet trunk is not here; `srbench fetch lpips` brings it"
    failed = next(r for r in rows if r["status"] == "failed")
    assert failed["reasons"] == "cell: The loss became NaN at step 312; lower learning_rate."
    assert all(failed[name] == "" for name in (*columns.METRICS.values(), "parameters", "latency_ms_p50"))


def test_a_metric_that_the_suite_did_not_ask_for_and_a_missing_profile_have_reasons():
    record = make_record()
    bare = record.model_copy(update={"profile": None, "scores": {"psnr_y": record.scores["psnr_y"]}})
    reasons = empty_cells(bare)
    assert reasons["lpips"] == "not among the suite's metrics"
    assert reasons["costs"] == "not profiled"


def test_further_metrics_follow_in_alphabetical_order():
    record = make_record()
    more = {name: make_score(name, [4.2, 4.4]) for name in ("pyiqa:niqe", "lpips_vgg")}
    found = columns.metric_columns([record.model_copy(update={"scores": record.scores | more})])
    assert list(found) == [*columns.METRICS, "lpips_vgg", "pyiqa:niqe"]
    header = columns.leaderboard_columns(found)
    assert header.index("lpips_vgg") == header.index("lpips") + 1
    assert "pyiqa:niqe_protocol" in header


def test_rows_are_ordered_best_first_within_a_table(results, no_figures):
    rows = [r for r in read_csv(build_report(results).csv) if r["scale"] == "4"]
    assert [r["architecture"] for r in rows] == ["edsr_quick", "espcn", "bicubic", "fsrcnn"]


def test_per_image_scores_are_kept_and_give_the_mean(results, no_figures):
    files = build_report(results)
    images, rows = read_csv(files.per_image), read_csv(files.csv)
    assert list(images[0]) == columns.image_columns()
    for row in (r for r in rows if r["status"] == "ok"):
        own = [float(i["psnr_y_db"]) for i in images if i["key"] == row["key"]]
        assert len(own) == 4
        assert sum(own) / 4 == pytest.approx(float(row["psnr_y_db"]))
