"""Round blurs are those of the code of IKC, DAN, DASR and KDSR, and describe themselves as what they draw."""

import math

import numpy as np
import pytest
import torch
from srbench_plugins.degradations import isotropic
from srbench_plugins.degradations.isotropic import GAUSSIAN8, GAUSSIAN8_KDSR
from srbench_plugins.steps.blur import GaussianBlur
from srbench_plugins.steps.down import BicubicDown, Subsample
from srbench_plugins.steps.quantise import Quantise

from helpers.degrading import done, equal_but_for_ties, oracle
from srbench.degrading import Size, freeze
from srbench.imaging import kernels

SPECS = {spec.name: spec for spec in isotropic.register_degradations()}
DASR_CALLS = {
    "iso_s2_sig1.2_bicubic": (2, GaussianBlur(1.2)),
    "iso_s4_sig3.2_bicubic": (4, GaussianBlur(3.2)),
    "iso_s4_sig0_bicubic": (4, GaussianBlur(0.0)),
    "iso_s3_sig2.4_bicubic": (3, GaussianBlur(2.4)),
    "iso_s4_sig1.8_sfold": (4, GaussianBlur(1.8)),
}
KDSR_CALLS = {"iso_s4_sig2.6": (4, GaussianBlur(2.6)), "iso_s2_sig0.9": (2, GaussianBlur(0.9))}
KDSR_CLASSIC = {"iso_1.8": (4, GaussianBlur(1.8)), "iso_0.9": (2, GaussianBlur(0.9))}


@pytest.mark.parametrize("call", DASR_CALLS)
def test_lr_is_that_of_dasrs_code(call):
    data = oracle("dasr_pipeline")
    hr = torch.from_numpy(data["hr255"][:1]).double() / 255
    scale, blur = DASR_CALLS[call]
    down = Subsample("upper_left") if call.endswith("sfold") else BicubicDown("replicate")
    lr = done(hr, scale, blur, down, Quantise("half_even"))
    assert equal_but_for_ties(lr * 255, torch.from_numpy(data[f"lr_{call}"]).double())


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
    for sigma in (1.8, 3.2):
        assert np.allclose(kernels.isotropic(21, sigma)[0], data[f"k_iso_{sigma}"], rtol=0, atol=1e-8)


def test_gaussian8_has_the_kernels_of_ikc_and_dan():
    data = oracle("gaussian8")
    for scale in (2, 3, 4):
        assert np.allclose(GAUSSIAN8[scale], data[f"sig_x{scale}"], atol=1e-12)
    for sigma in GAUSSIAN8_KDSR[4]:
        assert np.allclose(kernels.isotropic(21, sigma)[0], data[f"k_sig{sigma:.2f}"], atol=1e-7)
    assert pytest.approx(np.arange(0.9, 1.65, 0.1)) == GAUSSIAN8_KDSR[2]


def test_realisations_go_through_the_kernels_of_a_list():
    spec = SPECS["gaussian8"]
    assert spec.realisations == 8
    drawn = [freeze(spec, Size(48, 48, 4, k), seed=k).drawn["steps"][0]["drawn"]["steps"][0] for k in range(8)]
    widths = [entry["drawn"]["steps"][0]["drawn"]["sigma_px"] for entry in drawn]
    assert widths == pytest.approx(np.linspace(1.8, 3.2, 8))


def described(name, seed=0, realisation=0):
    spec = SPECS[name]
    return spec.describe(freeze(spec, Size(64, 64, 4, realisation), seed).drawn or {})


@pytest.mark.parametrize("name", SPECS)
def test_all_describe_the_same_names(name):
    assert described(name).keys() == {"blur_xx", "blur_xy", "blur_yy", "noise"}


def test_gaussian8_describes_the_widths_of_its_list_in_turn():
    widths = [math.sqrt(described("gaussian8", realisation=k)["blur_xx"]) for k in range(8)]
    assert widths == pytest.approx([1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2])
