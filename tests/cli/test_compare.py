"""`srbench compare` as a user types it."""

import subprocess
import sys

import pytest

from helpers.records import make_record, quick_records, write_records


def srbench(*arguments):
    return subprocess.run(
        [sys.executable, "-c", "from srbench.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture
def sides(tmp_path):
    base = write_records(tmp_path / "base", quick_records())
    worse = [make_record("espcn", psnr=32.5, created="2026-05-01T00:00:00Z")]
    return base, write_records(tmp_path / "head", quick_records() + worse)


def test_compare_exits_with_0_where_nothing_got_worse_and_1_where_something_did(sides, tmp_path):
    base, head = sides
    rule = ("--fail-on", "psnr_y_db < -0.02")
    assert srbench("compare", base, base, *rule).returncode == 0
    done = srbench("compare", base, head, *rule, "--markdown", tmp_path / "c.md", "--junit", tmp_path / "j.xml")
    assert done.returncode == 1
    assert "1 failure in 16 compared rows under 1 rule." in done.stdout
    assert (tmp_path / "c.md").read_text().startswith("### ❌")
    assert "<failure" in (tmp_path / "j.xml").read_text()


def test_compare_prints_the_comment_and_nothing_else_for_a_dash(sides):
    done = srbench("compare", *sides, "--fail-on", "psnr_y_db < -0.02", "--markdown", "-")
    assert done.stdout.startswith("### ❌ srbench")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{base}", "nowhere.csv"), "nowhere.csv does not exist"),
        (("{base}", "{base}", "--fail-on", "psnr < 1"), "No column named 'psnr'"),
        (("{base}", "{base}", "--fail-on", "psnr_y_db is bad"), "cannot be understood"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(sides, arguments, says):
    done = srbench("compare", *(a.format(base=sides[0]) for a in arguments))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
