"""Reductions keep pixels where they are, and are those of the code of KAIR and KDSR."""

import numpy as np
import pytest
import torch
from PIL import Image
from srbench_plugins.steps.down import AreaDown, BicubicDown, Subsample

from helpers.degrading import done, once, oracle, rough
from srbench.degrading import Size
from srbench.errors import ShapeError
from srbench.imaging import imresize
from srbench.imaging.filtering import filter2d


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_reduction_but_the_upper_left_one_keeps_pixels_where_they_are(scale):
    """On a ramp the value of a pixel shows its position."""
    ramp = torch.arange(48.0, dtype=torch.float64).expand(1, 3, 48, 48) / 48
    middle = ((torch.arange(48 // scale) + 0.5) * scale - 0.5).double()
    inner = slice(3, -3)
    for step, shift in (
        (BicubicDown(), 0.0),
        (AreaDown(), 0.0),
        (Subsample(), 0.0 if scale % 2 else 0.5),  # no pixel is in the middle of an even block
        (Subsample("upper_left"), -(scale - 1) / 2),
    ):
        taken = once(step, ramp, scale)[0, 0, 0] * 48
        assert torch.allclose(taken[inner], middle[inner] + shift, atol=1e-9), step


def test_means_over_blocks_are_pillows_box_filter():
    image = (rough(1, 42, 48) * 255).round()
    theirs = Image.fromarray(image[0, 0].numpy().astype(np.float32)).resize((16, 14), Image.Resampling.BOX)
    assert np.abs(once(AreaDown(), image, 3)[0, 0].numpy() - np.asarray(theirs)).max() < 1e-4


def test_sub_sampling_after_another_resize_is_refused():
    with pytest.raises(ShapeError, match="put subsample before other resizes"):
        once(Subsample(), rough(), size=Size(80, 88, 3))


@pytest.mark.parametrize(("name", "scale"), [("bicubic_x4", 1 / 4), ("bicubic_x3", 1 / 3), ("bicubic_up_x2", 2)])
def test_the_bicubic_resize_of_kdsr_repeats_edge_pixels(name, scale):
    data = oracle("kdsr_degrade_classic")
    wanted = torch.from_numpy(data[name]).double()
    resized = imresize(torch.from_numpy(data["hr"]).double(), scale=scale, border="replicate")
    # of a width of 64, a third: KDSR's code takes 21 pixels, MATLAB and srbench's resize 22
    assert (resized[..., : wanted.shape[-1]] - wanted).abs().max() < 1e-6


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
