"""What records say that a row was made from."""

from __future__ import annotations

import pytest

from srbench.records.record import Record
from srbench.running.events import unheard
from srbench.running.provenance import without_credentials
from srbench.running.runner import run_plan
from srbench.running.session import command_line


def test_a_record_says_what_it_was_made_from(schedule, catalog, tmp_path, session, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/srbench", "run", "tiny", "--data", str(session.data_root)])
    session = type(session)(**{name: getattr(session, name) for name in ("plugin_files", "data_root", "cache")})
    grid = 'architectures = ["dot"]\ndistillers = ["logits"]\nteacher = "wide"'
    run_plan(schedule(grid, within=session), tmp_path / "results", catalog.executors["here"], 1, unheard)
    (file,) = (tmp_path / "results" / "records").glob("*.json")
    made_by = Record.model_validate_json(file.read_bytes()).made_by
    assert made_by.command == ("srbench", "run", "tiny", "--data", "$SRBENCH_DATA")
    assert made_by.suite["grid"][0]["teacher"] == "wide"
    assert made_by.suite["recipe"] == "tiny.toml"
    assert made_by.recipes["tiny"]["steps"] == 3
    assert {"architecture dot", "architecture wide", "distiller logits", "loss l1", "metric psnr_y"} <= set(
        made_by.plugins
    )
    (weights,) = made_by.weights
    assert weights.startswith("$SRBENCH_CACHE/train/")
    assert str(tmp_path) not in file.read_text()


def test_a_record_of_a_backend_says_what_code_ran_it(schedule, catalog, tmp_path):
    grid = 'architectures = ["dot"]\nbackends = ["eager", "channels_last"]'
    run_plan(schedule(grid), tmp_path / "results", catalog.executors["here"], 1, unheard)
    records = [Record.model_validate_json(f.read_bytes()) for f in (tmp_path / "results" / "records").glob("*.json")]
    named = {name for record in records for name in record.made_by.plugins if name.startswith("runtime ")}
    assert named == {"runtime eager", "runtime channels_last"}


@pytest.mark.parametrize(
    ("url", "published"),
    [
        ("https://user:secret@example.org:8443/a/b.git", "https://example.org:8443/a/b.git"),
        ("https://token@example.org/a/b.git?key=secret", "https://example.org/a/b.git"),
        ("git@example.org:a/b.git", "example.org:a/b.git"),
        ("ssh://git@example.org/a/b.git", "ssh://example.org/a/b.git"),
        ("/home/someone/b", ""),
        ("../b", ""),
        ("file:///home/someone/b", ""),
    ],
)
def test_an_origin_has_no_credentials_and_no_folder_of_this_machine(url, published):
    assert without_credentials(url) == published


def test_other_programs_have_no_command_line(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/pytest", "--token", "secret"])
    assert command_line() == ()
    monkeypatch.setattr("sys.argv", ["/x/srbench/__main__.py", "run"])
    assert command_line() == ("srbench", "run")
