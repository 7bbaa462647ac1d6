"""Turned blurs are those of the code of DASR, KDSR, DAN and DCLS, and describe themselves as what they draw."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from srbench_plugins.degradations import anisotropic
from srbench_plugins.steps.blur import AnisotropicBlur
from srbench_plugins.steps.down import BicubicDown, Subsample
from srbench_plugins.steps.quantise import Quantise

from helpers.degrading import done, equal_but_for_ties, oracle
from srbench.degrading import Realisation, Size, freeze, realise
from srbench.imaging.kernels import gaussian

SPECS = {spec.name: spec for spec in anisotropic.register_degradations()}
DESCRIBING = [name for name, spec in SPECS.items() if spec.describe]
DASR_CALLS = {
    "aniso_s4_bicubic": (4, AnisotropicBlur(3.5, 1.5, 30.0)),
    "aniso_s3_sfold": (3, AnisotropicBlur(2.0, 0.2, 0.0)),
}
KDSR_CALLS = {"aniso_s4": (4, AnisotropicBlur(3.5, 1.5, 30.0))}
KDSR_CLASSIC = {"aniso_3.5_1.5_30": (4, AnisotropicBlur(3.5, 1.5, 30.0))}


@pytest.mark.parametrize("call", DASR_CALLS)
def test_lr_is_that_of_dasrs_code(call):
    data = oracle("dasr_pipeline")
    hr = torch.from_numpy(data["hr255"][:1]).double() / 255
    scale, blur = DASR_CALLS[call]
    down = Subsample("upper_left") if call.endswith("sfold") else BicubicDown("replicate")
    lr = done(hr, scale, blur, down, Quantise("half_even"))
    assert equal_but_for_ties(lr * 255, torch.from_numpy(data[f"lr_{call}"]).double())


def test_blur_reduction_and_noise_of_dasr_come_in_this_order():
    data = oracle("dasr_pipeline")
    hr = torch.from_numpy(data["hr255"][:1]).double() / 255
    blur = AnisotropicBlur(4.0, 2.0, 135.0)
    blurred = torch.from_numpy(data["blurred_aniso_noise10"]).double()
    assert (done(hr, 1, blur) * 255 - blurred).abs().max() < 2e-3
    noise = 10 / 255 * torch.from_numpy(data["z_aniso_noise10"]).double()
    small = done(hr, 4, blur, BicubicDown("replicate"))
    assert (small * 255 - torch.from_numpy(data["lr_unrounded_aniso_noise10"]).double()).abs().max() < 2e-3
    noisy = torch.from_numpy(data["lr_aniso_noise10"]).double()
    assert equal_but_for_ties(done(small + noise, 1, Quantise("half_even")) * 255, noisy)


@pytest.mark.parametrize("call", KDSR_CALLS)
def test_lr_is_that_of_kdsrs_code(call):
    data = oracle("kdsr_pipeline")
    scale, blur = KDSR_CALLS[call]
    lr = done(torch.from_numpy(data["hr"]).double(), scale, blur, BicubicDown("replicate"), Quantise("half_even"))
    assert equal_but_for_ties(lr * 255, torch.from_numpy(data[f"lr_{call}"]).double() * 255)


@pytest.mark.parametrize("name", KDSR_CLASSIC)
def test_kernel_blur_and_lr_are_those_of_kdsrs_classic_setting(name):
    data = oracle("kdsr_degrade_classic")
    hr, (scale, blur) = torch.from_numpy(data["hr"]).double(), KDSR_CLASSIC[name]
    blurred = done(hr, 1, blur)
    assert (blurred - torch.from_numpy(data[f"blur_{name}_x{scale}"]).double()).abs().max() < 1e-6
    lr = done(blurred, scale, BicubicDown("replicate"), Quantise("half_even"))
    assert equal_but_for_ties(lr * 255, torch.from_numpy(data[f"lr_{name}_x{scale}"]).double() * 255)


def test_kernels_of_kdsrs_classic_setting_have_standard_deviations():
    data = oracle("kdsr_degrade_classic")
    for first, second, degrees in ((3.5, 1.5, 30), (4.0, 1.5, 120)):
        kernel = gaussian(21, first, second, math.radians(degrees))[0]
        assert np.allclose(kernel, data[f"k_aniso_{first}_{second}_{degrees}"], rtol=0, atol=1e-8)


def test_noise_of_kdsr_is_in_8_bit_levels():
    data = oracle("kdsr_pipeline")
    hr = torch.from_numpy(data["hr"]).double()
    lr = done(hr, 4, AnisotropicBlur(3.5, 1.5, 30.0), BicubicDown("replicate"))
    assert (lr - torch.from_numpy(data["lr_unrounded_noise10"]).double()).abs().max() < 1e-5
    noise = 10 / 255 * torch.from_numpy(data["z_noise10"]).double()
    noisy = torch.from_numpy(data["lr_noise10"]).double()
    assert equal_but_for_ties(done(lr + noise, 1, Quantise("half_even")) * 255, noisy * 255)


def test_realisations_go_through_the_kernels_of_a_list():
    spec = SPECS["anisotropic9"]
    assert spec.realisations == 9
    drawn = [freeze(spec, Size(48, 48, 4, k), seed=k).drawn["steps"][0] for k in range(9)]
    assert [entry["drawn"]["steps"][0]["at"] for entry in drawn] == list(range(9))


def test_even_kernels_are_drawn_as_they_were_before_there_were_uneven_ones():
    """Published realisations would change with them."""
    blur, _, noise, _ = freeze(SPECS["anisotropic_noise"], Size(64, 80, 4, 0), 7).drawn["steps"]
    assert blur["drawn"] == {
        "first": 3.3651850663913523,
        "second": 2.1154114807408892,
        "angle_degrees": 177.54233175129377,
    }
    assert noise["drawn"] == {"level": 21.331202399968667, "grey": False, "seed": 5813349711649121}


@pytest.mark.parametrize(("scale", "side"), [(2, 11), (4, 31)])
def test_the_setting_for_div2krk_has_the_sides_and_ranges_of_dan_and_dcls(scale, side):
    spec = SPECS["anisotropic_div2krk"]
    chains = [freeze(spec, Size(64, 64, scale), seed).drawn["steps"] for seed in range(400)]
    (blur,) = {entry["drawn"]["steps"][0]["at"] for entry, *_ in chains}
    assert spec.chain.steps[0].steps[blur].side_px == side
    drawn = [entry["drawn"]["steps"][0]["drawn"] for entry, *_ in chains]
    for name, low, high in (("first", 0.6, 5), ("second", 0.6, 5), ("angle_degrees", -180, 180)):
        assert stats.kstest([one[name] for one in drawn], stats.uniform(low, high - low).cdf).pvalue > 1e-3, name
    assert {one["unevenness"] for one in drawn} == {0.25}
    assert len({one["seed"] for one in drawn}) == 400
    assert [entry["step"] for entry in chains[0]] == ["PerScale", "BicubicDown", "Quantise"]


def test_a_frozen_lr_is_made_again_bit_by_bit_from_its_json():
    spec, hr = SPECS["anisotropic_div2krk"], torch.rand(1, 3, 64, 72, dtype=torch.float64)
    realisation = freeze(spec, Size(64, 72, 4), 5)
    again = Realisation.model_validate_json(realisation.model_dump_json())
    assert torch.equal(realise(spec, hr, again), realise(spec, hr, realisation))


def test_an_uneven_kernel_describes_the_covariance_of_its_gaussian():
    spec = SPECS["anisotropic_div2krk"]
    described = spec.describe(freeze(spec, Size(64, 64, 4), 2).drawn)
    drawn = freeze(spec, Size(64, 64, 4), 2).drawn["steps"][0]["drawn"]["steps"][0]["drawn"]
    even = gaussian(31, drawn["first"], drawn["second"], math.radians(drawn["angle_degrees"]))[0].numpy()
    x, y = np.meshgrid(np.arange(31) - 15, np.arange(31) - 15)
    moments = [(even * product).sum() for product in (x * x, x * y, y * y)]
    assert [described[name] for name in ("blur_xx", "blur_xy", "blur_yy")] == pytest.approx(moments, rel=0.15, abs=0.2)
    assert described["noise"] == 0


def described(name, seed=0, realisation=0):
    spec = SPECS[name]
    return spec.describe(freeze(spec, Size(64, 64, 4, realisation), seed).drawn or {})


@pytest.mark.parametrize("name", DESCRIBING)
def test_all_describe_the_same_names(name):
    assert described(name).keys() == {"blur_xx", "blur_xy", "blur_yy", "noise"}


def test_nine_kernels_describe_their_noise_and_their_direction():
    assert [described("anisotropic9_noise10", realisation=k)["noise"] for k in range(9)] == [10.0] * 9
    assert described("anisotropic9", realisation=4)["blur_yy"] == pytest.approx(3.5**2)  # 90 degrees
    assert described("anisotropic9", realisation=0)["blur_xx"] == pytest.approx(2.0**2)


def test_draws_differ_and_so_does_their_description():
    assert described("anisotropic_noise", 1) != described("anisotropic_noise", 2)
    assert described("anisotropic_noise", 1) == described("anisotropic_noise", 1)
    noise = [described("anisotropic_noise", seed)["noise"] for seed in range(50)]
    assert 0 <= min(noise) < max(noise) <= 25
