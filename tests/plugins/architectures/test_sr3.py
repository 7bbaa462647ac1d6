"""SR3 equals the public implementation and diffusers, step by step, and keeps what its formulas promise."""

import itertools
import json
import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures.sr3 import SR3, Step, beta_schedule, chosen_times, noised, register_architectures

from helpers import ORACLES
from helpers.architectures import assert_size, fresh
from helpers.networks import fill
from helpers.rounding import assert_equal_but_for_rounding
from srbench.imaging import imresize
from srbench.networks.noise_unet import NoiseUNet
from srbench.testing import photograph

SURVEY = ORACLES / "survey"
SPECS = {spec.name: spec for spec in register_architectures()}
TINY = partial(NoiseUNet, inner=8, multipliers=(1, 2, 2), res_blocks=1, groups=4, attention_at=(8,), image_size=16)
NAMES = ("linear", "quad", "cosine", "const", "jsd", "warmup10", "warmup50")
SAMPLERS = ("ddim", "ancestral")


@pytest.fixture(scope="module")
def oracle():
    with np.load(SURVEY / "sr3_diffusion_tiny.npz") as arrays:
        return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


@pytest.fixture(params=["", "_b"], scope="module")
def official(request):
    """The official tiny network, by both rules of the oracles, and the ending of its outputs."""
    module = (
        SR3(4, network=TINY, schedule=beta_schedule("linear", 20, 1e-4, 0.2)).eval().requires_grad_(requires_grad=False)
    )
    fill(module.denoise_fn, set())
    if request.param:
        state = module.denoise_fn.state_dict()
        for key in json.loads((SURVEY / "sr3_unet_tiny.json").read_text())["rule_b_add_one"]:
            state[key].add_(1)
    return module, request.param


class Knowing(torch.nn.Module):
    """Sees exactly the noise beside an image that it knows."""

    def __init__(self, clean):
        super().__init__()
        self.clean = clean

    def forward(self, x, level):
        level = level.view(-1, 1, 1, 1)
        return (x[:, 3:] - level * self.clean) / (1 - level.square()).sqrt()


class Recording(torch.nn.Module):
    """Predicts no noise, and keeps what it was given."""

    def forward(self, x, level):
        self.condition, self.noisy, self.level = x[:, :3], x[:, 3:], level
        return torch.zeros_like(self.noisy)


@pytest.mark.parametrize("name", NAMES)
def test_every_schedule_equals_the_official_one(name):
    with np.load(SURVEY / "sr3_beta_schedules.npz") as arrays:
        np.testing.assert_allclose(beta_schedule(name, 20, 1e-4, 2e-2), arrays[f"betas_{name}"], rtol=1e-12)


def test_the_signal_of_its_own_schedule_equals_the_official_one():
    with np.load(SURVEY / "sr3_beta_schedules.npz") as arrays, torch.device("meta"):
        signal = SPECS["sr3_16_128"].network(8).signal
        np.testing.assert_allclose(signal, arrays["alpha_bar_2000"], rtol=1e-12)


@given(st.sampled_from(NAMES), st.integers(2, 300), st.floats(1e-6, 1e-3), st.floats(1e-3, 0.5))
def test_every_schedule_takes_signal_away_in_every_step(name, steps, start, end):
    betas = beta_schedule(name, steps, start, end)
    assert betas.shape == (steps,)
    assert (betas > 0).all()
    assert (betas <= 1).all()


@pytest.mark.parametrize("time", [19, 7, 0])
def test_posterior_and_step_equal_the_official_ones(official, oracle, time):
    module, ending = official
    step = module.steps(range(time, -1, -1))[0]
    clean = step.clean(oracle["x_t"], module.noise(oracle["cond"], oracle["x_t"], step.before**0.5))
    mean, spread = step.posterior(oracle["x_t"], clean.clamp(-1, 1))
    assert_equal_but_for_rounding(mean, oracle[f"mean_t{time}{ending}"])
    assert_equal_but_for_rounding(step.posterior(oracle["x_t"], clean)[0], oracle[f"mean_noclip_t{time}{ending}"])
    assert spread == pytest.approx(float(oracle[f"logvar_t{time}"]), rel=1e-6)
    drawn = step.ancestral(oracle["x_t"], clean.clamp(-1, 1), iter([oracle["eps"]]))
    assert_equal_but_for_rounding(drawn, oracle[f"step_t{time}{ending}"])


def test_the_whole_ancestral_chain_equals_the_official_one(official, oracle):
    module, ending = official
    noises = (oracle[f"noise_{index}"] for index in itertools.count())
    sr = module.chain(oracle["cond"], "ancestral", module.steps(chosen_times(20, 20)), noises)
    assert_equal_but_for_rounding(sr[0], oracle[f"chain{ending}"])


@pytest.mark.parametrize(("name", "steps"), [("ddim_19_13_6_0", 4), ("ddim_one_step_19", 1)])
def test_ddim_equals_the_oracle(official, oracle, name, steps):
    module, ending = official
    sr = module.chain(oracle["cond"], "ddim", module.steps(chosen_times(steps, 20)), iter([oracle["x_t"]]))
    assert_equal_but_for_rounding(sr, oracle[name + ending], 1024)


def test_noising_and_the_loss_equal_the_official_ones(official, oracle):
    module, ending = official
    noisy = noised(oracle["hr"], torch.tensor([0.6]), oracle["eps"])
    assert_equal_but_for_rounding(noisy, oracle["q_sample_0p6"])
    loss = (module.noise(oracle["cond"], noisy, 0.6) - oracle["eps"]).abs().sum()
    assert loss.item() == pytest.approx(float(oracle[f"loss_sum_l1{ending}"]), rel=1e-6)


def test_times_go_from_the_last_to_the_first():
    assert [chosen_times(steps, 20) for steps in (1, 2, 4)] == [[19], [19, 0], [19, 13, 6, 0]]
    assert chosen_times(2000, 2000) == list(range(1999, -1, -1))


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(-1, 1), st.floats(-3, 3))
def test_the_posterior_is_that_of_bayes(one, other, clean, noisy):
    """N(noisy; √k·x, 1-k) · N(x; √after·clean, 1-after) is normal in x, its mean weighted by both precisions."""
    before, after = sorted((one, other))
    if after - before < 1e-3:
        return
    kept = before / after
    precision = kept / (1 - kept) + 1 / (1 - after)
    wanted = (kept**0.5 * noisy / (1 - kept) + after**0.5 * clean / (1 - after)) / precision
    mean, spread = Step(before, after).posterior(*(torch.tensor(v, dtype=torch.float64) for v in (noisy, clean)))
    assert mean.item() == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert math.exp(spread) == pytest.approx(1 / precision, rel=1e-9)


@settings(max_examples=25)
@given(st.sampled_from(SAMPLERS), st.integers(1, 30), st.integers(0, 2**31))
def test_a_network_that_knows_the_image_gives_it_by_any_sampler_in_any_number_of_steps(sampler, steps, seed):
    hr = 2 * photograph(2, 3, 8, 8) - 1
    module = SR3(4, network=lambda: Knowing(hr), schedule=beta_schedule("linear", 30, 1e-4, 0.2))
    sr = module.sample(torch.zeros(2, 3, 2, 2), sampler, steps, torch.Generator().manual_seed(seed))
    torch.testing.assert_close(sr, hr, atol=1e-4, rtol=0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_in_all_steps_the_best_network_for_normal_data_draws_data_of_their_spread(sampler):
    spread = 0.2

    class Best(torch.nn.Module):
        def forward(self, x, level):
            level = level.view(-1, 1, 1, 1)
            rest = 1 - level.square()
            return x[:, 3:] * rest.sqrt() / (rest + level.square() * spread**2)

    module = SR3(4, network=Best, schedule=beta_schedule("linear", 1000, 1e-4, 2e-2))
    sr = module.sample(torch.zeros(1, 3, 16, 16), sampler, 1000, torch.Generator().manual_seed(0))
    assert sr.mean().abs() < 0.01
    assert sr.std().item() == pytest.approx(spread, rel=0.05)


def test_with_a_spread_it_starts_as_the_best_guess_for_noise_of_that_spread_about_the_condition():
    """And is then off by what a network that returns standard normal values may correct to the truth."""
    torch.manual_seed(0)
    spread, condition, noise = 0.5, torch.rand(1, 3, 256, 256), torch.randn(1, 3, 256, 256)
    clean = condition + spread * torch.randn(1, 3, 256, 256)
    module = SR3(4, network=Recording, schedule=beta_schedule("linear", 20, 1e-4, 0.2), spread=spread)
    for level in (0.1, 0.5, 0.9):
        found = module.noise(condition, noised(clean, torch.tensor([level]), noise), level)
        variance = level**2 * spread**2 + 1 - level**2
        assert module.denoise_fn.noisy.std().item() == pytest.approx(1, rel=0.01)
        assert (found - noise).square().mean().item() == pytest.approx(level**2 * spread**2 / variance, rel=0.01)


def test_with_a_spread_a_perfect_network_gives_the_noise():
    spread, level = 0.5, 0.6
    condition, clean, noise = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), torch.randn(1, 3, 8, 8)
    total = math.sqrt(level**2 * spread**2 + 1 - level**2)

    class Perfect(torch.nn.Module):
        def forward(self, x, levels):
            return (level * spread * noise - math.sqrt(1 - level**2) * (clean - condition) / spread) / total

    module = SR3(4, network=Perfect, schedule=beta_schedule("linear", 20, 1e-4, 0.2), spread=spread)
    torch.testing.assert_close(module.noise(condition, noised(clean, torch.tensor([level]), noise), level), noise)


@pytest.mark.parametrize("each", [False, True])
def test_the_objective_draws_levels_between_neighbouring_steps_and_compares_the_noise(each):
    module = SR3(4, network=Recording, schedule=beta_schedule("linear", 20, 1e-4, 0.2), step_for_each=each)
    lr, hr = 2 * photograph(8, 3, 16, 16) - 1, 2 * photograph(8, 3, 64, 64, seed=3) - 1
    loss = module.objective(lr, hr, torch.Generator().manual_seed(4))
    seen = module.denoise_fn
    roots = np.sqrt(np.append(1.0, module.signal))[::-1]
    intervals = np.searchsorted(roots, seen.level.double().numpy())
    assert (len(set(intervals)) > 1) == each
    assert len(set(seen.level.tolist())) == 8
    assert torch.equal(seen.condition, imresize(lr, scale=4).clamp(-1, 1))
    level = seen.level.view(-1, 1, 1, 1)
    noise = (seen.noisy - level * hr) / (1 - level.square()).sqrt()
    assert loss.item() == pytest.approx(noise.abs().mean().item(), rel=1e-4)
    assert noise.mean().abs() < 0.02
    assert noise.std().item() == pytest.approx(1, abs=0.02)


def test_every_step_is_trained():
    module = SR3(4, network=Recording, schedule=beta_schedule("linear", 5, 0.1, 0.3))
    roots = np.sqrt(np.append(1.0, module.signal))[::-1]
    generator, found = torch.Generator().manual_seed(0), set()
    for _ in range(60):
        module.objective(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 8, 8), generator)
        found.add(int(np.searchsorted(roots, module.denoise_fn.level.double().item())))
    assert found == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_seed_decides_the_draw(sampler):
    module = fresh(SPECS["sr3_small"], 4).module
    torch.nn.init.normal_(module.denoise_fn.final_conv.block[-1].weight, std=0.02)
    lr = 2 * photograph(1, 3, 8, 8) - 1
    with torch.no_grad():
        first, again, other = (module.sample(lr, sampler, 3, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.01
    assert first.shape == (1, 3, 32, 32)


def test_a_call_draws_every_image_by_itself_with_ddim_from_seed_0():
    network = fresh(SPECS["sr3_small"], 4)
    lr = 2 * photograph(2, 3, 8, 8) - 1
    with torch.no_grad():
        called = network.module(lr)
        alone = network.module.sample(lr[1:], "ddim", 20, torch.Generator().manual_seed(0))
    assert_equal_but_for_rounding(called[1:], alone, 1024)


@pytest.mark.parametrize(
    ("name", "scale", "parameters"),
    [("sr3_16_128", 8, 97_807_491), ("sr3_64_512", 8, 155_334_339), ("sr3_small", 4, 710_040)],
)
def test_its_size_is_the_official_one(name, scale, parameters):
    assert_size(SPECS[name], scale, parameters)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_step_equals_that_of_diffusers(sampler):
    """Hugging Face's schedulers, with the clean image clamped and DDIM's noise taken from what is clamped."""
    schedulers = pytest.importorskip("diffusers.schedulers", reason="diffusers is not installed")
    betas = beta_schedule("linear", 20, 1e-4, 0.2)
    module = SR3(4, network=Recording, schedule=betas)
    if sampler == "ddim":
        theirs = schedulers.DDIMScheduler(20, trained_betas=betas, clip_sample=True, set_alpha_to_one=True)
    else:
        theirs = schedulers.DDPMScheduler(
            20, trained_betas=betas, clip_sample=True, variance_type="fixed_small_log", timestep_spacing="leading"
        )
    for count in (20, 4):
        theirs.set_timesteps(count)
        times = theirs.timesteps.tolist()
        assert times == list(range(20 - 20 // count, -1, -20 // count))
        noisy = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        for time, step in zip(times, module.steps(times), strict=True):
            noise = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(100 + time))
            clean = step.clean(noisy, noise).clamp(-1, 1)
            if sampler == "ddim":
                wanted = theirs.step(noise, time, noisy, eta=0.0, use_clipped_model_output=True).prev_sample
                found = step.deterministic(noisy, clean)
            else:
                wanted = theirs.step(noise, time, noisy, torch.Generator().manual_seed(time)).prev_sample
                drawn = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(time))
                found = step.ancestral(noisy, clean, iter([drawn]))
            torch.testing.assert_close(found, wanted, atol=2e-5, rtol=0)
            noisy = found
