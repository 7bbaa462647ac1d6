"""Files of ``./plugins`` run once they are allowed, and again after they have changed once that is allowed."""

import json

import pytest

from srbench.catalog import code_state, trust
from srbench.catalog.catalog import load_catalog
from srbench.catalog.scaffold import Idea, write_file
from srbench.catalog.trust import is_trusted, trust_note

LOSS = """
import srbench
from pathlib import Path
(Path(__file__).parents[1] / "it ran").touch()

@srbench.hookimpl
def register_losses():
    return [srbench.LossSpec(name="near_loss", build=lambda: None)]
"""


@pytest.fixture
def near(srbench, monkeypatch):
    """A plugin file that came with the current folder."""
    monkeypatch.setenv("SRBENCH_PLUGINS", "files")
    monkeypatch.setenv("SRBENCH_TRUST_PLUGINS", "")
    path = srbench.folder / "plugins" / "near.py"
    path.parent.mkdir()
    path.write_text(LOSS)
    return path


@pytest.mark.parametrize("words", [["list", "losses"], ["plugins"], ["list", "losses", "--json"]])
def test_a_file_that_nobody_allowed_does_not_run_and_one_sentence_says_how_to_allow_it(srbench, near, words):
    answer = srbench(*words)
    assert answer.status == 0
    assert not (srbench.folder / "it ran").exists()
    assert "near_loss" not in answer.out
    said = " ".join((answer.err if "--json" in words else answer.out + answer.err).split())
    assert said.count(f"Plugin near is not usable: {near} is new there or has changed, and nobody has allowed it.") == 1
    assert "type `srbench plugins --trust`, or give it by --plugin." in said


def test_a_name_that_it_may_have_provided_says_so(srbench, near):
    answer = srbench("show", "near_loss")
    assert answer.status == 2
    assert "nobody has allowed it" in answer.err
    assert not (srbench.folder / "it ran").exists()


def test_an_allowed_file_runs_until_it_changes(srbench, near):
    allowed = srbench("plugins", "--trust")
    assert (allowed.status, allowed.err) == (0, "")
    assert allowed.out == f"allowed near.py of {near.parent}, until they change\n"
    assert not (srbench.folder / "it ran").exists()
    for _ in range(2):
        listed = srbench("list", "losses")
        assert (listed.status, listed.err) == (0, "")
        assert "near_loss" in listed.out
    near.write_text(LOSS.replace("near_loss", "far_loss"))
    listed = srbench("list", "losses")
    assert "nobody has allowed it" in listed.err
    assert "far_loss" not in listed.out
    near.write_text(LOSS)
    assert "near_loss" in srbench("list", "losses").out


def test_a_file_given_by_option_needs_no_consent_and_gives_none(srbench, near):
    assert "near_loss" in srbench("list", "losses", "--plugin", near).out
    assert "near_loss" not in srbench("list", "losses").out


def test_strictness_makes_a_file_that_nobody_allowed_fatal_and_the_variable_allows_all(srbench, near, monkeypatch):
    assert srbench("list", "--strict-plugins").status == 2
    monkeypatch.setenv("SRBENCH_TRUST_PLUGINS", "0")
    assert srbench("list", "--strict-plugins").status == 2
    monkeypatch.setenv("SRBENCH_TRUST_PLUGINS", "1")
    assert srbench("list", "--strict-plugins").status == 0


def test_files_of_the_users_folder_are_allowed_by_being_put_there(srbench, near, monkeypatch, tmp_path):
    own = tmp_path / "config" / "srbench" / "plugins" / "own.py"
    own.parent.mkdir(parents=True)
    near.rename(own)
    answer = srbench("list", "losses")
    assert "near_loss" in answer.out
    assert answer.err == ""


def test_writing_a_plugin_allows_it(srbench, near):
    near.unlink()
    written = write_file(Idea("metric", "my_metric"), load_catalog())
    assert is_trusted(written.files[0])
    written.files[0].write_text("changed")
    assert not is_trusted(written.files[0])


def test_nothing_to_allow_is_answered(srbench, near):
    near.unlink()
    (near.parent / "folder.py").mkdir()
    answer = srbench("plugins", "--trust")
    assert answer.status == 2
    assert "There are no plugin files in ./plugins to allow; go to the folder that has them." in answer.err


def test_a_file_that_cannot_be_read_is_not_allowed(srbench, near, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(trust, "sha256_of", refused)
    assert not is_trusted(near)
    answer = srbench("plugins", "--trust")
    assert answer.status == 2
    assert f"{near} cannot be read (Permission denied); check its permissions." in answer.err


def test_a_damaged_note_allows_nothing(srbench, near):
    srbench("plugins", "--trust")
    assert json.loads(trust_note().read_text()).keys() == {str(near)}
    trust_note().write_text("{")
    assert not is_trusted(near)
    assert trust_note() in set(code_state.own_code())
