"""`srbench.compare` gives the verdicts of `srbench compare`, and shows them."""

import pytest

import srbench
from helpers.leaderboards import QUICK, written
from helpers.records import quick_records, write_records
from srbench.benchmarking.results import Results
from srbench.errors import UnknownNameError

RULE = "psnr_y_db < -0.02"
WORSE = [row | {"psnr_y_db": str(float(row["psnr_y_db"]) - 0.1)} if row["psnr_y_db"] else row for row in QUICK]


@pytest.fixture
def sides(tmp_path):
    return written(tmp_path, QUICK, "base.csv"), written(tmp_path, WORSE, "head.csv")


def test_a_broken_rule_fails_in_python_as_it_does_on_the_command_line(sides, typed, capsys):
    base, head = sides
    comparison = srbench.compare(base, head, RULE)
    assert not comparison.passed
    assert len(comparison.having("failed")) == sum(bool(row["psnr_y_db"]) for row in QUICK)
    assert typed("compare", base, head, "--fail-on", RULE) == 1
    printed = capsys.readouterr().out
    summary = printed.splitlines()[-1]
    assert "failures in" in summary
    assert repr(comparison).splitlines()[-1] == summary
    assert comparison._repr_markdown_().startswith(f"### ❌ srbench: {summary}")
    assert srbench.compare(base, head).passed
    assert srbench.compare(base, base, [RULE]).passed


def test_results_folders_files_and_results_in_memory_compare(tmp_path):
    folder = write_records(tmp_path / "results", quick_records())
    memory = Results(None, records=quick_records())
    found = srbench.compare(memory, str(folder), [RULE])
    assert (found.passed, found.rows) == (True, len(QUICK))
    assert "Example CPU" in repr(found)
    gone = srbench.compare(folder, Results(None, records=quick_records()[1:]))
    assert [change.detail for change in gone.having("failed")] == ["the row vanished"]


def test_a_rule_on_no_column_is_refused(sides):
    with pytest.raises(UnknownNameError, match="psnr_y_dB"):
        srbench.compare(*sides, "psnr_y_dB < 0")
