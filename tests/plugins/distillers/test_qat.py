"""Learnt steps: against LSQ's equations, against torch's own operators, and what the weights keep of them."""

import math

import pytest
import torch
from srbench_plugins.distillers.qat import LearntGrid, QuantisationAware, fake_quantise, register_distillers
from torch import nn

from helpers.distilling import assert_resumes_to_the_same_bits, batch, edsr, setup
from srbench.deploying.learnt import LearntRanges
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec
from srbench.testing import violations_of

TENSOR = torch.tensor


def values(seed=0, shape=(4, 3, 3, 3)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_gradients_are_those_of_the_papers_equations():
    v, s = TENSOR([-9.0, -0.34, 0.2, 0.61, 3.0], requires_grad=True), TENSOR(0.25, requires_grad=True)
    rounded = fake_quantise(v, s, TENSOR(-4.0), TENSOR(3.0), count=5)
    torch.testing.assert_close(rounded, TENSOR([-1.0, -0.25, 0.25, 0.5, 0.75]))
    weights = TENSOR([1.0, 2.0, 3.0, 5.0, 7.0])
    by_value, by_step = torch.autograd.grad((rounded * weights).sum(), (v, s))
    assert by_value.tolist() == [0, 2, 3, 5, 0]
    inside = [round(x / 0.25) - x / 0.25 for x in (-0.34, 0.2, 0.61)]
    equation_3 = 1 * -4 + 2 * inside[0] + 3 * inside[1] + 5 * inside[2] + 7 * 3
    assert float(by_step) == pytest.approx(equation_3 / math.sqrt(5 * 3), rel=1e-5)


@pytest.mark.parametrize(("low", "high"), [(-127, 127), (-128, 127), (0, 255)])
def test_values_and_gradients_are_those_of_torchs_operators(low, high):
    v, s = values().requires_grad_(), TENSOR(0.01, requires_grad=True)
    theirs_v, theirs_s = v.detach().clone().requires_grad_(), s.detach().clone().reshape(1).requires_grad_()
    ours = fake_quantise(v, s, TENSOR(float(low)), TENSOR(float(high)), v.numel())
    theirs = torch.fake_quantize_per_tensor_affine(theirs_v.detach(), 0.01, 0, low, high)
    torch.testing.assert_close(ours, theirs)
    factor = 1 / math.sqrt(v.numel() * high)
    learnable = torch._fake_quantize_learnable_per_tensor_affine(theirs_v, theirs_s, torch.zeros(1), low, high, factor)
    weights = values(1)
    found = torch.autograd.grad((ours * weights).sum(), (v, s))
    wanted = torch.autograd.grad((learnable * weights).sum(), (theirs_v, theirs_s))
    torch.testing.assert_close(found[0], wanted[0])
    torch.testing.assert_close(found[1], wanted[1][0], rtol=1e-4, atol=1e-6)


def test_weights_have_a_step_for_each_channel_which_reaches_its_largest_value():
    weight = values() * TENSOR([1.0, 0.1, 10.0, 0.0])[:, None, None, None]
    grid = LearntGrid((4, 1, 1, 1))
    grid.begin_for_weight(weight)
    step, each = grid.step.flatten(), weight.abs().reshape(4, -1)
    assert torch.equal(step[:3], each.amax(1)[:3] / 127)
    assert 0 < step[3] < 1e-9
    assert torch.all(grid(weight, 27)[3] == 0)
    theirs = torch.fake_quantize_per_channel_affine(weight, step.detach(), torch.zeros(4).int(), 0, -127, 127)
    torch.testing.assert_close(grid(weight, 27), theirs)


def test_inputs_have_a_zero_point_and_reach_their_extremes():
    grid = LearntGrid(())
    grid.begin_for_input(TENSOR([[-0.5, 1.0], [0.0, 2.05]]))
    assert grid.range == pytest.approx((-0.5, 2.05), abs=0.01)
    assert grid.step.item() == pytest.approx(2.55 / 255)
    assert (int(grid.low), int(grid.high)) == (-50, 205)
    positive = LearntGrid(())
    positive.begin_for_input(TENSOR([[0.1, 2.55]]))
    assert positive.range == pytest.approx((0, 2.55))


def after_steps(steps=2, rate=1e-3):
    """A distiller with its setup, after some steps."""
    made = setup(edsr())
    distiller = QuantisationAware(made)
    distiller.begin([batch()])
    optimiser = torch.optim.Adam([*made.student.module.parameters(), *distiller.parameters()], rate)
    for step in range(steps):
        optimiser.zero_grad()
        sum(distiller.losses(batch(seed=step)).values()).backward()
        optimiser.step()
    return made, distiller


def test_the_contract_holds():
    assert violations_of(register_distillers()[0]) == []


def test_layers_compute_with_rounded_weights_and_inputs_and_the_student_keeps_its_own():
    made, distiller = after_steps(1)
    student = made.student.module
    before = {name: weight.clone() for name, weight in student.state_dict().items()}
    seen = {}
    layer = student.body[0].body[2]
    hook = layer.register_forward_hook(lambda called, given, _: seen.update(x=given[0], w=called.weight))
    distiller.losses(batch())
    hook.remove()
    number = distiller.layers.index("body.0.body.2")
    for found, grid, levels in (
        (seen["x"], distiller.inputs[distiller.called.index(number)], 256), (seen["w"], distiller.weights[number], 255),
    ):  # fmt: skip
        whole = found / grid.step
        torch.testing.assert_close(whole, whole.round(), atol=1e-3, rtol=0)
        assert 8 < len(whole.round().unique()) <= levels
    assert float(distiller.inputs[distiller.called.index(number)].low) == 0, "behind a ReLU"
    assert all(torch.equal(weight, before[name]) for name, weight in student.state_dict().items())
    assert not layer._forward_pre_hooks


def test_frozen_layers_are_left_alone():
    made = setup(edsr())
    made.student.module.head[0].requires_grad_(requires_grad=False)
    assert "head.0" in QuantisationAware(setup(edsr())).layers
    assert "head.0" not in QuantisationAware(made).layers


def test_weights_end_on_their_grids_and_the_note_has_the_steps_and_ranges():
    made, distiller = after_steps()
    distiller.finish()
    learnt = LearntRanges.model_validate_json(distiller.weights_note())
    assert [*learnt.layers] == distiller.layers
    for path, layer in learnt.layers.items():
        weight = made.student.module.get_parameter(f"{path}.weight").detach()
        step = TENSOR(layer.weight_steps)[:, None, None, None]
        torch.testing.assert_close(weight / step, (weight / step).round(), atol=1e-3, rtol=0)
        assert layer.low <= 0 < layer.high
        zero_point = -layer.low / (layer.high - layer.low) * 255
        assert zero_point == pytest.approx(round(zero_point), abs=1e-3)


def test_steps_learn():
    _, distiller = after_steps(3)
    grids = [*distiller.weights, *distiller.inputs]
    assert all(bool(grid.log_ratio.abs().max() > 0) for grid in grids)


def test_a_killed_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: QuantisationAware(setup(edsr())), tmp_path)


def test_a_student_without_layers_is_refused():
    class Nothing(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.gain = nn.Parameter(torch.ones(1))

    spec = ArchitectureSpec(name="nothing", build=Nothing, scales=frozenset({2}))
    with pytest.raises(TrainingError, match="nothing has no convolution and no linear layer"):
        QuantisationAware(setup(spec))
