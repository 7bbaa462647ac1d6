"""``srbench report`` and ``srbench compare`` as a person types them."""

import shutil

import pytest

from helpers.records import make_record, quick_records, write_records
from helpers.sentences import sentence


@pytest.fixture
def results(tmp_path):
    """Records without profiles: no plot to draw."""
    return write_records(tmp_path / "results", [r.model_copy(update={"profile": None}) for r in quick_records()])


def test_everything_is_made_again_and_printed(srbench, results):
    answer = srbench("report", results)
    assert answer.status == 0
    assert "EDSR (wide)" in answer.out
    assert (results / "leaderboard.csv").is_file()
    before = (results / "leaderboard.md").read_bytes()
    (results / "leaderboard.md").write_text("edited by hand")
    assert srbench("report", results).status == 0
    assert (results / "leaderboard.md").read_bytes() == before


def test_a_folder_without_records_is_rebuilt_from_the_packed_file(srbench, results):
    srbench("report", results)
    before = (results / "leaderboard.md").read_bytes()
    shutil.rmtree(results / "records")
    (results / "leaderboard.md").unlink()
    answer = srbench("report", results)
    assert answer.status == 0
    assert "EDSR (wide)" in answer.out
    assert str(results / "records.jsonl.xz") in answer.out
    assert (results / "leaderboard.md").read_bytes() == before


def test_a_folder_without_any_record_is_one_sentence_and_exit_2(srbench, tmp_path):
    assert "run `srbench run` first" in sentence(srbench("report", tmp_path))


def test_a_damaged_packed_file_is_one_sentence_and_exit_2(srbench, results):
    (results / "records.jsonl.xz").write_bytes(b"<<<<<<< HEAD")
    assert "records.jsonl.xz is damaged" in sentence(srbench("report", results))


@pytest.fixture
def sides(tmp_path):
    base = write_records(tmp_path / "base", quick_records())
    worse = [make_record("espcn", psnr=32.5, created="2026-05-01T00:00:00Z")]
    return base, write_records(tmp_path / "head", quick_records() + worse)


def test_compare_exits_with_0_where_nothing_got_worse_and_1_where_something_did(srbench, sides, tmp_path):
    base, head = sides
    rule = ("--fail-on", "psnr_y_db < -0.02")
    assert srbench("compare", base, base, *rule).status == 0
    done = srbench("compare", base, head, *rule, "--markdown", tmp_path / "c.md", "--junit", tmp_path / "j.xml")
    assert done.status == 1
    assert "1 failure in 16 compared rows under 1 rule." in done.out
    assert (tmp_path / "c.md").read_text().startswith("### ❌")
    assert "<failure" in (tmp_path / "j.xml").read_text()


def test_compare_prints_the_comment_and_nothing_else_for_a_dash(srbench, sides):
    done = srbench("compare", *sides, "--fail-on", "psnr_y_db < -0.02", "--markdown", "-")
    assert done.out.startswith("### ❌ srbench")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{base}", "nowhere.csv"), "nowhere.csv does not exist"),
        (("{base}", "{base}", "--fail-on", "psnr < 1"), "No column named 'psnr'"),
        (("{base}", "{base}", "--fail-on", "psnr_y_db is bad"), "cannot be understood"),
    ],
)
def test_wrong_use_of_compare_is_one_sentence_and_exit_2(srbench, sides, arguments, says):
    done = srbench("compare", *(a.format(base=sides[0]) for a in arguments))
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.err
