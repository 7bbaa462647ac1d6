"""Estimates grow with the work, and never block it."""

import itertools
import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from torch import nn

from srbench.networks.applied import FitBudget, Sampler, Sampling
from srbench.profiling.settings import Profiling
from srbench.recipe import Recipe, RecognitionRecipe
from srbench.running import estimate
from srbench.running.estimate import Estimator, in_words
from srbench.running.jobs import CertifyJob, MeasureJob, ProfileJob, TrainJob


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (40, "40 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3600, "60 min"),
        (2 * 3600, "2 h"),
        (86400 * 3, "3.0 days"),
    ],
)
def test_durations_are_written_in_words(seconds, words):
    assert in_words(seconds) == words


@pytest.fixture
def train(session, schedule, monkeypatch):
    monkeypatch.setattr(estimate, "_macs_a_second", lambda: 1e9)
    monkeypatch.setitem(estimate._SECONDS_PER_MODULE, "student", 0.0)
    monkeypatch.setitem(estimate._SECONDS_PER_MODULE, "teacher", 0.0)
    (cell,) = schedule('architectures = ["dot"]\ndistillers = ["logits"]\nteacher = "wide"').plan.cells

    def seconds(**recipe):
        model = replace(cell.model, recipe=cell.model.recipe.model_copy(update=recipe))
        return Estimator(session).seconds(TrainJob(model))

    return seconds


def test_training_time_is_proportional_to_steps_and_patches(train):
    assert train(steps=300) == pytest.approx(100 * train(steps=3))
    assert train(batch=8) == pytest.approx(4 * train(batch=2))
    assert train(patch=16) == pytest.approx(4 * train(patch=8), rel=0.01)
    assert train(patch=16, patch_of="hr") == pytest.approx(train(patch=8))
    growing = train(steps=100, patch=8, batch=2, progressive=((25, 16, 4), (900, 64, 64)))
    assert growing == pytest.approx((0.25 + 0.75 * 4 * 2) * train(steps=100, patch=8, batch=2))


def test_the_rate_of_a_machine_is_that_of_the_processor_time_of_a_core(monkeypatch):
    moments = itertools.count()  # a second of processor time passes between any two looks at the clock
    monkeypatch.setattr(estimate, "time", SimpleNamespace(process_time=lambda: float(next(moments))))
    assert estimate._macs_a_second.__wrapped__() == 512**3


def test_every_job_has_an_estimate(session, schedule):
    (cell,) = schedule('architectures = ["dot"]\ndatasets = ["photographs"]').plan.cells
    one, eight = (
        Estimator(session).seconds(MeasureJob(replace(cell, inference=replace(cell.inference, self_ensemble=ensemble))))
        for ensemble in (False, True)
    )
    assert 0 < one < eight
    assert Estimator(session).seconds(CertifyJob("sr", "tiny_test", 2)) > 0
    assert Estimator(session).seconds(ProfileJob("dot", 2, Profiling(latency_seconds=7), None)) > 7


def test_a_network_that_cannot_be_built_is_no_obstacle(session, schedule, catalog, monkeypatch):
    def broken(scale):
        raise RuntimeError("no")

    (cell,) = schedule('architectures = ["dot"]').plan.cells
    spec, plugin = catalog.architectures._specs["dot"]
    assert Estimator(session).seconds(TrainJob(cell.model)) > 0
    monkeypatch.setitem(catalog.architectures._specs, "dot", (replace(spec, build=broken), plugin))
    assert Estimator(session).seconds(TrainJob(cell.model)) == 0


def test_modules_cost_their_calls_at_every_step_however_small_the_patches_are(session, schedule, monkeypatch):
    monkeypatch.setattr(estimate, "_macs_a_second", lambda: math.inf)
    (cell,) = schedule('architectures = ["dot"]\ndistillers = ["logits"]\nteacher = "wide"').plan.cells
    steps, modules = cell.model.recipe.steps, 4  # dot and wide are a module with a sequence of two
    each = estimate._SECONDS_PER_MODULE["student"] + estimate._SECONDS_PER_MODULE["teacher"]
    assert Estimator(session).seconds(TrainJob(cell.model)) == pytest.approx(steps * modules * each)


def test_more_threads_speed_up_arithmetic_and_more_workers_what_runs_side_by_side(session, schedule, monkeypatch):
    monkeypatch.setattr(estimate, "_macs_a_second", lambda: 1e3)  # so slow that arithmetic is all that counts
    planned = schedule('architectures = ["dot", "wide"]')
    one, four = (
        Estimator(replace(session, threads=threads)).elapsed((job.job for job in planned.open_jobs()), workers)
        for threads, workers in ((1, 1), (2, 2))
    )
    assert one == pytest.approx(4 * four, rel=1e-2)


def test_images_that_are_cropped_and_reduced_at_every_step_cost_time():
    facts = {"name": "r", "datasets": ("d",), "steps": 10, "batch": 4, "height": 20, "width": 30}
    pixels = 10 * 4 * 20 * 30
    for augment, scale, passes in (("none", 1, 0), ("none", 4, 1), ("crop", 1, 2), ("crop", 4, 3)):
        assert RecognitionRecipe(**facts, augment=augment).resized_pixels(scale) == passes * pixels
    assert Recipe(name="r", datasets=("d",), steps=10, losses={"l1": 1.0}).resized_pixels(4) == 0


def test_each_sample_and_step_of_a_sampler_costs_an_evaluation_and_training_none_of_them(
    session, schedule, catalog, monkeypatch
):
    (cell,) = schedule('architectures = ["dot"]\ndatasets = ["photographs"]').plan.cells
    spec, plugin = catalog.architectures._specs["dot"]
    monkeypatch.setattr(estimate, "_macs_a_second", lambda: 1.0)  # so slow that arithmetic is all that counts
    plain, trained = Estimator(session).seconds(MeasureJob(cell)), Estimator(session).seconds(TrainJob(cell.model))
    walk, leap = Sampler(name="walk", steps=(4,), most=9), Sampler(name="leap", steps=(2,), most=2, evaluations=2)
    drawn = replace(spec, samplers=(walk, leap), build=partial(_FourTimes, spec.build))
    monkeypatch.setitem(catalog.architectures._specs, "dot", (drawn, plugin))
    for sampling, evaluations in (
        (Sampling(sampler="walk", steps=4), 4),
        (Sampling(sampler="walk", steps=9, samples=3), 27),
        (Sampling(sampler="leap", steps=1, samples=2), 4),
    ):
        own = replace(cell, inference=replace(cell.inference, sampling=sampling))
        assert Estimator(session).seconds(MeasureJob(own)) == pytest.approx(evaluations * plain, rel=1e-3)
    assert Estimator(session).seconds(TrainJob(cell.model)) == pytest.approx(trained, rel=1e-3)


class _FourTimes(nn.Module):
    """A network that evaluates another four times, as forward of one that samples does."""

    def __init__(self, build, scale):
        super().__init__()
        self.net = build(scale)

    def forward(self, lr):
        return sum(self.net(lr) for _ in range(4)) / 4


def test_a_fit_costs_as_many_steps_of_training_as_it_takes(session, schedule, monkeypatch):
    (cell,) = schedule('architectures = ["dot"]\ndatasets = ["photographs"]').plan.cells
    monkeypatch.setattr(estimate, "_macs_a_second", lambda: 1.0)
    fitted = replace(cell, inference=replace(cell.inference, fitting=FitBudget(steps=50)))
    plain, own = (Estimator(session).seconds(MeasureJob(each)) for each in (cell, fitted))
    assert own == pytest.approx(3 * 50 * plain, rel=1e-3)
