"""What is held out is never trained on, and images that are too small are named."""

from __future__ import annotations

import pytest

from helpers.patches import levels, numbered, patches_of
from srbench.errors import DataError
from srbench.training.patches.images import TrainingImages


def test_held_out_patches_are_never_trained_on(tmp_path):
    source = patches_of(TrainingImages(tmp_path, numbered(8)), scales=(2, 3), patch=6, batch=64)
    held = source.held_out()
    assert set(held) == {2, 3}
    forbidden = {tuple(p) for _, hr in held.values() for p in levels(hr).reshape(-1, 3)}
    for step in range(40):
        _, hr, _ = source.sample(step)
        assert not forbidden & {tuple(p) for p in levels(hr).reshape(-1, 3)}
    for scale, (lr, hr) in held.items():
        assert (levels(lr) == levels(hr)[:, ::scale, ::scale]).all()


def test_small_images_are_held_out_as_a_whole(tmp_path):
    source = patches_of(TrainingImages(tmp_path, numbered(8, 18, 30)), patch=8)
    held = {int(p[0, 0, 2]) for p in levels(source.held_out()[2][1])}
    trained = {int(p[0, 0, 2]) for step in range(30) for p in levels(source.sample(step)[1])}
    assert len(held) == 2
    assert held | trained == set(range(8))
    assert not held & trained


def test_a_few_images_are_all_trained_on(tmp_path):
    source = patches_of(TrainingImages(tmp_path, numbered(3)))
    assert source.held_out() == {}
    assert {int(p[0, 0, 2]) for p in levels(source.sample(0)[1])} == {0, 1, 2}


def test_images_smaller_than_a_patch_are_left_out_and_named(tmp_path):
    images = [*numbered(2), *numbered(1, 10, 50)]
    source = patches_of(TrainingImages(tmp_path, images), patch=6)
    assert len(source.notes) == 1
    assert source.notes[0].startswith("1 of 3 training images are too small for a patch of side 12: 2")
    assert {int(p[0, 0, 2]) for step in range(5) for p in levels(source.sample(step)[1])} == {0, 1}


def test_images_that_are_all_smaller_than_a_patch_are_refused(tmp_path):
    with pytest.raises(DataError, match="None of the 2 training images holds a patch of 80 x 80 pixels"):
        patches_of(TrainingImages(tmp_path, numbered(2)), patch=40)
