"""Classical degradations give what the papers' own code gives, operation by operation.

DASR's and KDSR's rounded outputs may differ from ours at ties only: their arithmetic is float32, ours here float64.
"""

import math

import numpy as np
import pytest
import torch
from srbench_plugins.degradations.isotropic import GAUSSIAN8, GAUSSIAN8_KDSR
from srbench_plugins.steps.blur import AnisotropicBlur, GaussianBlur
from srbench_plugins.steps.down import BicubicDown, Subsample
from srbench_plugins.steps.quantise import Quantise

from helpers import ORACLES
from srbench.degrading import Chain, Random, Size
from srbench.imaging import imresize
from srbench.imaging.filtering import filter2d
from srbench.imaging.kernels import gaussian, isotropic

DASR_CALLS = {
    "iso_s2_sig1.2_bicubic": (2, GaussianBlur(1.2)),
    "iso_s4_sig3.2_bicubic": (4, GaussianBlur(3.2)),
    "iso_s4_sig0_bicubic": (4, GaussianBlur(0.0)),
    "iso_s3_sig2.4_bicubic": (3, GaussianBlur(2.4)),
    "iso_s4_sig1.8_sfold": (4, GaussianBlur(1.8)),
    "aniso_s4_bicubic": (4, AnisotropicBlur(3.5, 1.5, 30.0)),
    "aniso_s3_sfold": (3, AnisotropicBlur(2.0, 0.2, 0.0)),
}
KDSR_CALLS = {
    "iso_s4_sig2.6": (4, GaussianBlur(2.6)),
    "iso_s2_sig0.9": (2, GaussianBlur(0.9)),
    "aniso_s4": (4, AnisotropicBlur(3.5, 1.5, 30.0)),
}


def oracle(name):
    return np.load(ORACLES / "degradations" / f"{name}.npz")


def done(hr, scale, *steps):
    chain, size = Chain(steps), Size(hr.shape[-2], hr.shape[-1], scale)
    drawn = [chain.draw(Random(n), size) for n in range(len(hr))]
    return chain.apply(hr, drawn, size)


def equal_but_for_ties(ours, theirs):
    """Levels; a value half-way between two may have gone the other way."""
    away = (ours - theirs).abs()
    return away.max() <= 1 + 1e-3 and (away > 0.5).double().mean() < 0.004


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


KDSR_CLASSIC = {
    "iso_1.8": (4, GaussianBlur(1.8)),
    "iso_0.9": (2, GaussianBlur(0.9)),
    "aniso_3.5_1.5_30": (4, AnisotropicBlur(3.5, 1.5, 30.0)),
}


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
        assert np.allclose(isotropic(21, sigma)[0], data[f"k_iso_{sigma}"], rtol=0, atol=1e-8)
    for first, second, degrees in ((3.5, 1.5, 30), (4.0, 1.5, 120)):
        kernel = gaussian(21, first, second, math.radians(degrees))[0]
        assert np.allclose(kernel, data[f"k_aniso_{first}_{second}_{degrees}"], rtol=0, atol=1e-8)


@pytest.mark.parametrize(("name", "scale"), [("bicubic_x4", 1 / 4), ("bicubic_x3", 1 / 3), ("bicubic_up_x2", 2)])
def test_the_bicubic_resize_of_kdsr_repeats_edge_pixels(name, scale):
    data = oracle("kdsr_degrade_classic")
    wanted = torch.from_numpy(data[name]).double()
    resized = imresize(torch.from_numpy(data["hr"]).double(), scale=scale, border="replicate")
    # of a width of 64, a third: KDSR's code takes 21 pixels, MATLAB and srbench's resize 22
    assert (resized[..., : wanted.shape[-1]] - wanted).abs().max() < 1e-6


def test_noise_of_kdsr_is_in_8_bit_levels():
    data = oracle("kdsr_pipeline")
    hr = torch.from_numpy(data["hr"]).double()
    lr = done(hr, 4, AnisotropicBlur(3.5, 1.5, 30.0), BicubicDown("replicate"))
    assert (lr - torch.from_numpy(data["lr_unrounded_noise10"]).double()).abs().max() < 1e-5
    noise = 10 / 255 * torch.from_numpy(data["z_noise10"]).double()
    noisy = torch.from_numpy(data["lr_noise10"]).double()
    assert equal_but_for_ties(done(lr + noise, 1, Quantise("half_even")) * 255, noisy * 255)


def test_gaussian8_has_the_kernels_of_ikc_and_dan():
    data = oracle("gaussian8")
    for scale in (2, 3, 4):
        assert np.allclose(GAUSSIAN8[scale], data[f"sig_x{scale}"], atol=1e-12)
    for sigma in GAUSSIAN8_KDSR[4]:
        assert np.allclose(isotropic(21, sigma)[0], data[f"k_sig{sigma:.2f}"], atol=1e-7)
    assert pytest.approx(np.arange(0.9, 1.65, 0.1)) == GAUSSIAN8_KDSR[2]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_orders_of_blur_and_reduction_are_those_of_kair(scale):
    data = oracle("classical_pipelines")
    hr = torch.from_numpy(data["hr"]).permute(2, 0, 1)[None].double()
    kernel = torch.from_numpy(data["k"])[None]
    blurred = filter2d(hr, kernel, border="circular", flip=True)
    small = done(hr, scale, BicubicDown())
    for name, lr in (
        ("bicubic", small),
        ("srmd", done(blurred, scale, BicubicDown())),
        ("dpsr", filter2d(small, kernel, border="circular", flip=True)),
        ("classical", done(blurred, scale, Subsample("upper_left"))),
    ):
        assert np.abs(lr[0].permute(1, 2, 0).numpy() - data[f"{name}_x{scale}"]).max() < 2e-6, name


def test_usrnets_blur_of_8_bit_images_rounds_down():
    data = oracle("classical_pipelines")
    hr = torch.from_numpy(data["usrnet_hr_uint8"]).permute(2, 0, 1)[None].double() / 255
    blurred = filter2d(hr, torch.from_numpy(data["k"])[None], border="circular", flip=True)
    for phase, name in (("upper_left", "usrnet_G_uint8_x3"), ("centre", "usrnet_G_uint8_x3_center")):
        lr = done(blurred, 3, Quantise("down"), Subsample(phase))
        assert np.abs(lr[0].permute(1, 2, 0).numpy() * 255 - data[name]).max() < 1e-9


def test_ircnns_direct_down_sampler_keeps_the_upper_left_pixels(catalog):
    data = np.load(ORACLES / "bd_emulated.npz")
    hr = torch.from_numpy(data["hr_uint8"]).permute(2, 0, 1)[None].double() / 255
    lr = catalog.degradations["blur_down_ircnn"].apply(hr, 3, torch.Generator())
    assert np.abs(lr[0].permute(1, 2, 0).numpy() * 255 - data["ircnn_direct_x3"]).max() < 1e-9
    chain = done(hr, 3, GaussianBlur(1.6, 7, "replicate", fspecial=True), Quantise(), Subsample())
    assert np.abs(chain[0].permute(1, 2, 0).numpy() * 255 - data["bd_x3"]).max() < 1e-9
