"""Leaderboards are read from CSV files and folders of records."""

import csv
import io

import pytest

from helpers.leaderboards import BASE, LATENCY, PSNR, QUICK, one
from helpers.records import quick_records, write_records
from srbench.errors import DataError
from srbench.records import RowId
from srbench.report.comparing.comparison import compare_rows
from srbench.report.comparing.reading import read_leaderboard


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
        (b"\xff\xfe\x00", "is not text"),
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
    with pytest.raises(DataError, match="line 2: psnr_y_db is '32,4', which is not a number"):
        read_leaderboard(written(tmp_path, [one(psnr_y_db="32,4")]))


def test_a_row_of_another_length_is_refused(tmp_path):
    path = written(tmp_path, [BASE])
    path.write_text(path.read_text() + "espcn,1\n")
    with pytest.raises(DataError, match="line 3, has 2 cells"):
        read_leaderboard(path)
