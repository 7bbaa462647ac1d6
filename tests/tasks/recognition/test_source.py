"""Two views of every image, from one crop, in an order that only the seed and the step decide."""

import numpy as np
import pytest
import torch
from PIL import Image

from srbench.degrading.spec import DegradationSpec
from srbench.imaging.resize import imresize
from srbench.recipe import RecognitionRecipe
from srbench.tasks.recognition.sized import SizedImages
from srbench.tasks.recognition.source import TwoViews

BICUBIC = DegradationSpec(name="b", stochastic=False, apply=lambda hr, scale, generator: imresize(hr, scale=1 / scale))
LABELS = torch.arange(7)


def images(folder, size=(8, 12), side=(8, 12)):
    random = np.random.default_rng(0)
    paths = {}
    for number in range(7):
        paths[f"i{number}"] = folder / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (*side, 3), dtype=np.uint8)).save(paths[f"i{number}"])
    return SizedImages(folder / "cache", paths, size)


def source(tmp_path, *, scale=2, seed=0, phase=0, batch=3, held_out=None, **recipe):
    own = RecognitionRecipe(name="r", datasets=("d",), steps=9, height=8, width=12, **recipe)
    return TwoViews(
        images(tmp_path), LABELS, held_out, recipe=own, degradation=BICUBIC, scale=scale, batch=batch, seed=seed,
        phase=phase,
    )  # fmt: skip


def test_lr_is_made_of_the_hr_that_the_teacher_sees(tmp_path):
    lr, hr, scale = source(tmp_path, augment="flip").sample(0)
    assert (lr.shape, hr.shape, scale) == ((3, 3, 4, 6), (3, 3, 8, 12), 2)
    torch.testing.assert_close(lr, imresize(hr, scale=0.5).clamp(0, 1), atol=0.5 / 255 + 1e-6, rtol=0)


def test_an_epoch_shows_every_image_once(tmp_path):
    shown = [source(tmp_path, batch=7).labels(step).sort().values for step in range(3)]
    assert all(torch.equal(labels, LABELS) for labels in shown)


def test_the_next_epoch_continues_where_one_ends(tmp_path):
    made = source(tmp_path)
    shown = torch.cat([made.labels(step) for step in range(7)])
    assert torch.equal(shown.view(3, 7).sort(dim=1).values, LABELS.expand(3, 7))


def test_a_step_depends_on_nothing_but_itself(tmp_path):
    one, other = source(tmp_path, augment="crop"), source(tmp_path, augment="crop")
    for step in range(4):
        one.sample(step)
    for found, again in zip(one.sample(4)[:2], other.sample(4)[:2], strict=True):
        assert torch.equal(found, again)


@pytest.mark.parametrize("change", [{"seed": 1}, {"phase": 1}])
def test_seeds_and_phases_have_orders_of_their_own(tmp_path, change):
    one, other = source(tmp_path), source(tmp_path, **change)
    assert any(not torch.equal(one.labels(step), other.labels(step)) for step in range(5))


def test_labels_belong_to_the_images(tmp_path):
    made = source(tmp_path, scale=1)
    every = made._images.at(range(7))
    lr, hr, _ = made.sample(2)
    assert torch.equal(hr, every[made.labels(2)])
    assert torch.equal(lr, hr)


def test_half_of_the_images_are_mirrored(tmp_path):
    made = source(tmp_path, augment="flip", batch=700)
    every = made._images.at(range(7))
    _, hr, _ = made.sample(0)
    plain = every[made.labels(0)]
    mirrored = [bool((a != b).any()) for a, b in zip(hr, plain, strict=True)]
    assert 250 < sum(mirrored) < 450
    assert all(torch.equal(a, b.flip(-1)) for a, b, turned in zip(hr, plain, mirrored, strict=True) if turned)


def test_crops_keep_the_size_and_differ(tmp_path):
    _, hr, _ = source(tmp_path, augment="crop", batch=14).sample(0)
    assert hr.shape == (14, 3, 8, 12)
    assert len({tuple(image.flatten()[:5].tolist()) for image in hr}) == 14


@pytest.mark.parametrize(("crop_area", "low", "high"), [(1.0, 0.6, 0.9), (0.08, 0.03, 0.25)])
def test_crops_keep_the_share_of_the_area_that_the_recipe_says(tmp_path, monkeypatch, crop_area, low, high):
    areas, crop = [], SizedImages.crop

    def noted(images, number, box):
        areas.append(box[2] * box[3] / (8 * 12))
        return crop(images, number, box)

    monkeypatch.setattr(SizedImages, "crop", noted)
    source(tmp_path, augment="crop", crop_area=crop_area, batch=64).sample(0)
    assert len(areas) == 64
    assert low < min(areas) < high


def test_the_enlarged_view_has_the_size_of_hr_even_where_it_does_not_divide(tmp_path):
    lr, hr, _ = source(tmp_path, scale=5, view="bicubic").sample(0)
    assert lr.shape == hr.shape


def test_what_is_held_out_is_seen_as_by_the_student(tmp_path):
    other = images(tmp_path), LABELS
    found = source(tmp_path, held_out=other).held_out()
    assert set(found) == {2}
    assert found[2][0].shape == (7, 3, 4, 6)
    assert torch.equal(found[2][1], LABELS)
    assert source(tmp_path).held_out() == {}


def test_images_of_another_size_are_cut_at_their_centre(tmp_path):
    whole = images(tmp_path, size=(8, 12), side=(8, 20))
    wide = images(tmp_path / "again" if (tmp_path / "again").mkdir() is None else tmp_path, (8, 20), (8, 20))
    torch.testing.assert_close(whole.at([3]), wide.at([3])[..., 4:16])
    assert whole.original_size(3) == (8, 20)
