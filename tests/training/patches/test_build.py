"""The chain of patch sources that a recipe asks for."""

import pytest

from helpers.patches import NEAREST, numbered
from srbench.distilling.distiller import Phase
from srbench.recipe import Recipe
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.augmentation import Augmented
from srbench.training.patches.build import Pool, Progressive, source_for
from srbench.training.patches.cutting import Patches
from srbench.training.patches.images import TrainingImages


@pytest.fixture
def source(tmp_path):
    images = AlignedImages([TrainingImages(tmp_path, numbered())], (2, 3), NEAREST, luma=False)

    def build(phase=Phase("train"), **options):  # noqa: B008 - frozen
        recipe = Recipe(name="r", datasets=("d",), steps=20, patch=12, batch=4, **options)
        return source_for(recipe, phase, images, index=0, length=20, seed=1)

    return build


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, Patches),
        ({"progressive": ((10, 16, 2),)}, Progressive),
        ({"mixup": 0.5}, Augmented),
        ({"permute_colours": 0.5, "pool": 3}, Pool),
    ],
)
def test_a_recipe_decides_the_outermost_source(source, options, kind):
    assert type(source(patch_of="hr", **options)) is kind


def test_a_pool_repeats_what_was_augmented(source):
    pool = source(patch_of="hr", mixup=1.0, pool=3)
    assert (pool.sample(4)[0] == pool.sample(1)[0]).all()
    assert (pool.sample(1)[0] != source(patch_of="hr").sample(1)[0]).any()


def test_sides_are_those_of_hr_patches_if_the_recipe_says_so(source):
    for step in range(4):
        lr, hr, scale = source(patch_of="hr").sample(step)
        assert (lr.shape[2], hr.shape[2]) == (12 // scale, 12)


def test_a_phase_may_have_patches_and_batches_of_its_own(source):
    lr, _, _ = source(Phase("train", patch=5, batch=3), patch_of="hr").sample(0)
    assert lr.shape == (3, 3, 5, 5)
