"""The bicubic degradations make the very LR images that the field uses, and blur_down the one of RDN and RCAN."""

import numpy as np
import pytest
import torch
from srbench_plugins.degradations import bicubic, blur_down

from helpers import ORACLES
from srbench.imaging import mod_crop, read_image, to_tensor, to_uint8

SPECS = {spec.name: spec for module in (bicubic, blur_down) for spec in module.register_degradations()}


def image(path):
    pixels = to_tensor(read_image(path))
    return pixels.reshape(1, *pixels.shape[-3:])


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    ("dataset", "degradation", "names", "pattern"),
    [
        ("Set5", "bicubic", ("butterfly", "woman"), "{name}x{scale}.png"),
        ("Set14", "bicubic", ("zebra", "bridge"), "{name}x{scale}.png"),
        ("B100", "bicubic_replicate", ("img_001", "img_002"), "{name}.png"),
    ],
)
def test_lr_is_bit_equal_to_matlabs(dataset, degradation, names, pattern, scale, shared):
    root = shared(f"data/{dataset}")
    for name in names:
        hr = mod_crop(image(root / "HR" / f"{name}.png"), scale)
        expected = root / f"LR_bicubic/X{scale}" / pattern.format(name=name, scale=scale)
        lr = SPECS[degradation].apply(hr, scale, torch.Generator())
        assert torch.equal(to_uint8(lr), to_uint8(image(expected))), name


def test_the_two_borders_differ_at_the_border_alone():
    hr = (torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    a, b = (SPECS[name].apply(hr, 2, torch.Generator()) for name in ("bicubic", "bicubic_replicate"))
    assert not torch.equal(a, b)
    assert torch.equal(a[..., 2:-2, 2:-2], b[..., 2:-2, 2:-2])


def test_blur_down_at_x3_equals_the_script_of_rdn_and_rcan():
    oracle = np.load(ORACLES / "bd_emulated.npz")
    hr = torch.from_numpy(oracle["hr_uint8"]).permute(2, 0, 1)[None] / 255
    lr = blur_down.blur_down(hr, 3, torch.Generator())
    assert np.array_equal(to_uint8(lr)[0].permute(1, 2, 0).numpy(), oracle["bd_x3"])
    side = blur_down.gaussian(7, 1.6)
    assert np.allclose(torch.outer(side, side), oracle["k7"], atol=1e-15)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_blur_down_keeps_lr_in_the_middle_of_its_blocks(scale):
    """On a ramp, a symmetric blur changes nothing, so every lr pixel tells where it was taken."""
    hr = torch.arange(96.0, dtype=torch.float64).expand(1, 1, 96, 96) / 96
    lr = blur_down.blur_down(hr, scale, torch.Generator(), rounding=False)[0, 0, 0] * 96
    middle = (torch.arange(96 // scale) + 0.5) * scale - 0.5
    inner = slice(12 // scale + 1, -(12 // scale) - 1)
    assert torch.allclose(lr[inner], middle.double()[inner], atol=1e-9)


@pytest.mark.parametrize("name", ["bicubic", "blur_down"])
def test_the_unrounded_form_keeps_double_precision(name):
    hr = torch.rand(1, 3, 24, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact = SPECS[name].unrounded(hr, 2, torch.Generator())
    assert exact.dtype == torch.float64
    levels = exact * 255
    assert (levels - levels.round()).abs().mean() > 0.1
