"""Patches that grow during a training: their sizes, and that no stage shows what is held out."""

import numpy as np
import pytest

from helpers.patches import levels, numbered, patches_of
from srbench.recipe import Recipe
from srbench.training.patches.build import Progressive
from srbench.training.patches.images import TrainingImages

RECIPE = Recipe(
    name="growing", datasets=("t91",), steps=100, patch=12, patch_of="hr", batch=8,
    progressive=((20, 18, 4), (60, 24, 2), (80, 12, 8)),
)  # fmt: skip


def growing(images, scales=(2, 3), length=100):
    def cut(patch, batch):
        sides = {scale: RECIPE.lr_side(patch, scale) for scale in scales}
        return patches_of(images, scales=scales, patch=sides, batch=batch, augment=False, reserve=24)

    return Progressive(RECIPE, length, cut)


@pytest.mark.parametrize(("length", "starts"), [(100, (0, 20, 60, 80)), (50, (0, 10, 30, 40)), (30, (0, 6, 18, 24))])
def test_each_stage_has_its_patches_however_long_the_phase_is(tmp_path, length, starts):
    source = growing(TrainingImages(tmp_path, numbered(height=60, width=70)), length=length)
    for start, end, (side, batch) in zip(
        starts, (*starts[1:], length), ((12, 8), (18, 4), (24, 2), (12, 8)), strict=True
    ):
        for step in (start, end - 1):
            lr, hr, scale = source.sample(step)
            assert hr.shape == (batch, 3, side, side)
            assert lr.shape == (batch, 3, side // scale, side // scale)


def test_no_stage_shows_a_pixel_that_is_held_out(tmp_path):
    images = numbered(8, height=60, width=70)
    source = growing(TrainingImages(tmp_path, images))
    held = set()
    for _, hr in source.held_out().values():
        held |= {tuple(pixel) for pixel in levels(hr).reshape(-1, 3).tolist()}
    assert held
    shown = {tuple(p) for step in range(100) for p in levels(source.sample(step)[1]).reshape(-1, 3).tolist()}
    assert len(shown) > 0.5 * sum(np.prod(image.shape[:2]) for image in images)
    assert not held & shown


def test_images_too_small_for_the_last_patches_serve_the_first(tmp_path):
    images = [*numbered(3, height=60, width=70), np.full((14, 14, 3), 200, np.uint8)]
    source = growing(TrainingImages(tmp_path, images), scales=(2,))
    assert "too small for a patch of side 24" in source.notes[0]
    first = np.concatenate([levels(source.sample(step)[1]) for step in range(20)])
    last = np.concatenate([levels(source.sample(step)[1]) for step in range(60, 80)])
    assert (first == 200).all(axis=(1, 2, 3)).any()
    assert not (last == 200).all(axis=(1, 2, 3)).any()
