"""What is in a folder of data, and what is wrong with it, is named."""

import shutil

import numpy as np
import pytest
from PIL import Image

from srbench.diagnosing.data import diagnose_data
from srbench.errors import DataError


@pytest.fixture
def folder(tmp_path, pictures, save):
    for name, pixels in pictures.items():
        save(tmp_path / "mine" / "HR" / f"{name}.png", pixels)
    return tmp_path / "mine"


def test_plain_images_are_one_dataset_with_what_is_odd_about_them(folder, catalog):
    shutil.copy(folder / "HR" / "ant.png", folder / "HR" / "copy.png")
    (folder / "HR" / "broken.png").write_bytes(b"no image")
    (own,) = diagnose_data(folder, catalog).datasets
    assert (own.name, own.state, own.images) == ("images", "unchecked", 4)
    assert "The same image, pixel by pixel: ant, copy." in own.notes
    assert any("broken.png" in note for note in own.notes)


def test_lr_of_another_resize_is_named(folder, catalog, pictures, save):
    for name, pixels in pictures.items():
        save(folder / "LR_bicubic" / "X2" / f"{name}x2.png", np.ascontiguousarray(pixels[::2, ::2]))
    (own,) = diagnose_data(folder, catalog).datasets
    assert own.lr == (
        "3 LR images at x2, paired by name.",
        "The x2 LR is not bicubic as MATLAB makes it; scores on it are not the published kind.",
    )


def test_a_data_root_has_its_known_datasets_checked(catalog, shared, tmp_path):
    shutil.copytree(shared("data/Set5/HR"), tmp_path / "Set5" / "HR")
    found = diagnose_data(tmp_path, catalog)
    assert [(own.name, own.state, own.images) for own in found.datasets] == [("set5", "complete", 5)]
    assert not found.faulty
    Image.open(tmp_path / "Set5" / "HR" / "bird.png").convert("RGB").save(tmp_path / "Set5" / "HR" / "bird.jpg")
    (tmp_path / "Set5" / "HR" / "bird.png").unlink()
    found = diagnose_data(tmp_path, catalog)
    assert found.faulty
    assert found.datasets[0].problems == (
        "bird has the right size but other pixels: it was altered or compressed with loss.",
    )


def test_images_of_a_known_dataset_are_recognised_anywhere(catalog, shared, tmp_path):
    (tmp_path / "things").mkdir()
    shutil.copy(shared("data/Set5/HR") / "bird.png", tmp_path / "things" / "x.png")
    (own,) = diagnose_data(tmp_path / "things", catalog).datasets
    assert any(note.startswith("Also in set5, pixel by pixel: x") for note in own.notes)


def test_a_folder_without_images_is_refused(tmp_path, catalog):
    with pytest.raises(DataError, match="There are no images"):
        diagnose_data(tmp_path, catalog)
    with pytest.raises(DataError, match="does not exist"):
        diagnose_data(tmp_path / "none", catalog)
