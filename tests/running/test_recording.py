"""What is recorded of a run."""

from pathlib import Path

from helpers.records import fail, make_record
from srbench.records.record import Record
from srbench.running.recording import without_folders

FOLDERS = {Path("/home/me"): "~", Path("/home/me/cache"): "$SRBENCH_CACHE", Path("/"): "the root"}


def test_a_record_names_no_folder_of_this_machine():
    failed = fail(make_record(), "/home/me/cache/a.pth is damaged, and '/home/me/b.pth' too; not /home/mean/c.pth")
    reason = Record.model_validate_json(without_folders(failed.model_dump_json(), FOLDERS)).reason
    assert reason == "$SRBENCH_CACHE/a.pth is damaged, and '~/b.pth' too; not /home/mean/c.pth"


def test_a_reason_for_an_empty_cell_names_none_either_and_everything_else_stays():
    record = make_record()
    score = record.scores["lpips"].model_copy(update={"value": None, "reason": "there is no /home/me/alex.pth"})
    text = record.model_copy(update={"scores": record.scores | {"lpips": score}}).model_dump_json()
    found = Record.model_validate_json(without_folders(text, FOLDERS))
    assert found.scores["lpips"].reason == "there is no ~/alex.pth"
    assert found.model_copy(update={"scores": record.scores}) == record
