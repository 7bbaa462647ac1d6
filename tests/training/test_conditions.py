"""A non-blind network gets, with every patch, what was really done to that patch."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from helpers.patches import patches_of
from helpers.training import BICUBIC, NOISY, SMALL, make_setup, photographs, run
from srbench.degrading import Chain, Sometimes, column
from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Batch, Distiller
from srbench.errors import TrainingError
from srbench.recipe import Recipe
from srbench.training.patches.augmentation import Augmented
from srbench.training.patches.build import Pool, Progressive
from srbench.training.patches.images import TrainingImages


@dataclass(frozen=True)
class Paint:
    """Every pixel becomes a drawn level."""

    def draw(self, random, size):
        return {"level": random.integer(0, 255)}

    def apply(self, images, drawn, size):
        return torch.zeros_like(images) + column(drawn, "level", images) / 255


@dataclass(frozen=True)
class Shrink:
    """Every pixel but the first of a block is dropped."""

    def draw(self, random, size):
        return {}

    def apply(self, images, drawn, size):
        return images[..., :: size.scale, :: size.scale]


def level(drawn):
    (painted,) = (entry["drawn"]["level"] for entry in drawn["steps"] if entry["step"] == "Paint")
    return {"level": float(painted)}


PAINTED = DegradationSpec(
    name="painted",
    chain=Chain([Paint(), Sometimes([Paint()], probability=0.0), Shrink()]),
    stochastic=True,
    describe=level,
)
RECIPE = Recipe(name="r", datasets=("d",), patch=4, batch=5, steps=20, progressive=((10, 6, 3),), permute_colours=0.5)


@pytest.fixture
def images(tmp_path):
    return TrainingImages(tmp_path, photographs())


def patches(images, patch=4, batch=5, degradation=PAINTED):
    return patches_of(images, patch=patch, batch=batch, degradation=degradation)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda source, cut: source,
        lambda source, cut: Pool(source, 2),
        lambda source, cut: Augmented(source, RECIPE, 0, 0),
        lambda source, cut: Progressive(RECIPE, 20, cut),
    ],
    ids=["patches", "pool", "augmented", "progressive"],
)
def test_conditions_are_what_was_done(images, wrap):
    source = wrap(patches(images), lambda patch, batch: patches(images, patch, batch))
    seen = set()
    for step, draw in ((0, 0), (3, 0), (3, 1), (12, 0)):
        lr = source.sample(step, draw)[0]
        conditions = torch.tensor([one["level"] for one in source.conditions(step, draw)])
        assert torch.equal((lr * 255).round()[:, :, 0, 0], conditions[:, None].expand(-1, 3))
        seen.update(conditions.tolist())
    assert len(seen) > 5


def test_every_patch_of_a_degradation_that_is_not_random_has_the_same_conditions(images):
    fixed = replace(BICUBIC, describe=lambda drawn: {"level": 7.0})
    assert patches(images, degradation=fixed).conditions(3) == [{"level": 7.0}] * 5


def test_a_degradation_that_describes_nothing_is_refused_in_a_sentence(images):
    with pytest.raises(TrainingError, match="noisy does not describe what it does, so a non-blind network cannot"):
        patches(images, degradation=NOISY).conditions(0)


def test_mixed_patches_are_refused_in_a_sentence(images):
    mixing = Augmented(patches(images), RECIPE.model_copy(update={"mixup": 0.5}), 0, 0)
    with pytest.raises(TrainingError, match="Mixed patches have no degradation of their own"):
        mixing.conditions(0)


class Listening(nn.Module):
    """Keeps what it sees and its conditions."""

    def __init__(self, scale):
        super().__init__()
        self.weight, self.scale, self.heard = nn.Parameter(torch.zeros(1)), scale, []

    def forward(self, lr, conditions=None):
        self.heard.append((lr[:, 0, 0, 0] * 255, conditions))
        return (lr + self.weight).repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)


def test_plain_training_gives_the_student_the_conditions_of_every_patch(tmp_path):
    setup = make_setup(replace(SMALL, name="listening", build=Listening, conditions=("level",), taps=()))
    report = run(Distiller(setup), tmp_path, degradation=PAINTED)
    assert (
        len(setup.student.module.heard) == report.steps
    )  # held-out patches, whose conditions are unknown, are not shown
    for seen, conditions in setup.student.module.heard:
        torch.testing.assert_close(conditions[:, 0], seen, atol=1e-3, rtol=0)
    assert report.held_out is None


def test_a_batch_of_a_blind_student_has_no_conditions():
    lr = torch.zeros(1, 3, 4, 4)
    assert Batch(lr, lr, 2, 0, 1, torch.Generator()).conditions is None
