from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.patches import NEAREST, levels, numbered, patches_of
from helpers.training import BICUBIC, NOISY, bicubic, photographs
from srbench.errors import DataError, StoreError, TrainingError
from srbench.imaging import rgb_to_y, to_uint8, write_png
from srbench.training.patches.images import TrainingImages
from srbench.training.patches.pixels import PixelFile


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_and_hr_patches_show_the_same_place_under_the_same_symmetry(tmp_path, scale):
    source = patches_of(TrainingImages(tmp_path, numbered()), scales=(scale,), patch=5)
    lr, hr, drawn = source.sample(0)
    assert drawn == scale
    assert lr.shape == (16, 3, 5, 5)
    assert hr.shape == (16, 3, 5 * scale, 5 * scale)
    small, large = levels(lr), levels(hr)
    assert (small[..., 2] == small[:, :1, :1, 2]).all(), "a patch shows one image"
    # Nearest-neighbour LR pixels lie on multiples of the scale, and each one's block of HR pixels starts with it.
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


def test_stochastic_degradations_are_drawn_anew_on_every_patch_but_repeatably(tmp_path):
    images = TrainingImages(tmp_path, photographs())
    source = patches_of(images, degradation=NOISY)
    clean = patches_of(images, degradation=NEAREST)
    lr, hr, _ = source.sample(4)
    assert torch.equal(hr, clean.sample(4)[1])
    assert 0.01 < (lr - clean.sample(4)[0]).std() < 0.1
    assert torch.equal(lr, source.sample(4)[0])
    assert torch.equal(lr, (lr * 255).round() / 255), "on 8 bits, as files are"


def test_scales_take_turns_in_changing_order_and_are_fixed_within_a_step(tmp_path):
    source = patches_of(TrainingImages(tmp_path, numbered()), scales=(2, 3, 4), patch=3, batch=1)
    drawn = [source.sample(step)[2] for step in range(300)]
    turns = [tuple(drawn[n : n + 3]) for n in range(0, 300, 3)]
    assert all(set(turn) == {2, 3, 4} for turn in turns)
    assert len(set(turns)) == 6
    assert all(source.sample(step, 1)[2] == drawn[step] for step in range(20))


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


def test_a_damaged_cache_is_made_again(tmp_path):
    TrainingImages(tmp_path, numbered(2))
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(StoreError, match="is damaged; delete it"):
        PixelFile(file)
    assert (TrainingImages(tmp_path, numbered(2)).hr.image(1) == numbered(2)[1]).all()


def test_pixels_cut_what_slicing_cuts(tmp_path):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((9, 7), (5, 5), (30, 11))]
    pixels = PixelFile.make(tmp_path / "p", enumerate_names(images))
    for side in (1, 3, 5):
        number = rng.integers(0, 3, 50)
        top = rng.integers(0, pixels.heights[number] - side + 1)
        left = rng.integers(0, pixels.widths[number] - side + 1)
        expected = [images[n][t : t + side, x : x + side] for n, t, x in zip(number, top, left, strict=True)]
        assert (pixels.cut(number, top, left, side) == np.stack(expected)).all()


def enumerate_names(images):
    return [(str(n), image) for n, image in enumerate(images)]


def test_no_images_no_such_file_and_wrong_arrays_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match="holds no image"):
        TrainingImages(tmp_path, [])
    with pytest.raises(DataError, match=r"gone\.png cannot be read"):
        TrainingImages(tmp_path, {"gone": tmp_path / "gone.png"})
    with pytest.raises(DataError, match="Training image 0 is float64 of shape"):
        TrainingImages(tmp_path, [np.zeros((9, 9, 3))])


def test_degradations_that_do_not_fit_are_refused(tmp_path):
    images = TrainingImages(tmp_path, numbered())
    with pytest.raises(TrainingError, match=r"no scale 2; it has \[4\]"):
        patches_of(images, degradation=replace(NEAREST, scales=frozenset({4})))
    with pytest.raises(TrainingError, match="The degradation wrong made"):
        patches_of(images, degradation=replace(NEAREST, name="wrong", apply=lambda hr, scale, generator: hr))
