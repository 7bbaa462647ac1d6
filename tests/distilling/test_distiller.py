"""The distiller interface: what a method is given, and what it is kept from."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from srbench.distilling.distiller import Batch, Distiller, Frozen, Optimiser, Setup, sum_of, weighted_mean
from srbench.errors import TrainingError
from srbench.networks.capture import capture
from srbench.networks.network import build_network
from srbench.recipe import Recipe


class InPlace(nn.Module):
    """Alters its first feature after the module that made it, as skip-adds do."""

    def __init__(self):
        super().__init__()
        self.first, self.act, self.second = nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        x = self.act(self.first(x))
        x += 1
        return self.second(x)


def test_a_tap_keeps_what_the_module_gave_though_it_is_changed_afterwards():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["first"]) as features:
        net(x)
    assert torch.equal(features["first"], net.first(x))


def test_a_tap_on_an_input_gives_what_precedes_the_activation():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["act", "second"], "input") as features:
        net(x)
    assert torch.equal(features["act"], net.first(x))
    assert torch.equal(features["second"], net.first(x).relu() + 1)


def test_a_tap_may_say_itself_that_it_is_an_input():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["first", "second:input"]) as features:
        net(x)
    assert torch.equal(features["first"], net.first(x))
    assert torch.equal(features["second:input"], net.first(x).relu() + 1)


def test_a_tap_on_what_is_no_tensor_is_named():
    class Two(nn.Module):
        def forward(self, x):
            return x, x

    net = nn.Sequential(Two())
    with pytest.raises(TrainingError, match="Tap '0' of Sequential gives a tuple, not a tensor"), capture(net, ["0"]):
        net(torch.rand(1))


def test_taps_carry_gradients_and_are_gone_afterwards():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["first"]) as features:
        net(x)
    features["first"].sum().backward()
    assert net.first.weight.grad is not None
    before = features["first"]
    net(x)
    assert features["first"] is before
    assert not net.first._forward_hooks


def test_a_tap_that_names_no_module_is_answered_with_those_there_are():
    with pytest.raises(TrainingError, match=r"InPlace has no module at 'body.2' to tap; .*: act, first, second"):
        capture(InPlace(), ["first", "body.2"]).__enter__()


def test_a_wrong_tap_leaves_no_hook_behind():
    net = InPlace()
    with pytest.raises(TrainingError):
        capture(net, ["first", "body.2"]).__enter__()
    assert not net.first._forward_hooks


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
    ("terms", "told"),
    [({}, "no loss term"), ({"a": torch.ones(2)}, r"'a' has shape \(2,\)"), ({"a": 0.5}, "'a' is a float")],
)
def test_terms_of_a_wrong_kind_are_named(terms, told):
    with pytest.raises(TrainingError, match=told):
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


def test_frozen_teachers_are_found_out_when_they_are_touched(setup):
    (teacher,) = setup.teachers
    weight = next(teacher.module.parameters())
    teacher.module.train()
    frozen = Frozen((teacher,))
    assert not teacher.module.training
    assert not weight.requires_grad
    frozen.check()
    with torch.no_grad():
        teacher(torch.rand(1, 3, 4, 4), 2)
    frozen.check()

    teacher.module.train()
    with pytest.raises(TrainingError, match=r"The teacher wide was set to training"):
        frozen.check()
    teacher.module.eval()
    weight.requires_grad_(True)
    with pytest.raises(TrainingError, match=r"set to training"):
        frozen.check()
    weight.requires_grad_(False)
    with torch.no_grad():
        weight.add_(1)
    with pytest.raises(TrainingError, match=r"weights were changed"):
        frozen.check()
