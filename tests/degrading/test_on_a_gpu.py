"""What is computed on a GPU is what the CPU computes; fields of noise alone are others, of the same distribution."""

import pytest
import torch
from srbench_plugins.degradations import bsrgan, realesrgan

from srbench.imaging import filtering, jpeg, kernels, noise
from srbench.imaging import interpolation as resizing

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
]


def images(count=4, side=72):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: filtering.filter2d(x, kernels.gaussian(21, [0.5, 1.0, 2.0, 3.0], 1.5, 0.4)),
        lambda x: filtering.filter2d(x[:1, :1], kernels.sinc(41, 2.0), border="symmetric", flip=True),
        filtering.sharpen,
        lambda x: jpeg.diffjpeg(filtering.filter2d(x, kernels.isotropic(9, 2.0)), [30.0, 50.0, 70.0, 90.0]),
        lambda x: resizing.interpolate(x, "bicubic", factor=0.43),
        lambda x: resizing.opencv(x, "area", (31, 29)),
        lambda x: resizing.opencv(x, "area", (80, 29)),
    ],
    ids=["filter", "one plane", "sharpen", "jpeg", "interpolate", "areas", "hard edges"],
)
def test_arithmetic_is_the_same(function):
    away = (function(images()) - function(images().cuda()).cpu()).abs()
    assert (away <= 1e-4).float().mean() > 0.999  # a coefficient of JPEG on a tie moves its block


def test_noise_comes_from_its_seeds_and_has_its_level():
    x = torch.full((2, 3, 128, 128), 0.5, device="cuda")
    fields = noise.normal(x, [1, 2], [False, True])
    assert torch.equal(fields, noise.normal(x, [1, 2], [False, True]))
    assert torch.equal(fields[1, 0], fields[1, 2])
    assert noise.gaussian(x, [10.0, 20.0], fields).std(dim=(1, 2, 3)).cpu().mul(255).tolist() == pytest.approx(
        [10, 20], rel=0.05
    )
    counted = noise.poisson(x, [100.0, 100.0], [1, 2], [False, True])
    assert counted[0].var().item() == pytest.approx(0.5 / 100, rel=0.06)
    assert noise.peaks_of_levels(x).tolist() == [1, 1]


@pytest.mark.parametrize(
    "spec", [*realesrgan.register_degradations(), *bsrgan.register_degradations()], ids=lambda spec: spec.name
)
def test_a_batch_is_degraded_where_it_is(spec):
    hr = images(6, 96).cuda()
    lr = spec.chain(hr, 4, torch.Generator().manual_seed(0))
    assert lr.is_cuda
    assert lr.shape == (6, 3, 24, 24)
    assert lr.isfinite().all()
