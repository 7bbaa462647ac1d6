"""Results are data frames with the numbers of the files of a report, and show themselves as its tables."""

import csv
import html.parser

import pandas as pd
import pytest

import srbench
from helpers import ROOT
from helpers.leaderboards import QUICK, written
from helpers.records import quick_records, write_records
from srbench.benchmarking.results import Results
from srbench.errors import DataError
from srbench.report.build import build_report
from srbench.report.leaderboard import columns


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Records like those of the quick suite, whose reports have no pictures: faster."""
    monkeypatch.setattr("srbench.report.writing.draw_pictures", lambda *_: (set(), []))
    return write_records(tmp_path / "results", quick_records())


def rows_of(file):
    with file.open(encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def as_text(value):
    """What the CSV module reads of a value of a frame."""
    return (
        ""
        if value is None or value is pd.NA or value != value
        else f"{value:.12g}"
        if isinstance(value, float)
        else str(value)
    )


COMMITTED = sorted(ROOT.glob("results/**/leaderboard.csv"))


def test_there_are_committed_results():
    assert ROOT / "results" / "leaderboard.csv" in COMMITTED


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.parent.name)
def test_committed_results_are_read_with_the_documented_dtypes(file):
    frame = srbench.read_results(file).cells
    assert list(frame.columns[:15]) == columns.leaderboard_columns()[:15]
    for column in (c for c in (*columns.NAMING, *columns.COSTS) if c.name in frame):
        real_scales = column.name == "scale" and (frame["scale"] % 1).any()
        assert frame[column.name].dtype.name == ("float64" if real_scales else column.dtype)
    scores = [name for name in (*columns.METRICS.values(), "top1_percent") if name in frame]
    assert scores
    assert all(frame[name].dtype == "float64" for name in scores)
    assert frame["architecture"].notna().all()
    for name, least, most in (("psnr_y_db", 10, 100), ("top1_percent", 0, 100)):
        assert name not in frame or frame[name].dropna().between(least, most).all()
    assert len(frame) == len(file.read_text(encoding="utf-8").splitlines()) - 1


def test_the_best_of_the_quick_suite_beat_bicubic():
    frame = srbench.read_results(ROOT / "results" / "leaderboard.csv").cells
    best = frame[frame.status == "ok"].groupby(["scale", "degradation"])["psnr_y_db"].max()
    bicubic = frame[frame.architecture == "bicubic"].set_index(["scale", "degradation"])["psnr_y_db"]
    assert best.gt(bicubic).all()


def test_a_results_folder_and_its_csv_file_give_the_same_frame(results):
    files = build_report(results)
    frame = srbench.read_results(str(results)).cells
    assert frame.equals(srbench.read_results(files.csv).cells)
    assert len(frame) == len(quick_records())


def test_empty_cells_are_missing_values(results):
    frame = srbench.read_results(results).cells
    failed = frame[frame.status == "failed"].iloc[0]
    assert failed[["psnr_y_db", "parameters", "certified"]].isna().all()
    assert failed.reasons == "cell: The loss became NaN at step 312; lower learning_rate."
    assert frame.loc[frame.architecture == "bicubic", "seed"].isna().all()
    assert frame.loc[frame.architecture == "espcn", "seed"].eq(0).all()


def test_the_largest_seed_that_a_float_holds_is_read(tmp_path):
    path = written(tmp_path, [row | {"seed": str(2**53 - 1)} for row in QUICK[:1]])
    assert srbench.read_results(path).cells["seed"].tolist() == [2**53 - 1]


def test_counts_that_a_spreadsheet_wrote_as_decimals_are_read(tmp_path):
    rows = [row | {"seed": "0.0"} for row in QUICK[:1]]
    path = written(tmp_path, rows)
    assert srbench.read_results(path).cells["seed"].tolist() == [0]


def test_the_frame_of_images_has_the_rows_and_numbers_of_its_csv_file(results):
    rows = rows_of(build_report(results).per_image)
    frame = srbench.read_results(results).images
    assert [
        {name: as_text(value) for name, value in row.items() if name != "reasons"} for row in frame.to_dict("records")
    ] == rows
    assert frame["image"].dtype == "string"
    assert frame["seed"].dtype == "Int64"
    assert frame["psnr_y_db"].dtype == "float64"
    assert frame.groupby("key")["psnr_y_db"].mean().notna().all()


def test_a_missing_score_of_an_image_has_a_reason(results):
    frame = srbench.read_results(results).images
    assert frame[frame.lpips.isna()].reasons.unique().tolist() == [
        "lpips: the AlexNet trunk is not here; `srbench fetch lpips` brings it"
    ]
    assert frame[frame.lpips.notna()].reasons.isna().all()


def test_the_frame_of_gains_has_the_rows_and_numbers_of_its_csv_file(results):
    file = results / "distillation.csv"
    build_report(results)
    frame = srbench.read_results(results).gains
    assert [{name: as_text(value) for name, value in row.items()} for row in frame.to_dict("records")] == rows_of(file)
    logits = frame[(frame.distiller == "logits") & (frame.metric == "psnr_y_db")].iloc[0]
    assert logits.gain_over_none_low < logits.gain_over_none < logits.gain_over_none_high
    assert frame["rank"].dtype == frame["gain_over_none_images"].dtype == "Int64"
    assert frame["gain_over_none_verdict"].dtype == "string"


def test_results_without_two_trainings_of_a_student_have_an_empty_frame_of_gains(tmp_path):
    frame = Results(None, records=quick_records()[:3]).gains
    assert (len(frame), "gain_over_none" in frame) == (0, True)


def test_results_in_memory_give_the_frames_of_a_folder_with_them(results):
    folder, memory = srbench.read_results(results), Results(None, records=quick_records())
    for name in ("cells", "images", "gains"):
        assert getattr(memory, name).equals(getattr(folder, name))
    with pytest.raises(DataError, match="These results were not written to a folder"):
        memory.report()


def test_a_csv_file_has_its_cells_alone(tmp_path):
    table = srbench.read_results(written(tmp_path, QUICK))
    assert len(table.cells) == len(QUICK)
    for name in ("images", "gains", "records"):
        with pytest.raises(DataError, match=r"leaderboard\.csv is a table without records"):
            getattr(table, name)
    assert "psnr_y_db" in repr(table)
    assert "<table" in table._repr_html_()
    folder = srbench.read_results(tmp_path)
    with pytest.raises(DataError, match="has no records, only tables"):
        _ = folder.records


class Tables(html.parser.HTMLParser):
    """The cells of the rows of the tables of a page."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open = [], ""
        self.feed(text)

    def handle_starttag(self, tag, _attrs):
        self.open = tag
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.open in ("td", "th"):
            self.rows[-1][-1] += data


def test_results_show_themselves_as_the_tables_of_the_leaderboard(results):
    made = srbench.read_results(results)
    text = repr(made)
    assert "Photographs x2 · bicubic ↓ · classic-y · certified" in text
    assert "EDSR (small)" in text
    rows = Tables(made._repr_html_()).rows
    best = next(row for row in rows if row[1] == "EDSR (wide)")
    assert best[4] == "33.98"
    assert rows[0][:5] == ["#", "method", "params K", rows[0][3], "PSNR-Y"]


def test_text_of_records_is_no_html(tmp_path):
    record = quick_records()[0]
    evil = record.model_copy(update={"model": record.model.model_copy(update={"label": "<script>x</script>"})})
    shown = Results(None, records=[evil])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
