"""The lr of LIIF's tests is what Pillow gives for the whole image."""

import numpy as np
import pytest
import torch
from PIL import Image
from srbench_plugins.degradations import pil_bicubic

from srbench.degrading.lr_images import lr_image
from srbench.imaging import imresize, to_tensor
from srbench.scales import parse_scale
from srbench.testing import violations_of

(SPEC,) = pil_bicubic.register_degradations()
PIXELS = np.random.default_rng(0).integers(0, 256, (47, 61, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("scale", "hr", "lr"), [("2", (46, 60), (23, 30)), ("2.3", (46, 60), (20, 26)), ("3.7x1.5", (44, 60), (12, 40))]
)
def test_lr_is_pillows(scale, hr, lr):
    made, _ = lr_image(PIXELS, SPEC, parse_scale(scale))
    image = Image.fromarray(PIXELS[: hr[0], : hr[1]])
    assert np.array_equal(made, np.asarray(image.resize(lr[::-1], Image.Resampling.BICUBIC)))


def test_inside_the_image_the_unrounded_form_is_matlabs():
    hr = to_tensor(PIXELS)[None].double()
    exact = SPEC.unrounded(hr[..., :46, :60], 2, torch.Generator())
    inner = (..., slice(3, -3), slice(3, -3))
    assert torch.allclose(exact[inner], imresize(hr[..., :46, :60], size=(23, 30))[inner], atol=1e-6)


def test_it_keeps_the_contract():
    assert violations_of(SPEC) == []
