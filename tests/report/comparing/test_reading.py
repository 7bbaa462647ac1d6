"""Leaderboards are read from CSV files and folders of records, as text and as data frames."""

import csv
import io
import re

import pytest

import srbench
from helpers import ROOT
from helpers.leaderboards import BASE, LATENCY, PSNR, QUICK, one
from helpers.records import quick_records, write_records
from srbench.errors import DataError
from srbench.records import RowId
from srbench.report.build import build_report
from srbench.report.comparing.comparison import compare_rows
from srbench.report.comparing.reading import read_leaderboard, read_results, read_side
from srbench.report.comparing.sides import Origin
from srbench.report.leaderboard import columns


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


def test_a_side_says_where_it_comes_from(tmp_path):
    records = quick_records()
    other = records[0].environment.model_copy(update={"git_commit": "4567def", "machine": "ffff"})
    results = write_records(tmp_path, [*records[1:], records[0].model_copy(update={"environment": other})])
    name = "2 × Example CPU, 8 GiB"
    assert read_side(results).origin == Origin(
        suite="quick", commit="0123abc, 4567def", torch="2.14.1", machine=f"{name} (a1b2c3d4), {name} (ffff)"
    )
    path = written(tmp_path, read_leaderboard(results))
    assert read_side(path).origin == Origin(commit="0123abc, 4567def", torch="2.14.1", machine="a1b2c3d4")
    rows = [{"git_commit": text} for text in ("a", "b", "", "e", "d", "c", "e")]
    assert Origin.of_rows(rows) == Origin(commit="e, a, b and 2 more")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"is empty; `srbench report` writes a leaderboard\.csv\.$"),
        (b"a,b\n1,2\n", "is not a leaderboard: it lacks the columns architecture"),
        (",".join(RowId._fields).encode() + b"\n", r"has a header and no rows; run a suite first\.$"),
        (
            ",".join((*RowId._fields, "lpips", "lpips", "a")).encode() + b"\n",
            r"has the column 'lpips' twice; remove one\.$",
        ),
        (",".join(RowId._fields[1:]).encode() + b"\n", r"it lacks the column architecture; give a"),
        (",".join(RowId._fields[2:]).encode() + b"\n", r"it lacks the columns architecture, checkpoint; give a"),
        (b"\xff\xfe\x00", "is not text"),
        (b'a,"b\n', "is not CSV"),
    ],
)
def test_a_file_that_is_no_leaderboard_is_refused_in_one_sentence(tmp_path, content, says):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_leaderboard(path)


def test_a_refusal_starts_with_the_file_and_says_what_to_do(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n")
    says = (
        f"{path} is not a leaderboard: it lacks the columns {', '.join(RowId._fields)}; give a leaderboard.csv that "
        "`srbench report` wrote."
    )
    with pytest.raises(DataError, match=f"^{re.escape(says)}$"):
        read_leaderboard(path)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_leaderboard(tmp_path / "no.csv")
    with pytest.raises(DataError, match=r"neither records nor a leaderboard\.csv"):
        read_leaderboard(tmp_path)


def test_a_row_that_occurs_twice_is_refused_with_both_lines(tmp_path):
    with pytest.raises(DataError, match=r"espcn, photographs x2.* twice, in lines 2 and 4"):
        read_leaderboard(written(tmp_path, [BASE, QUICK[0], BASE]))


def test_a_cell_that_should_be_a_number_is_refused_with_its_line(tmp_path):
    with pytest.raises(DataError, match="line 2: psnr_y_db is '32,4', which is not a number"):
        read_leaderboard(written(tmp_path, [one(psnr_y_db="32,4")]))


def test_a_row_of_another_length_is_refused(tmp_path):
    path = written(tmp_path, [BASE])
    path.write_text(path.read_text() + "espcn,1\n")
    with pytest.raises(DataError, match="line 3, has 2 cells"):
        read_leaderboard(path)


COMMITTED = sorted(ROOT.glob("results/**/leaderboard.csv"))


def test_there_are_committed_results():
    assert ROOT / "results" / "leaderboard.csv" in COMMITTED


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.parent.name)
def test_committed_results_are_read_with_the_documented_dtypes(file):
    frame = srbench.read_results(file)
    assert list(frame.columns[:15]) == columns.leaderboard_columns()[:15]
    for column in (c for c in (*columns.NAMING, *columns.COSTS) if c.name in frame):
        assert frame[column.name].dtype.name == column.dtype
    scores = [name for name in (*columns.METRICS.values(), "top1_percent") if name in frame]
    assert scores
    assert all(frame[name].dtype == "float64" for name in scores)
    assert frame["architecture"].notna().all()
    for name, least, most in (("psnr_y_db", 10, 100), ("top1_percent", 0, 100)):
        assert name not in frame or frame[name].dropna().between(least, most).all()
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


@pytest.mark.parametrize(
    ("column", "text", "fault"),
    [
        ("realisation", "=", "not a number"),
        ("seed", "1.5", "not a whole number"),
        ("scale", "1e30", "not a whole number"),
        ("seed", str(2**53), "not a whole number"),
        ("psnr_y_db", "\0", "not a number"),
    ],
)
def test_a_cell_that_does_not_fit_its_column_is_named(column, text, fault, tmp_path):
    rows = [row | ({column: text} if number == 1 else {}) for number, row in enumerate(QUICK[:3])]
    path = written(tmp_path, rows)
    with pytest.raises(DataError, match=f"line 3: {column} is .*, which is {fault}"):
        read_results(path)


def test_the_largest_seed_that_a_float_holds_is_read(tmp_path):
    path = written(tmp_path, [row | {"seed": str(2**53 - 1)} for row in QUICK[:1]])
    assert read_results(path)["seed"].tolist() == [2**53 - 1]


def test_counts_that_a_spreadsheet_wrote_as_decimals_are_read(tmp_path):
    rows = [row | {"seed": "0.0"} for row in QUICK[:1]]
    path = written(tmp_path, rows)
    assert read_results(path)["seed"].tolist() == [0]
