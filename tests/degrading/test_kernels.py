"""The kernel of a degradation that blurs and drops pixels is what its lr weighs the pixels of hr with."""

import pytest
import torch

import srbench
from srbench.degrading import Chain, OneOf, Random, Size
from srbench.degrading.kernels import kernel_of
from srbench.scales import read_scale

SIDE = 96


def drawn_and_made(spec, hr, scale, seed=3):
    size = Size(SIDE, SIDE, scale, 0)
    if spec.chain is None:
        exact = spec.unrounded or spec.apply
        return {}, exact(hr, scale, torch.Generator())
    drawn = spec.chain.draw(Random(seed, Random(seed)), size)
    return drawn, spec.chain.degrade(hr, [drawn], size)


def weighed(hr, kernel, scale):
    """Sum hr with the kernel, its middle on that of each block; return the first block inside hr, and the sums."""
    side = kernel.shape[0]
    assert (side - scale) % 2 == 0, "the kernel has pixels where hr has some"
    first = -((scale - side) // 2)  # of the window of block 0, before the image
    blocks = -(-first // scale)
    start = blocks * scale - first
    windows = hr[0, :, start:, start:].unfold(1, side, scale).unfold(2, side, scale)
    return blocks, (windows * kernel.double()).sum((-2, -1))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["blur_down", "blur_down_ircnn", "nearest", "nearest_upper_left", "usrnet"])
def test_lr_is_hr_weighed_by_the_kernel(catalog, name, scale):
    spec = catalog.degradations[name]
    hr = torch.rand(1, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for seed in range(4 if spec.stochastic else 1):
        drawn, lr = drawn_and_made(spec, hr, scale, seed)
        kernel = kernel_of(spec, drawn, scale)
        assert kernel.sum().item() == pytest.approx(1, abs=1e-5)
        first, expected = weighed(hr, kernel, scale)
        own = lr[0, :, first : first + expected.shape[1], first : first + expected.shape[2]]
        noise = spec.describe(drawn)["noise"] if spec.describe else 0.0
        error = (own - expected).abs()
        # rounding to 8 bits, down in USRNet's; noise that is clamped at black and white
        assert error.mean().item() < (1.1 + noise) / 255
        if not noise:
            assert error.max().item() < 1.1 / 255


@pytest.mark.parametrize("name", ["bicubic", "gaussian8", "area", "isotropic", "down_noise", "srmd"])
def test_what_reduces_in_another_way_has_no_kernel(catalog, name):
    spec = catalog.degradations[name]
    hr = torch.rand(1, 3, SIDE, SIDE, dtype=torch.float64)
    drawn, _ = drawn_and_made(spec, hr, 2)
    assert kernel_of(spec, drawn, 2) is None


def step(catalog, name, **parameters):
    return catalog.steps[name].build(**parameters)


def of_chain(steps, scale=2):
    spec = srbench.DegradationSpec(name="mine", chain=Chain(steps), stochastic=True)
    return kernel_of(spec, spec.chain.draw(Random(0, Random(0)), Size(SIDE, SIDE, scale)), scale)


def test_a_chain_in_parts_has_its_kernel_and_two_blurs_have_none(catalog):
    blur, drop = step(catalog, "gaussian_blur", sigma_px=1.0), step(catalog, "subsample", phase="upper_left")
    assert of_chain([OneOf([blur]), Chain([step(catalog, "quantise"), drop])], 3).shape == (23, 23)
    assert of_chain([blur, blur, drop]) is None
    assert of_chain([drop, blur]) is None
    assert of_chain([blur]) is None
    assert of_chain([blur, drop, drop]) is None


def test_an_even_kernel_and_a_real_scale_have_none(catalog):
    class Even:
        def draw(self, random, size):
            return {}

        def apply(self, images, drawn, size):
            return images

        def blur_weights(self, drawn):
            return torch.ones(4, 4) / 16

    assert of_chain([Even(), step(catalog, "subsample")]) is None
    assert kernel_of(catalog.degradations["blur_down"], {}, read_scale(2.5)) is None
