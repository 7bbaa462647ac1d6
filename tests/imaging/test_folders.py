"""One list of what is an image file."""

import os

import pytest

from srbench.imaging.folders import list_folder, name_some


def test_hidden_and_system_files_are_in_no_list(tmp_path):
    for name in ("a.png", "b.JPG", "._a.png", ".DS_Store", "Thumbs.db", "desktop.ini", "notes.txt"):
        (tmp_path / name).touch()
    for name in ("__MACOSX", ".git", "HR"):
        (tmp_path / name).mkdir()
    found = list_folder(tmp_path)
    assert [path.name for path in found.images] == ["a.png", "b.JPG"]
    assert [path.name for path in found.others] == ["notes.txt"]
    assert [path.name for path in found.folders] == ["HR"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_with_the_name_of_an_image_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    found = list_folder(tmp_path)
    assert (found.images, [path.name for path in found.others]) == ((), ["a.png"])


def test_many_names_are_summed_up():
    assert name_some(list("abcdef")) == "a, b, c, d, e, f"
    assert name_some(list("abcdefg")) == "a, b, c, d, e and 2 more"
