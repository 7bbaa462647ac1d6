"""Leaderboards are read from CSV files and folders of records, as text."""

import re

import pytest

from helpers.leaderboards import BASE, LATENCY, PSNR, QUICK, one, written
from helpers.records import quick_records, write_records
from srbench.errors import DataError
from srbench.records.row import RowId
from srbench.report.comparing.comparison import compare_rows
from srbench.report.comparing.reading import read_leaderboard, read_side
from srbench.report.comparing.sides import Origin


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


@pytest.mark.parametrize(
    ("column", "text", "fault"),
    [
        ("realisation", "=", "not a number"),
        ("seed", "1.5", "not a whole number"),
        ("scale", "1e30", "not a scale"),
        ("seed", str(2**53), "not a whole number"),
        ("psnr_y_db", "\0", "not a number"),
    ],
)
def test_a_cell_that_does_not_fit_its_column_is_named(column, text, fault, tmp_path):
    rows = [row | ({column: text} if number == 1 else {}) for number, row in enumerate(QUICK[:3])]
    path = written(tmp_path, rows)
    with pytest.raises(DataError, match=f"line 3: {column} is .*, which is {fault}"):
        read_leaderboard(path)
