"""ResShift's schedule equals the official one, and its chain what normal distributions give."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures.resshift import KAPPA, ResShift, posterior, register_architectures, shifted_roots

from helpers import ORACLES
from helpers.architectures import fresh
from helpers.rounding import assert_equal_but_for_rounding
from srbench.imaging import imresize
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in register_architectures()}


class Recording(torch.nn.Module):
    """Returns what it is made for, and keeps what it was given."""

    def __init__(self, answer=0.0):
        super().__init__()
        self.answer, self.seen = answer, []

    def forward(self, x, times):
        self.seen.append((x[:, :3], x[:, 3:], times))
        return torch.zeros_like(x[:, 3:]) + self.answer


def module_of(answer=0.0, steps=4, smallest=0.2):
    return ResShift(4, network=partial(Recording, answer), roots=shifted_roots(steps, smallest))


@pytest.mark.parametrize(("steps", "smallest"), [(15, 0.04), (4, 0.2)])
def test_the_schedule_equals_the_official_one(steps, smallest):
    with np.load(ORACLES / "survey" / "resshift_schedule.npz") as arrays:
        np.testing.assert_allclose(shifted_roots(steps, smallest), arrays[f"sqrt_etas_{steps}"], rtol=1e-12)


@given(st.integers(2, 50), st.floats(0.01, 0.5))
def test_the_schedule_rises_from_the_smallest_noise_to_almost_all(steps, smallest):
    roots = shifted_roots(steps, smallest)
    assert (np.diff(roots) > 0).all()
    assert KAPPA * roots[0] == pytest.approx(smallest)
    assert roots[-1] == pytest.approx(0.99)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(-1, 1), st.floats(-1, 1), st.floats(-3, 3))
def test_the_posterior_is_that_of_bayes(one, other, clean, enlarged, noisy):
    """What is shifted by the share "after", and then by what "before" is more, has a normal distribution in between."""
    after, before = sorted((one, other))
    if before - after < 1e-3:
        return
    more, residual = before - after, enlarged - clean
    ahead, behind = 1 / (KAPPA**2 * after), 1 / (KAPPA**2 * more)  # precisions of x given clean, of noisy given x
    wanted = ((clean + after * residual) * ahead + (noisy - more * residual) * behind) / (ahead + behind)
    values = (torch.tensor(value, dtype=torch.float64) for value in (noisy, clean))
    mean, variance = posterior(*values, before, after)
    assert mean.item() == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert variance == pytest.approx(1 / (ahead + behind), rel=1e-9)


@settings(max_examples=25)
@given(st.integers(1, 15), st.integers(0, 2**31))
def test_a_network_that_knows_the_image_gives_it_in_any_number_of_steps(steps, seed):
    hr = 2 * photograph(2, 3, 8, 8) - 1
    lr = torch.full((2, 3, 2, 2), 0.3)
    module = module_of(hr - imresize(lr, scale=4), 15, 0.04)
    sr = module.sample(lr, "resshift", steps, torch.Generator().manual_seed(seed))
    torch.testing.assert_close(sr, hr, atol=1e-5, rtol=0)
    assert len(module.unet.seen) == steps


def test_between_the_ends_the_chain_has_the_mean_and_the_noise_of_its_training():
    """Given the true clean image, what the network sees at each step is distributed as in training."""
    hr, lr = torch.full((1, 3, 128, 128), 0.5), torch.full((1, 3, 32, 32), -0.5)
    module = module_of(1.0)
    module.sample(lr, "resshift", 4, torch.Generator().manual_seed(0))
    assert [int(times) for *_, times in module.unet.seen] == [3, 2, 1, 0]
    for index, (_, noisy, times) in enumerate(module.unet.seen):
        share = module.shares[int(times)]
        raw = noisy * (1 + KAPPA**2 * share) ** 0.5
        wanted = -0.5 if index == 0 else 0.5 - share  # pure noise starts at lr, as if all were shifted
        assert raw.mean().item() == pytest.approx(wanted, abs=0.03)
        assert raw.std().item() == pytest.approx(KAPPA * share**0.5, rel=0.02)
    assert hr.shape == noisy.shape


def test_the_objective_is_the_squared_error_of_the_clean_image_at_a_time_of_each_image():
    module = module_of(0.25)
    lr, hr = 2 * photograph(32, 3, 4, 4) - 1, 2 * photograph(32, 3, 16, 16, seed=2) - 1
    loss = module.objective(lr, hr, torch.Generator().manual_seed(1))
    ((condition, noisy, times),) = module.unet.seen
    enlarged = imresize(lr, scale=4).clamp(-1, 1)
    assert torch.equal(condition, enlarged)
    assert loss.item() == pytest.approx((enlarged + 0.25 - hr).square().mean().item())
    assert set(times.tolist()) == {0, 1, 2, 3}
    share = torch.from_numpy(module.shares)[times.long()].float().view(-1, 1, 1, 1)
    noise = (noisy * (1 + KAPPA**2 * share).sqrt() - hr - share * (enlarged - hr)) / (KAPPA * share.sqrt())
    assert noise.mean().abs() < 0.02
    assert noise.std().item() == pytest.approx(1, abs=0.02)


def test_before_training_it_predicts_about_the_enlarged_image():
    network = fresh(SPECS["resshift_small"], 4)
    lr = photograph(1, 3, 8, 12)
    with torch.no_grad():
        assert (network(lr, 4) - imresize(lr, scale=4)).abs().mean() < 0.05


def test_a_seed_decides_the_draw_and_a_call_draws_from_seed_0():
    module = fresh(SPECS["resshift_small_15"], 4).module
    torch.nn.init.normal_(module.unet.final_conv.block[-1].weight, std=0.02)
    lr = 2 * photograph(2, 3, 8, 8) - 1
    with torch.no_grad():
        draws = [module.sample(lr[1:], "resshift", 15, torch.Generator().manual_seed(seed)) for seed in (0, 0, 2)]
        assert torch.equal(draws[0], draws[1])
        assert (draws[0] - draws[2]).abs().mean() > 1e-3
        assert_equal_but_for_rounding(module(lr)[1:], draws[0], 1024)


def test_the_number_of_steps_is_a_choice_of_training():
    offered = {name: (spec.samplers[0].steps, spec.samplers[0].most) for name, spec in SPECS.items()}
    assert offered == {"resshift_small": ((4, 1), 4), "resshift_small_15": ((15, 4), 15)}
    counts = {name: len(fresh(spec, 4).module.shares) for name, spec in SPECS.items()}
    assert counts == {"resshift_small": 4, "resshift_small_15": 15}
    assert list(itertools.chain(*(spec.scales for spec in SPECS.values()))) == [4, 4]
