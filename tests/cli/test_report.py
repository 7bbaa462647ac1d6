"""``srbench report`` as a person types it."""

import csv
import shutil

import pytest

from helpers.records import quick_records, write_records
from helpers.sentences import sentence


@pytest.fixture
def results(tmp_path):
    """Records without profiles: no plot to draw."""
    return write_records(tmp_path / "results", [r.model_copy(update={"profile": None}) for r in quick_records()])


@pytest.fixture
def with_costs(tmp_path):
    return write_records(tmp_path / "costly", quick_records())


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


def test_rows_that_fit_conditions_are_printed_and_no_file_is_touched(srbench, with_costs):
    answer = srbench("report", with_costs, "--scale", "2", "--degradation", "bicubic", "--rows", "latency_ms_p50 < 25")
    assert answer.status == 0
    assert [name in answer.out for name in ("ESPCN", "FSRCNN", "Bicubic", "EDSR", "x4")] == [True] * 3 + [False] * 2
    assert [file.name for file in with_costs.iterdir()] == ["records"]


def test_rows_and_metrics_are_written_into_another_folder_in_the_wanted_formats(srbench, with_costs, tmp_path):
    answer = srbench(
        "report", with_costs, "--only", "espcn", "--metrics", "lpips,ssim_y", "--format", "csv,latex", "--figures",
        "none", "--to", tmp_path / "paper",
    )  # fmt: skip
    assert answer.status == 0
    names = sorted(file.name for file in (tmp_path / "paper").iterdir())
    assert names == ["leaderboard.csv", "leaderboard.tex", "per_image.csv"]
    with (tmp_path / "paper" / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["architecture"] for row in rows} == {"espcn"}
    assert [(row["psnr_y_db"], bool(row["lpips"])) for row in rows] == [("", True)] * 3
    assert "PSNR" not in (tmp_path / "paper" / "leaderboard.tex").read_text()


def test_another_format_joins_the_files_of_a_complete_leaderboard(srbench, with_costs):
    assert srbench("report", with_costs, "--format", "latex").status == 0
    assert sorted(file.name for file in with_costs.iterdir()) == ["leaderboard.tex", "records"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--format", "docx"], "No format of tables named 'docx'. Known: csv, html, latex, md."),
        (["--figures", "gif"], "No format of figures named 'gif'."),
        (["--metrics", "psnr"], "No metric named 'psnr'. Did you mean psnr_y?"),
        (["--rows", "latency < 3"], "No column named 'latency'."),
        (["--rows", "fast"], "--rows 'fast' cannot be understood; write a column of leaderboard.csv"),
        (["--rows", "architecture < 3"], "compares what is not a number"),
        (
            ["--rows", "latency_ms_p50 < 1"],
            "No row fits --rows 'latency_ms_p50 < 1'. The smallest latency_ms_p50 is 1.3.",
        ),
        (["--scale", "7"], "No row fits --scale 7."),
        (["--only", "espcn", "--format", "md"], "give another folder with --to"),
        (["--images", "--format", "md"], "--images is for the complete leaderboard.html"),
    ],
)
def test_wrong_use_of_report_is_one_sentence_and_exit_2(srbench, with_costs, options, says):
    answer = srbench("report", with_costs, *options)
    assert answer.status == 2
    assert says in sentence(answer)
