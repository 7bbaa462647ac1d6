"""An exported folder is uploaded as one commit, or a sentence says why it was not."""

import sys
from types import SimpleNamespace

import pytest

from srbench.errors import DataError, UnavailableError, UsageError
from srbench.exporting.hub_folder import CARD, CONFIG, PROGRAM, WEIGHTS
from srbench.exporting.push import push


class FakeHub:
    """Takes what `HfApi` takes here, and keeps it."""

    def __init__(self):
        self.calls = []

    def create_repo(self, repo_id, *, private, exist_ok):
        self.calls.append((repo_id, private, exist_ok))
        if "/" not in repo_id:
            raise ValueError("Repo id must be OWNER/NAME\nnot this")

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        self.calls.append((repo_id, sorted(path.name for path in folder_path.iterdir()), commit_message))
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")


@pytest.fixture
def hub(monkeypatch):
    library = pytest.importorskip("huggingface_hub")
    fake = FakeHub()
    monkeypatch.setattr(library, "HfApi", lambda: fake)
    monkeypatch.setattr(library, "get_token", lambda: "hf_token")
    return fake


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "mine"
    path.mkdir()
    for name in (WEIGHTS, PROGRAM, CONFIG, CARD):
        (path / name).write_text("{}")
    return path


def test_a_folder_becomes_one_commit_of_a_repository_that_is_made(hub, folder):
    assert push(folder, "me/mine", private=True) == "https://hub/me/mine/commit/1"
    assert hub.calls == [
        ("me/mine", True, True),
        ("me/mine", sorted([WEIGHTS, PROGRAM, CONFIG, CARD]), "Upload a network exported by srbench"),
    ]


def test_what_hinders_it_is_a_sentence(hub, folder, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="is not an exported folder; write one with"):
        push(tmp_path, "me/mine")
    with pytest.raises(
        UnavailableError, match=r"not uploaded to mine \(ValueError: Repo id must be OWNER/NAME not this"
    ):
        push(folder, "mine")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(UsageError, match="no token of the Hugging Face Hub; log in"):
        push(folder, "me/mine")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UnavailableError, match=r"install srbench\[hub\]"):
        push(folder, "me/mine")
