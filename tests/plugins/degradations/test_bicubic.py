"""The bicubic degradations make the very LR images that the field uses."""

import pytest
import torch
from srbench_plugins.degradations import bicubic

from srbench.imaging import mod_crop, read_image, to_tensor, to_uint8

SPECS = {spec.name: spec for spec in bicubic.register_degradations()}


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


def test_the_unrounded_form_keeps_double_precision():
    hr = torch.rand(1, 3, 24, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact = SPECS["bicubic"].unrounded(hr, 2, torch.Generator())
    assert exact.dtype == torch.float64
    levels = exact * 255
    assert (levels - levels.round()).abs().mean() > 0.1


@pytest.mark.parametrize("name", SPECS)
def test_it_describes_no_blur_and_no_noise(name):
    assert SPECS[name].describe({}) == dict.fromkeys(("blur_xx", "blur_xy", "blur_yy", "noise"), 0.0)
