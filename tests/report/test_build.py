"""The files of a report: damage, staleness, rebuilding."""

import csv
import json
import os

import pytest

from helpers.records import make_record, quick_records, write_records
from srbench.errors import DataError
from srbench.report.build import STATE, build_report
from srbench.report.reading import PACKED


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_damaged_record_is_named_and_skipped(results, no_figures):
    (results / "records" / "bad.json").write_text('{"version": 1, "key":')
    (results / "records" / "foreign.json").write_text(json.dumps({"hello": 1}))
    files = build_report(results)
    assert len(files.warnings) == 2
    assert files.warnings[0].startswith("bad.json is not a record that this srbench can read")
    assert "foreign.json" in files.markdown.read_text()
    assert len(read_csv(files.csv)) == len(quick_records())


def written_again(results, **options):
    """Whether a report writes its files."""
    table = results / "leaderboard.csv"
    before = table.stat().st_ino if table.exists() else None  # every file is written under another name first
    build_report(results, **options)
    return table.stat().st_ino != before


def test_nothing_is_made_again_until_a_record_changes_or_a_file_is_gone(results, no_figures):
    assert written_again(results)
    assert not written_again(results)
    assert written_again(results, force=True)
    (results / "leaderboard.md").unlink()
    assert written_again(results)
    write_records(results, [make_record("espcn", psnr=31.0, created="2026-03-01T00:00:00Z")])
    assert written_again(results)
    assert "31.00" in (results / "leaderboard.md").read_text()


def test_the_whole_report_is_rebuilt_from_records_alone_to_the_same_bytes(results, no_figures):
    first = {p.name: p.read_bytes() for p in build_report(results).paths}
    for name in first:
        (results / name).unlink()
    assert {p.name: p.read_bytes() for p in build_report(results).paths} == first


@pytest.mark.parametrize("name", ["leaderboard.csv", "leaderboard.md", "per_image.csv"])
def test_a_file_that_a_person_changed_is_written_again(name, results, no_figures):
    build_report(results)
    sound = (results / name).read_bytes()
    (results / name).write_bytes(sound.replace(b"3", b"4", 1))
    build_report(results)
    assert (results / name).read_bytes() == sound


def test_the_state_of_a_report_deletes_no_file_elsewhere(results, no_figures, tmp_path):
    outside, beside = tmp_path / "precious.png", results / "notes.txt"
    for file in (outside, beside, results / "records" / "precious.png", results / "figure.png"):
        file.write_bytes(b"precious")
    build_report(results)
    state = results / "records" / STATE
    for name in (
        str(outside),
        "../precious.png",
        "notes.txt",
        "records/precious.png",
        "records.jsonl.xz",
        ".hidden.md",
    ):
        for field in ("figures", "distillation", "degradations"):
            state.write_text(json.dumps(json.loads(state.read_text()) | {field: [name]}))
            build_report(results, force=True)
    assert outside.exists()
    assert beside.exists()
    assert (results / "records" / "precious.png").exists()
    state.write_text(json.dumps(json.loads(state.read_text()) | {"figures": ["figure.png"]}))
    build_report(results, force=True)
    assert not (results / "figure.png").exists(), "a picture of its own that is no longer made is deleted"


@pytest.mark.parametrize("content", ["[]", "3", '{"digest": 1}', '{"figures": "abc"}', "[" * 100_000])
def test_a_state_of_another_shape_is_none(content, results, no_figures):
    build_report(results)
    (results / "records" / STATE).write_text(content)
    assert written_again(results)
    assert not written_again(results)


def test_pipes_are_refused_at_once(results, no_figures):
    os.mkfifo(results / "records" / "pipe.json")
    assert "pipe.json is not a regular file." in build_report(results).warnings
    (results / PACKED).unlink()
    os.mkfifo(results / PACKED)
    with pytest.raises(DataError, match=r"records.jsonl.xz is not a regular file; restore it"):
        build_report(results)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.png", "images/../../../secret.png", "C:/secret.png"])
def test_a_record_that_names_a_file_outside_its_folder_is_skipped(name, results, no_figures):
    record = make_record()
    text = record.model_dump_json().replace('"representation_file":null', f'"representation_file":"{name}"')
    (results / "records" / "foreign.json").write_text(text)
    assert any("outside the folder of the records" in warning for warning in build_report(results).warnings)
