"""Training sets are decoded once, and again when they change."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.patches import NEAREST, numbered, patches_of
from helpers.training import photographs
from srbench.errors import DataError, StoreError
from srbench.imaging import write_png
from srbench.training.patches import pixels
from srbench.training.patches.images import TrainingImages
from srbench.training.patches.pixels import PixelFile


def test_files_are_decoded_once_and_again_when_they_change(tmp_path, monkeypatch):
    paths = {}
    for n, image in enumerate(numbered(3)):
        paths[f"{n}"] = tmp_path / f"{n}.png"
        write_png(paths[f"{n}"], image)
    first = patches_of(TrainingImages(tmp_path / "cache", paths)).sample(0)
    kept = set((tmp_path / "cache").iterdir())
    assert len(kept) == 2, "one file of HR, one of LR"
    monkeypatch.setattr("srbench.training.patches.images.read_image", None)  # would fail if it were asked
    again = patches_of(TrainingImages(tmp_path / "cache", paths)).sample(0)
    assert torch.equal(first[0], again[0])
    monkeypatch.undo()
    write_png(paths["0"], numbered(1, 60, 60)[0])
    assert TrainingImages(tmp_path / "cache", paths).hr.heights.tolist() == [60, 40, 40]


def test_a_changed_degradation_of_the_same_name_is_noticed(tmp_path):
    images = TrainingImages(tmp_path, photographs(2))
    before = patches_of(images, degradation=NEAREST).sample(0)[0]
    changed = replace(NEAREST, apply=lambda hr, scale, generator: 1 - hr[..., ::scale, ::scale])
    after = patches_of(TrainingImages(tmp_path, photographs(2)), degradation=changed).sample(0)[0]
    assert torch.allclose(after, 1 - before, atol=1e-6)


def flip_a_pixel(file):
    data = bytearray(file.read_bytes())
    data[5] ^= 1
    file.write_bytes(data)


def flip_a_pixel_unnoticed(file):
    times = file.stat()
    flip_a_pixel(file)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def give_it_another_shape(file):
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"heights"', b'"lengths"'))


DAMAGES = [lambda f: f.write_bytes(f.read_bytes()[:-40]), flip_a_pixel, flip_a_pixel_unnoticed, give_it_another_shape]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_again(damage, tmp_path):
    TrainingImages(tmp_path, numbered(2))
    [file] = tmp_path.iterdir()
    damage(file)
    with pytest.raises(StoreError, match="is damaged; delete it"):
        PixelFile(file)
    images = TrainingImages(tmp_path, numbered(2)).hr
    assert all((images.image(number) == numbered(2)[number]).all() for number in (0, 1))


def test_a_large_cache_is_read_in_full_only_where_its_time_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "ALWAYS_CHECKED", 10)
    TrainingImages(tmp_path, numbered(2))
    [file] = tmp_path.iterdir()
    flip_a_pixel_unnoticed(file)
    assert not (PixelFile(file).image(0) == numbered(2)[0]).all()
    os.utime(file)
    with pytest.raises(StoreError, match="is damaged; delete it"):
        PixelFile(file)


def test_a_cache_that_was_only_copied_is_used(tmp_path):
    TrainingImages(tmp_path, numbered(2))
    [file] = tmp_path.iterdir()
    os.utime(file)
    assert (PixelFile(file).image(1) == numbered(2)[1]).all()


def test_no_images_no_such_file_and_wrong_arrays_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match="holds no image"):
        TrainingImages(tmp_path, [])
    with pytest.raises(DataError, match=r"gone\.png cannot be read"):
        TrainingImages(tmp_path, {"gone": tmp_path / "gone.png"})
    with pytest.raises(DataError, match="Training image 0 is float64 of shape"):
        TrainingImages(tmp_path, [np.zeros((9, 9, 3))])
