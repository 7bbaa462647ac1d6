"""Records are read from a results folder."""

import pytest

from helpers.records import make_record, write_records
from srbench.errors import DataError
from srbench.report.reading import read_records


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
