from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.patches import levels, numbered, patches_of
from srbench.training.patches.images import TrainingImages


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_and_hr_patches_show_the_same_place_under_the_same_symmetry(tmp_path, scale):
    source = patches_of(TrainingImages(tmp_path, numbered()), scales=(scale,), patch=5)
    lr, hr, drawn = source.sample(0)
    assert drawn == scale
    assert lr.shape == (16, 3, 5, 5)
    assert hr.shape == (16, 3, 5 * scale, 5 * scale)
    small, large = levels(lr), levels(hr)
    assert (small[..., 2] == small[:, :1, :1, 2]).all(), "a patch shows one image"
    # Nearest-neighbour LR pixels are at multiples of the scale, and each one's block of HR pixels starts with it.
    blocks = large.reshape(16, 5, scale, 5, scale, 3)
    assert (small[..., :2] == blocks.min(axis=(2, 4))[..., :2]).all()
    assert (small[..., :2] % scale == 0).all()


def test_all_eight_symmetries_occur_and_none_without_augmentation(tmp_path):
    images = TrainingImages(tmp_path, numbered())

    def symmetries(augment):
        found = set()
        for step in range(8):
            for patch in levels(patches_of(images, augment=augment).sample(step)[1]):
                down, right = patch[1, 0] - patch[0, 0], patch[0, 1] - patch[0, 0]
                found.add((*down[:2], *right[:2]))
        return found

    assert len(symmetries(augment=True)) == 8
    assert symmetries(augment=False) == {(1, 0, 0, 1)}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    step=st.integers(0, 10**7),
    draw=st.integers(0, 3),
    patch=st.integers(1, 12),
    scale=st.sampled_from([1, 2, 3]),
)
def test_a_sample_is_a_pure_function_of_seed_phase_and_step(tmp_path_factory, seed, step, draw, patch, scale):
    folder = tmp_path_factory.getbasetemp() / "pure"
    options = {"seed": seed, "patch": patch, "scales": (scale,), "batch": 3}
    first, second = (patches_of(TrainingImages(folder, numbered()), **options) for _ in range(2))
    second.sample(step + 1)
    assert all(
        torch.equal(a, b) for a, b in zip(first.sample(step, draw)[:2], second.sample(step, draw)[:2], strict=True)
    )


def test_steps_draws_phases_and_seeds_see_different_patches(tmp_path):
    images = TrainingImages(tmp_path, numbered())
    seen = [patches_of(images).sample(0)[1], patches_of(images).sample(1)[1], patches_of(images).sample(0, 1)[1]]
    seen += [patches_of(images, phase=1).sample(0)[1], patches_of(images, seed=4).sample(0)[1]]
    assert len({tuple(hr.flatten().tolist()) for hr in seen}) == 5


def test_every_position_is_equally_likely(tmp_path):
    source = patches_of(TrainingImages(tmp_path, numbered(2, 12, 16)), patch=4, batch=4096, augment=False)
    top_left = levels(source.sample(0)[0])[:, 0, 0]
    counts = np.unique(top_left, axis=0, return_counts=True)[1]
    assert len(counts) == 2 * 3 * 5
    assert counts.std() < 3 * np.sqrt(4096 / 30)


def test_scales_take_turns_in_changing_order_and_are_fixed_within_a_step(tmp_path):
    source = patches_of(TrainingImages(tmp_path, numbered()), scales=(2, 3, 4), patch=3, batch=1)
    drawn = [source.sample(step)[2] for step in range(300)]
    turns = [tuple(drawn[n : n + 3]) for n in range(0, 300, 3)]
    assert all(set(turn) == {2, 3, 4} for turn in turns)
    assert len(set(turns)) == 6
    assert all(source.sample(step, 1)[2] == drawn[step] for step in range(20))
