"""LR and HR are cut from the same places, and LR is made as the degradation says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.patches import NEAREST, levels, numbered, patches_of
from helpers.training import BICUBIC, NOISY, bicubic, photographs
from srbench.errors import TrainingError
from srbench.imaging import imresize, rgb_to_y, to_uint8
from srbench.scales import lr_size, parse_scale
from srbench.training.patches.images import TrainingImages


def test_lr_is_the_degraded_whole_image_not_the_degraded_patch(tmp_path):
    images = photographs(2)
    source = patches_of(TrainingImages(tmp_path, images), degradation=BICUBIC, augment=False, patch=8)
    lr = levels(source.sample(0)[0])
    whole = [
        to_uint8(
            bicubic(
                torch.from_numpy(i[: i.shape[0] // 2 * 2, : i.shape[1] // 2 * 2]).permute(2, 0, 1)[None] / 255, 2, None
            )
        )[0]
        .permute(1, 2, 0)
        .numpy()
        for i in images
    ]
    windows = [np.lib.stride_tricks.sliding_window_view(w, (8, 8, 3)).reshape(-1, 8, 8, 3) for w in whole]
    for patch in lr:
        assert any((w == patch).all(axis=(1, 2, 3)).any() for w in windows)


def test_several_sets_are_cut_as_one(tmp_path):
    first, second = numbered(2), [image + np.uint8([0, 0, 2]) for image in numbered(2)]
    apart = patches_of(TrainingImages(tmp_path, first), TrainingImages(tmp_path, second))
    together = patches_of(TrainingImages(tmp_path, [*first, *second]))
    assert all(torch.equal(a, b) for a, b in zip(apart.sample(5)[:2], together.sample(5)[:2], strict=True))


def test_luma_patches_are_the_unrounded_luma_of_the_rgb_patches(tmp_path):
    images = TrainingImages(tmp_path, photographs())
    luma, rgb = patches_of(images, luma=True, degradation=BICUBIC), patches_of(images, degradation=BICUBIC)
    for y, colour in zip(luma.sample(0)[:2], rgb.sample(0)[:2], strict=True):
        assert torch.equal(y, rgb_to_y(colour))


def test_stochastic_degradations_are_drawn_again_on_every_patch_but_repeatably(tmp_path):
    images = TrainingImages(tmp_path, photographs())
    source = patches_of(images, degradation=NOISY)
    clean = patches_of(images, degradation=NEAREST)
    lr, hr, _ = source.sample(4)
    assert torch.equal(hr, clean.sample(4)[1])
    assert 0.01 < (lr - clean.sample(4)[0]).std() < 0.1
    assert torch.equal(lr, source.sample(4)[0])
    assert torch.equal(lr, (lr * 255).round() / 255), "on 8 bits, as files are"


def test_degradations_that_do_not_fit_are_refused(tmp_path):
    images = TrainingImages(tmp_path, numbered())
    with pytest.raises(TrainingError, match="no scale 2; it has 4"):
        patches_of(images, degradation=replace(NEAREST, scales=frozenset({4})))
    with pytest.raises(TrainingError, match="The degradation wrong made"):
        patches_of(images, degradation=replace(NEAREST, name="wrong", apply=lambda hr, scale, generator: hr))


def test_at_real_scales_lr_is_the_degraded_patch_of_the_rounded_size(tmp_path):
    scale = parse_scale("2.3")
    degradation = replace(
        BICUBIC,
        any_scale=True,
        apply=lambda hr, s, generator: imresize(hr, size=lr_size(tuple(hr.shape[-2:]), s)).clamp(0, 1),
    )
    source = patches_of(
        TrainingImages(tmp_path, photographs()), degradation=degradation, scales=(2, scale), augment=False
    )
    seen = {}
    for step in range(2):
        lr, hr, at = source.sample(step)
        seen[at] = (tuple(lr.shape[-2:]), tuple(hr.shape[-2:]))
    assert seen == {2: ((6, 6), (12, 12)), scale: ((6, 6), (14, 14))}
    step = [source.sample(step)[2] for step in range(2)].index(scale)
    lr, hr, _ = source.sample(step)
    assert torch.equal(to_uint8(lr), to_uint8(imresize(hr, size=(6, 6)).clamp(0, 1)))
    assert {at: tuple(hr.shape[-2:]) for at, (_, hr) in source.held_out().items()} == {2: (12, 12), scale: (14, 14)}


def test_two_factors_are_not_for_square_patches(tmp_path):
    with pytest.raises(TrainingError, match=r"Square patches cannot be reduced by 3.7x1.5"):
        patches_of(
            TrainingImages(tmp_path, numbered()),
            degradation=replace(BICUBIC, any_scale=True),
            scales=(parse_scale("3.7x1.5"),),
        )


def test_real_scales_of_a_degradation_for_whole_ones_are_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"has no scale 2.3; it has whole ones only\."):
        patches_of(TrainingImages(tmp_path, numbered()), scales=(parse_scale("2.3"),))
