"""Networks are drawn from, trained by their objective and fitted in [0, 1], in any units and at any size."""

import numpy as np
import pytest
import torch

import srbench
from helpers.applied import Gaussian, Regression, gaussian, gaussian_spec, regression, regression_spec, repeated
from srbench.errors import PluginError, ShapeError
from srbench.imaging.colour import rgb_to_y
from srbench.networks.applied import image_generator


def seeded(number=0):
    return torch.Generator().manual_seed(number)


@pytest.fixture
def lr():
    return torch.rand(2, 3, 6, 7, generator=seeded(1))


def test_a_draw_has_the_mean_and_the_deviation_that_its_network_models(lr):
    drawn = torch.stack([gaussian().draw(lr, 2, "ancestral", 3, seeded(number)) for number in range(400)])
    assert (drawn.mean(0) - repeated(lr)).abs().max() < 5 * 0.02 / 20
    torch.testing.assert_close(drawn.std(0).mean().item(), 0.02, rtol=0.02, atol=0)


@pytest.mark.parametrize(
    "facts",
    [
        {"input_range": 255.0},
        {"input_mean": (0.5, 0.4, 0.3), "input_std": (0.5, 0.25, 0.2)},
        {"size_multiple": 4, "min_size": 8},
    ],
)
def test_units_and_padding_are_undone(facts, lr):
    torch.testing.assert_close(gaussian(**facts).draw(lr, 2, "mean", 1, seeded()), repeated(lr))
    fitted = regression(**facts).fit(lr[:1], 2, steps=1, generator=seeded())
    assert fitted.sr.shape == (1, 3, 12, 14)
    assert (fitted.sr - repeated(lr[:1])).abs().max() < 1, "in [0, 1], not in the network's units"


def test_a_network_on_luma_draws_luma_and_keeps_chroma(lr):
    sr = gaussian(channels="y").draw(lr, 2, "mean", 1, seeded())
    torch.testing.assert_close(rgb_to_y(sr), repeated(rgb_to_y(lr)), atol=1e-4, rtol=0)
    assert regression(channels="y").fit(lr[:1], 2, steps=1, generator=seeded()).sr.shape == (1, 3, 12, 14)


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 1), ("ancestral", 0), ("ancestral", 11)])
def test_a_sampler_that_there_is_not_is_refused_with_those_that_there_are(sampler, steps, lr):
    with pytest.raises(ShapeError, match=r"its samplers are: ancestral with 1 to 10 steps or mean with 1 to 10 steps"):
        gaussian().draw(lr, 2, sampler, steps, seeded())


def test_the_objective_is_that_of_the_module_in_its_units(lr):
    hr = repeated(lr)
    loss = gaussian(input_range=255.0).objective(lr, hr, seeded())
    noise = torch.randn(hr.shape, generator=seeded()) * 0.02
    torch.testing.assert_close(loss, noise.square().mean(), rtol=1e-3, atol=0)
    assert loss.shape == ()


def test_a_fit_finds_the_least_squares_line(lr):
    wanted = lr[:1, :, :, :6]
    given = repeated(torch.nn.functional.avg_pool2d(wanted, 2))
    design = np.stack([given.numpy().ravel(), np.ones(given.numel())], axis=1)
    gain, offset = np.linalg.lstsq(design, wanted.numpy().ravel(), rcond=None)[0]
    fitted = regression().fit(lr[:1], 2, steps=3000, generator=seeded())
    torch.testing.assert_close(fitted.sr, float(gain) * repeated(lr[:1]) + float(offset), atol=1e-4, rtol=0)
    assert fitted.steps == 3000
    assert fitted.losses[0] > fitted.losses[-1]


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_a_fit_has_gradients_where_they_are_switched_off(mode, lr):
    expected = regression().fit(lr[:1], 2, steps=4, generator=seeded())
    with mode():
        inside = regression().fit(lr[:1] * 1, 2, steps=4, generator=seeded(), kernel=torch.ones(1, 1) * 1)
        again = regression().fit(lr[:1] * 1, 2, steps=4, generator=seeded())
    assert torch.equal(expected.sr, again.sr)
    assert not torch.equal(inside.sr, again.sr), "the kernel was not used"
    assert not again.sr.requires_grad


def test_a_fit_ends_when_it_is_to(lr):
    answers = iter([True, True, False])
    assert regression().fit(lr[:1], 2, steps=9, generator=seeded(), go_on=lambda: next(answers)).steps == 2


def test_what_a_network_returns_is_checked(lr):
    class Small(Gaussian):
        def sample(self, lr, sampler, steps, generator):
            return lr

        def objective(self, lr, hr, generator):
            return lr

    class Bare(Regression):
        def fit(self, lr, **given):
            return lr

    with pytest.raises(ShapeError, match=r"gaussian returned \(2, 3, 6, 7\) .* must return \(2, 3, 12, 14\)"):
        gaussian(Small()).draw(lr, 2, "mean", 1, seeded())
    with pytest.raises(ShapeError, match="must return one number"):
        gaussian(Small()).objective(lr, lr, seeded())
    with pytest.raises(ShapeError, match=r"returned a Tensor; it must return srbench\.Fitted"):
        regression(Bare()).fit(lr[:1], 2, steps=1, generator=seeded())


def test_a_network_of_one_kind_is_not_used_as_another(lr):
    with pytest.raises(ShapeError, match="declares no samplers"):
        regression().objective(lr, lr, seeded())
    with pytest.raises(ShapeError, match="declares no fitting"):
        gaussian().fit(lr[:1], 2, steps=1, generator=seeded())


def test_the_stream_of_a_sample_is_a_function_of_seed_image_and_number():
    def numbers(*named):
        return torch.rand(4, generator=image_generator(*named)).tolist()

    assert numbers(0, "ant", 1) == numbers(0, "ant", 1)
    assert len({tuple(numbers(*named)) for named in ((0, "ant", 0), (0, "ant", 1), (1, "ant", 0), (0, "bee", 0))}) == 4


@pytest.mark.parametrize("fact", ["multi_scale", "any_scale", "uncertainty", "conditions"])
@pytest.mark.parametrize("spec", [gaussian_spec, regression_spec])
def test_what_a_draw_or_a_fit_gets_no_argument_for_is_refused(spec, fact):
    value = {"uncertainty": "order", "conditions": ("noise",)}.get(fact, True)
    with pytest.raises(PluginError, match=f"declares {fact}, which"):
        spec(**{fact: value})


def test_a_fitted_network_is_neither_trained_nor_drawn_from():
    with pytest.raises(PluginError, match="declare trainable=False and no samplers"):
        regression_spec(trainable=True)
    with pytest.raises(PluginError, match="declares a sampler twice"):
        gaussian_spec(samplers=(srbench.Sampler(name="a", steps=(1,), most=1),) * 2)
