"""A student whose sr is drawn is trained by its own objective, through the interface of every training."""

from functools import partial

import pytest
import torch

from helpers.applied import Gaussian, gaussian, gaussian_spec
from helpers.training import BICUBIC, RECIPE, photographs, same
from srbench.distilling.distiller import Batch, Distiller, Setup
from srbench.distilling.spec import DistillerSpec, LossSpec
from srbench.errors import TrainingError
from srbench.imaging import write_png
from srbench.networks.network import build_network
from srbench.tasks.super_resolution.training import PatchTraining
from srbench.training.train_model import train_model
from srbench.training.validation import OBJECTIVE, PSNR

CPU = torch.device("cpu")
NONE = DistillerSpec(name="none", build=Distiller, needs_teacher=False)


class Comparing(Distiller):
    def losses(self, batch):
        return self.setup.supervised(self.setup.student(batch.lr, batch.wanted), batch.target)


class Adding(Comparing):
    objectives = True

    def losses(self, batch):
        return self.setup.own_losses(batch)


class Moved(Gaussian):
    """Begins with a shift of 0.3, which training has to undo."""

    def __init__(self):
        super().__init__()
        torch.nn.init.constant_(self.shift, 0.3)


@pytest.fixture
def training(tmp_path):
    paths = {}
    for number, pixels in enumerate(photographs()):
        paths[str(number)] = tmp_path / "photographs" / f"{number}.png"
        write_png(paths[str(number)], pixels)

    def make(**facts):
        known = {
            "spec": gaussian_spec(Moved), "scales": (2,), "distiller": NONE, "teachers": (), "recipe": RECIPE,
            "degradation": BICUBIC, "losses": {"l1": LossSpec(name="l1", build=lambda: no_loss)},
            "images": {"toy": paths}, "build": lambda name: build_network(gaussian_spec(), 2),
            "find_degradation": lambda name: BICUBIC, "seed": 5,
        }  # fmt: skip
        return PatchTraining(**known | facts)

    def run(name="work", **facts):
        return train_model(make(**facts), device=CPU, work=tmp_path / name, cache=tmp_path / "cache")

    return run


def no_loss(sr, hr):
    raise AssertionError("the recipe's losses do not matter")


def test_plain_training_minimises_the_objective_and_depends_on_the_seed_alone(training):
    slow = RECIPE.model_copy(update={"learning_rate": 0.02})
    first = training(recipe=slow)
    assert set(first.report.terms) == {"objective"}
    assert abs(first.state_dict["shift"].item()) < 0.1
    torch.manual_seed(77)
    assert same(first.state_dict, training("again", recipe=slow).state_dict)
    assert not same(first.state_dict, training("other", recipe=slow, seed=6).state_dict)
    assert first.report.costs.student_forwards == 1


def test_a_method_that_compares_sr_cannot_train_it(training):
    with pytest.raises(TrainingError, match=r"^comparing compares sr, which gaussian draws"):
        training(distiller=DistillerSpec(name="comparing", build=Comparing, needs_teacher=False))


def test_a_method_says_whether_it_can():
    def can(build):
        return DistillerSpec(name="method", build=build).objectives

    class Averaged(Distiller):
        ema = 0.9

    class Stepping(Distiller):
        def step(self, batch, optimisers, next_batch):
            return {}

    kinds = (Distiller, Averaged, Comparing, Stepping, Adding, partial(Adding))
    assert [can(kind) for kind in kinds] == [True, True, False, False, True, True]


def test_a_batch_is_not_divided_as_each_patch_has_its_noise(training):
    with pytest.raises(TrainingError, match="trains gaussian by its objective, which draws random numbers for each"):
        training(recipe=RECIPE.model_copy(update={"deterministic": True}))


def test_validation_is_the_objective_with_the_same_noise_every_time():
    lr, hr = torch.rand(5, 3, 4, 4), torch.rand(5, 3, 8, 8)
    network = gaussian()
    drawn = network.module.evaluations
    scores = {OBJECTIVE.measure(network, {2: (lr, hr)}, CPU, batch) for batch in (5, 5)}
    assert network.module.evaluations == drawn, "nothing is drawn"
    error = (lr.repeat_interleave(2, -1).repeat_interleave(2, -2) - hr).square().mean().item()
    assert len(scores) == 1
    assert scores.pop() == pytest.approx(-(error + 0.02**2), rel=0.02)
    assert OBJECTIVE.text(-0.01234) == "-0.0123 (minus the objective)"
    assert PSNR.text(31.257) == "31.26 dB"
    assert OBJECTIVE.draw(network, {2: (lr, hr)}, CPU).shape == (4 * 8, 3 * 8, 3)


def test_its_noise_comes_from_the_batch():
    network = gaussian()
    lr, hr = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 8, 8)

    def loss(seed):
        setup = Setup(network, (), (2,), RECIPE, {}, CPU, build=lambda name: network)
        batch = Batch(lr, hr, 2, 0, 1, torch.Generator().manual_seed(seed))
        return setup.own_losses(batch)["objective"].item()

    torch.manual_seed(1)
    first = loss(0)
    torch.manual_seed(2)
    assert (loss(0) == first, loss(1) == first) == (True, False)
