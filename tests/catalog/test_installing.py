"""A plugin's file is copied to the user's folder once."""

import pytest

from srbench.catalog import installing
from srbench.catalog.installing import adopt_file
from srbench.errors import StoreError, UsageError


def test_an_adopted_file_is_in_the_users_folder_and_is_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(installing, "user_folder", lambda: tmp_path / "user" / "plugins")
    (tmp_path / "mine.py").write_text("# mine\n")
    target = adopt_file(tmp_path / "mine.py")
    assert target == tmp_path / "user" / "plugins" / "mine.py"
    assert target.read_text() == "# mine\n"
    (tmp_path / "mine.py").write_text("# another\n")
    with pytest.raises(UsageError, match=r"mine.py exists already and is left as it is"):
        adopt_file(tmp_path / "mine.py")
    assert target.read_text() == "# mine\n"


def test_a_file_srbench_would_never_find_is_not_adopted(tmp_path):
    (tmp_path / "test_mine.py").write_text("")
    with pytest.raises(UsageError, match=r"files named like test_mine.py; rename it first"):
        adopt_file(tmp_path / "test_mine.py")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(installing, "user_folder", lambda: tmp_path / "file" / "plugins")
    (tmp_path / "file").write_text("")
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(StoreError, match=r"could not be copied to .*mine\.py: Not a directory\.$"):
        adopt_file(tmp_path / "mine.py")
