"""The state of a file changes when a file or a folder does, and the surroundings survive being written down."""

import json
import os
from pathlib import Path

from helpers import ROOT
from srbench.catalog import code_state


def test_a_state_follows_size_time_and_absence(tmp_path):
    path = tmp_path / "file.txt"
    absent = code_state.file_states([path])
    path.write_text("one")
    written = code_state.file_states([path])
    path.write_text("three")
    longer = code_state.file_states([path])
    os.utime(path, ns=(0, 1))
    assert absent == {str(path): None}
    assert written[str(path)][0] == 3
    assert longer[str(path)][0] == 5
    assert code_state.file_states([path]) == {str(path): [5, 1]}


def test_a_folders_state_follows_what_it_holds(tmp_path):
    os.utime(tmp_path, ns=(0, 1))
    before = code_state.file_states([tmp_path])
    (tmp_path / "more").touch()
    assert before == {str(tmp_path): [0, 1]}
    assert code_state.file_states([tmp_path]) != before


def test_own_code_is_srbench_the_bundled_plugins_and_the_files_in_the_plugin_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(code_state, "user_folder", lambda: tmp_path / "user")
    for folder in ("plugins", "user"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").touch()
    found = set(code_state.own_code())
    assert {tmp_path / "plugins" / "mine.py", tmp_path / "user" / "mine.py"} <= found
    own = [Path(code_state.__file__), ROOT / "plugins" / "architectures" / "edsr.py"]
    tables = [ROOT / "datasets.toml", ROOT / "suites" / "quick.toml", ROOT / "recipes" / "quick.toml"]
    assert {*own, *tables} <= found


def test_imported_code_is_the_file_of_every_module():
    found = set(code_state.imported_code())
    assert {Path(code_state.__file__), Path(json.__file__)} <= found


def test_the_environment_can_be_written_down_and_follows_srbenchs_variables(monkeypatch):
    before = code_state.environment()
    assert json.loads(json.dumps(before)) == before
    assert code_state.environment() == before
    assert {"python", "torch", "plugins", "machine"} <= before.keys()
    monkeypatch.setenv("SRBENCH_PLUGINS", "none")
    assert code_state.environment() != before
