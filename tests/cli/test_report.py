"""``srbench report`` as a person types it."""

import shutil

import pytest

from helpers.records import quick_records, write_records
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
