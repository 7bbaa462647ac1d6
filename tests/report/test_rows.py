from __future__ import annotations

import pytest

from helpers.records import fail, make_record, write_records
from srbench.errors import UnknownNameError, UsageError
from srbench.report.rows import names_a_row, row_named, rows_named


@pytest.fixture
def results(tmp_path):
    records = [
        make_record("bicubic"),
        *(make_record("espcn", seed=seed, scale=scale) for seed in (0, 1) for scale in (2, 4)),
        make_record("espcn", distiller="logits", teacher="edsr_quick"),
        fail(make_record("fsrcnn"), "The loss became NaN."),
    ]
    return write_records(tmp_path / "a#b", records)


def test_a_row_is_named_by_its_method_or_the_first_digits_of_its_key(results):
    distilled = row_named(f"{results}#espcn, logits from edsr_quick")
    assert distilled.model.distiller == "logits"
    assert row_named(f"{results}#{distilled.key[:8]}") == distilled
    assert len(rows_named(f"{results}#espcn")) == 4


def test_what_distinguishes_several_rows_is_said_with_their_keys(results):
    with pytest.raises(UsageError) as refused:
        row_named(f"{results}#espcn")
    assert "means 4 rows, which differ in seed, scale." in str(refused.value)
    one = make_record("espcn", seed=1, scale=4)
    assert f"{one.key[:10]} (seed 1, scale 4)" in str(refused.value)
    assert "dataset" not in str(refused.value)


def test_rows_that_are_not_there_and_those_that_failed(results):
    with pytest.raises(UnknownNameError, match="Did you mean espcn"):
        rows_named(f"{results}#espcnn")
    with pytest.raises(UnknownNameError):
        rows_named(f"{results}#")
    with pytest.raises(UnknownNameError):
        rows_named(f"{results}#fsrcnn")
    assert row_named(f"{results}#fsrcnn", failed=True).reason == "The loss became NaN."


def test_files_of_families_are_no_rows(results):
    assert names_a_row(f"{results}#espcn")
    assert not names_a_row("spandrel:weights#1.pth")
    assert not names_a_row("edsr_small")
