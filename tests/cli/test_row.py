"""``srbench show RESULTS#ROW``."""

from __future__ import annotations

import pytest

from helpers.records import fail, make_record, write_records


@pytest.fixture
def results(srbench):
    records = [make_record("espcn", reported=33.0), make_record("espcn", seed=1), fail(make_record("fsrcnn"), "NaN.")]
    return write_records(srbench.folder / "results", records)


def test_a_row_is_shown_whole_in_80_columns(srbench, monkeypatch, results):
    monkeypatch.setenv("COLUMNS", "80")
    record = make_record("espcn", reported=33.0)
    out = srbench("show", f"results#{record.key[:10]}").out
    assert max(map(len, out.splitlines())) <= 80
    for fact in (f"{record.scores['psnr_y'].value:.2f}", "33.0 (paper, table 2)", "astronaut", "recipe: quick",
                 record.scores["psnr_y"].protocol, record.model.weights_sha256, "git_commit: 0123abc",
                 "latency_ms_p50: 9.8"):  # fmt: skip
        assert fact in out
    assert "reconstruction" not in out
    assert "reconstruction: no" in srbench("show", f"results#{record.key[:10]}", "--long").out


def test_one_of_several_rows_is_asked_for_and_a_failed_one_says_why(srbench, results):
    answer = srbench("show", "results#espcn")
    assert answer.status == 2
    assert "means 2 rows, which differ in seed." in answer.err
    assert "failed: NaN." in srbench("show", "results#fsrcnn").out
    assert "There is no results folder nowhere" in srbench("show", "nowhere#espcn").err
