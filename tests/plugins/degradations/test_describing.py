"""How degradations describe themselves is what they draw: covariances of kernels and the strength of noise."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.degradations import anisotropic, bicubic, isotropic
from srbench_plugins.steps.blur import AnisotropicBlur, GaussianBlur
from srbench_plugins.steps.noise import GaussianNoise, SpeckleNoise

from srbench.degrading import Chain, DescribingStep, Random, Size, describe_chain, freeze
from srbench.imaging.kernels import gaussian

SPECS = {
    spec.name: spec
    for module in (anisotropic, bicubic, isotropic)
    for spec in module.register_degradations()
    if spec.describe
}
NAMES = {"blur_xx", "blur_xy", "blur_yy", "noise"}


def described(name, seed=0, realisation=0):
    spec = SPECS[name]
    return spec.describe(freeze(spec, Size(64, 64, 4, realisation), seed).drawn or {})


@pytest.mark.parametrize("name", SPECS)
def test_all_describe_the_same_names(name):
    if SPECS[name].chain is None:
        assert SPECS[name].describe({}) == dict.fromkeys(NAMES, 0.0)
    else:
        assert described(name).keys() == NAMES


@given(st.floats(0.6, 2.0), st.floats(0.6, 2.0), st.floats(0, 180))
def test_the_covariance_is_that_of_the_kernel(first, second, angle):
    own = AnisotropicBlur().describe({"first": first, "second": second, "angle_degrees": angle})
    kernel = gaussian(41, [first], [second], [math.radians(angle)])[0].double()
    place = torch.arange(41, dtype=torch.float64) - 20
    x, y = place[None, :], place[:, None]
    moments = [float((kernel * product).sum()) for product in (x * x, x * y, y * y)]
    assert [own[name] for name in ("blur_xx", "blur_xy", "blur_yy")] == pytest.approx(moments, abs=2e-2)


def test_gaussian8_describes_the_widths_of_its_list_in_turn():
    widths = [math.sqrt(described("gaussian8", realisation=k)["blur_xx"]) for k in range(8)]
    assert widths == pytest.approx([1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2])


def test_nine_kernels_describe_their_noise_and_their_direction():
    assert [described("anisotropic9_noise10", realisation=k)["noise"] for k in range(9)] == [10.0] * 9
    assert described("anisotropic9", realisation=4)["blur_yy"] == pytest.approx(3.5**2)  # 90 degrees
    assert described("anisotropic9", realisation=0)["blur_xx"] == pytest.approx(2.0**2)


def test_draws_differ_and_so_does_their_description():
    assert described("anisotropic_noise", 1) != described("anisotropic_noise", 2)
    assert described("anisotropic_noise", 1) == described("anisotropic_noise", 1)
    noise = [described("anisotropic_noise", seed)["noise"] for seed in range(50)]
    assert 0 <= min(noise) < max(noise) <= 25


def test_covariances_add_up_and_noise_in_squares_through_chains_within():
    chain = Chain([GaussianBlur(sigma_px=1.5), Chain([GaussianNoise(level=3.0), GaussianBlur(sigma_px=2.0)]),
                   GaussianNoise(level=4.0)])  # fmt: skip
    drawn = chain.draw(Random(0), Size(64, 64, 2))
    assert describe_chain(chain)(drawn) == {"blur_xx": 6.25, "blur_xy": 0.0, "blur_yy": 6.25, "noise": 5.0}


def test_variances_are_described_as_variances():
    drawn = {"first": 4.0, "second": 1.0, "angle_degrees": 90.0}
    described_as = AnisotropicBlur(widths="variances").describe(drawn)
    assert [described_as["blur_xx"], described_as["blur_yy"]] == pytest.approx([1.0, 4.0])


def test_noise_in_proportion_to_the_image_has_no_level_to_describe():
    assert isinstance(GaussianNoise(), DescribingStep)
    assert not isinstance(SpeckleNoise(), DescribingStep)
