"""The distiller interface: what a method is given, and what it is kept from."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srbench.distilling.distiller import Batch, Distiller, Optimiser, Setup, sum_of, weighted_mean
from srbench.errors import TrainingError
from srbench.networks.network import build_network
from srbench.recipe import Recipe


@given(st.lists(st.tuples(st.floats(-5, 5), st.just(0.0) | st.floats(0.01, 5)), min_size=1, max_size=8))
def test_a_weighted_mean_is_the_sum_over_the_weights(pairs):
    values, weights = (torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True))
    total = float(weights.sum())
    expected = float((values * weights).sum()) / total if total else 0.0
    assert float(weighted_mean(values, weights)) == pytest.approx(expected, abs=1e-6)


def test_weights_of_samples_reach_every_pixel():
    values = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)])
    assert weighted_mean(values, torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)) == pytest.approx(0.75)


def test_the_sum_of_terms_is_one_number_with_a_gradient():
    one = torch.tensor([2.0], requires_grad=True)
    total = sum_of({"a": one, "b": torch.tensor(3.0)})
    assert (total.shape, float(total.detach())) == ((), 5.0)
    total.backward()
    assert one.grad is not None


@pytest.mark.parametrize(
    ("terms", "message"),
    [({}, "no loss term"), ({"a": torch.ones(2)}, r"'a' has shape \(2,\)"), ({"a": 0.5}, "'a' is a float")],
)
def test_terms_of_a_wrong_kind_are_named(terms, message):
    with pytest.raises(TrainingError, match=message):
        sum_of(terms)


@pytest.fixture
def setup(catalog):
    return Setup(
        student=build_network(catalog.architectures["dot"], 2),
        teachers=(build_network(catalog.architectures["wide"], 2),),
        scales=(2,),
        recipe=Recipe(name="r", datasets=("tiny_train",), steps=5, losses={"l1": 2.0, "mse": 0.5}),
        losses={"l1": lambda sr, hr: (sr - hr).abs().mean(), "mse": lambda sr, hr: (sr - hr).square().mean()},
        device=torch.device("cpu"),
        build=lambda name: build_network(catalog.architectures[name], 2),
    )


def batch(step=0):
    return Batch(torch.rand(2, 3, 4, 4), torch.rand(2, 3, 8, 8), 2, step, 5, torch.Generator().manual_seed(step))


def test_the_recipes_losses_come_weighted_and_by_name(setup):
    sr, hr = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
    assert {k: float(v) for k, v in setup.supervised(sr, hr).items()} == {"l1": 1.0, "mse": 0.125}


def test_the_default_distiller_minimises_the_recipes_losses(setup):
    method, given_batch = Distiller(setup), batch()
    optimiser = torch.optim.SGD(setup.student.module.parameters(), lr=0.1)
    optimisers = {"main": Optimiser(optimiser, torch.Tensor.backward, lambda raw: raw.step())}
    before = float(sum_of(method.losses(given_batch)).detach())
    for _ in range(5):
        terms = method.step(given_batch, optimisers, batch)
    assert set(terms) == {"l1", "mse"}
    assert float(sum_of(method.losses(given_batch)).detach()) < before
    assert [phase.name for phase in method.phases()] == ["train"]


def test_student_and_teacher_are_no_parts_of_a_distiller(setup):
    assert list(Distiller(setup).parameters()) == []
    assert list(Distiller(setup).state_dict()) == []


def test_a_method_without_its_teacher_says_what_to_add(setup):
    alone = Setup(**{name: getattr(setup, name) for name in Setup.__slots__} | {"teachers": ()})
    assert setup.teacher is setup.teachers[0]
    with pytest.raises(TrainingError, match=r'names none; add `teacher = "…"`'):
        _ = alone.teacher


def test_progress_runs_from_zero_to_one():
    assert [batch(step).progress for step in (0, 2, 4)] == [0.0, 0.5, 1.0]
    assert Batch(torch.empty(0), torch.empty(0), 2, 0, 1, torch.Generator()).progress == 0.0
