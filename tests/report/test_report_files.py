"""The files of a report: columns, golden Markdown, damage, staleness."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from helpers.records import fail, make_record, make_score, quick_records, write_records
from srbench.errors import DataError
from srbench.report.build import build_report
from srbench.report.leaderboard import columns
from srbench.report.leaderboard.page import render_markdown
from srbench.report.leaderboard.tables import make_sections
from srbench.report.markdown import signed
from srbench.report.reading import read_records
from srbench.report.terminal import print_leaderboard

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr("srbench.report.build.draw_pictures", lambda _: (set(), []))


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- leaderboard.csv -------------------------------------------------------------------------------------------------


def test_the_columns_of_the_leaderboard_are_those_of_the_documentation_in_their_order():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split("## `leaderboard.csv`")[1]
    tables = re.findall(
        r"\| Column \| Meaning \|\n\| --- \| --- \|\n((?:\|.*\n)+)", text.split("## `per_image.csv`")[0]
    )
    naming, scores, endings, costs, last = (re.findall(r"^\| `([^`]+)` \| (.+) \|$", t, re.MULTILINE) for t in tables)
    metrics = [name for name, _ in scores]
    header = [name for name, _ in naming] + metrics
    header += [ending.replace("*", metric) for metric in metrics for ending, _ in endings]
    header += [name for name, _ in costs]
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
    reasons = columns.empty_cells(bare)
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


# --- leaderboard.md --------------------------------------------------------------------------------------------------


def test_the_markdown_is_the_golden_one(tmp_path):
    """After a wanted change, write ``text`` to the golden file and read the difference."""
    records = read_records(write_records(tmp_path, quick_records()))
    figures = [Path(n) for n in ("psnr_vs_macs_x2.png", "psnr_vs_latency_x4.png", "crops_x2_bicubic.png")]
    text = render_markdown(records, make_sections(records.records), figures)
    assert text == (HERE / "golden_leaderboard.md").read_text(encoding="utf-8")


def markdown_of(tmp_path, records):
    found = read_records(write_records(tmp_path, records))
    return render_markdown(found, make_sections(found.records))


def test_best_is_bold_second_underlined_and_bicubic_always_shown(tmp_path):
    text = markdown_of(tmp_path, quick_records())
    assert "**33.98**" in text
    assert "<u>33.61</u>" in text
    assert text.count("reference |") == 3


def test_equal_scores_as_printed_are_both_bold(tmp_path):
    text = markdown_of(tmp_path, [make_record("espcn", psnr=33.001), make_record("fsrcnn", psnr=33.002)])
    assert text.count("33.00") >= 2
    assert "**33.00**" not in text  # nothing to win against
    text = markdown_of(
        tmp_path, [make_record("espcn", psnr=33.001), make_record("fsrcnn", psnr=33.002), make_record("bicubic")]
    )
    assert text.count("**33.00**") == 2


def test_two_datasets_get_an_overview_like_those_of_papers(tmp_path):
    records = [make_record(a, dataset=d) for a in ("bicubic", "espcn") for d in ("set5", "set14")]
    text = markdown_of(tmp_path, records)
    assert "Set14<br>PSNR-Y / SSIM-Y" in text
    assert text.count("### Set") == 2


def test_footnotes_are_numbered_once_and_all_defined(tmp_path):
    text = markdown_of(tmp_path, quick_records())
    used = set(re.findall(r"\[\^(\d+)\](?!:)", text))
    defined = re.findall(r"^\[\^(\d+)\]: .+", text, re.MULTILINE)
    assert used == set(defined)
    assert len(defined) == len(set(defined)) == 3


def test_an_uncertified_dataset_says_so_beside_its_name(tmp_path):
    record = make_record()
    status = record.certification.model_copy(update={"status": "uncertified", "detail": "0.4 dB below Set5's row."})
    text = markdown_of(tmp_path, [record.model_copy(update={"certification": status})])
    assert "### Photographs x2 — **uncertified ✗**" in text
    assert "0.4 dB below Set5's row." in text


def test_a_table_without_bicubic_says_why_gains_are_empty(tmp_path):
    assert "Bicubic interpolation was not measured under this protocol id." in markdown_of(tmp_path, [make_record()])


def test_a_section_where_all_failed_still_tells_why(tmp_path):
    assert "FSRCNN: no memory" in markdown_of(tmp_path, [fail(make_record("fsrcnn"), "no memory")])


def test_timings_of_two_machines_are_marked_as_incomparable(tmp_path):
    text = markdown_of(tmp_path, [make_record("espcn"), make_record("fsrcnn", machine="ffff0000")])
    assert "machine ffff0000. Other timings in this table do not compare with it." in text


def test_a_rounded_zero_has_no_sign():
    assert [signed(v, 2) for v in (0.001, -0.001, -0.12, 0.5)] == ["0.00", "0.00", "−0.12", "+0.50"]


# --- the folder ------------------------------------------------------------------------------------------------------


def test_a_damaged_record_is_named_and_skipped(results, no_figures):
    (results / "records" / "bad.json").write_text('{"version": 1, "key":')
    (results / "records" / "foreign.json").write_text(json.dumps({"hello": 1}))
    files = build_report(results)
    assert len(files.warnings) == 2
    assert files.warnings[0].startswith("bad.json is no record that this srbench can read")
    assert "foreign.json" in files.markdown.read_text()
    assert len(read_csv(files.csv)) == len(quick_records())


def test_the_newer_of_two_records_of_one_row_counts(tmp_path):
    old = make_record(psnr=30.0, created="2026-01-01T00:00:00Z")
    new = make_record(psnr=31.0, created="2026-02-01T00:00:00Z")
    found = read_records(write_records(tmp_path, [new, old]))
    assert [r.created for r in found.records] == ["2026-02-01T00:00:00Z"]


def test_a_folder_without_records_is_answered_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match="run `srbench run` first"):
        read_records(tmp_path)
    with pytest.raises(DataError, match="There is no results folder"):
        read_records(tmp_path / "absent")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(DataError, match=r"None of the 1 records .* x\.json"):
        read_records(tmp_path)


def test_nothing_is_made_again_until_a_record_changes_or_a_file_is_gone(results, no_figures):
    assert build_report(results).rebuilt
    assert not build_report(results).rebuilt
    assert build_report(results, force=True).rebuilt
    (results / "leaderboard.md").unlink()
    assert build_report(results).rebuilt
    write_records(results, [make_record("espcn", psnr=31.0, created="2026-03-01T00:00:00Z")])
    assert build_report(results).rebuilt
    assert "31.00" in (results / "leaderboard.md").read_text()


def test_the_whole_report_is_rebuilt_from_records_alone_to_the_same_bytes(results, no_figures):
    first = {p.name: p.read_bytes() for p in build_report(results).paths}
    for name in first:
        (results / name).unlink()
    assert {p.name: p.read_bytes() for p in build_report(results).paths} == first


# --- the terminal ----------------------------------------------------------------------------------------------------


def printed(results, width=120):
    text = io.StringIO()
    print_leaderboard(Console(file=text, width=width), results)
    return text.getvalue()


def test_the_terminal_shows_tables_and_the_paths_of_all_files(results, no_figures):
    text = printed(results)
    assert "Photographs x2 · bicubic ↓ · classic-y · certified" in text
    assert re.search(r"EDSR \(wide\) +151\.2 +34\.60 +33\.98 +\+1\.58", text)
    assert "failed" in text
    for path in build_report(results).paths:
        assert str(path) in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_terminal_shows_the_score_at_any_width(results, no_figures, width):
    assert "33.98" in printed(results, width)


def test_printing_a_finished_leaderboard_needs_neither_torch_pandas_nor_matplotlib(results, no_figures):
    import subprocess
    import sys

    build_report(results)
    code = (
        "import sys; from pathlib import Path; from rich.console import Console;"
        "from srbench.report.terminal import print_leaderboard; print_leaderboard(Console(), Path(sys.argv[1]));"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy.stats'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(results)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
