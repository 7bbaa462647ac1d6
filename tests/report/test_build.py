"""The files of a report: damage, staleness, rebuilding."""

import csv
import json

from helpers.records import make_record, quick_records, write_records
from srbench.report.build import build_report


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
