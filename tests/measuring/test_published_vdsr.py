"""VDSR's table from its authors' weights, as it was made: lr comes from luma that is rounded first."""

import pytest
import torch
from srbench_plugins.architectures.vdsr import VDSR, read_matlab

from helpers.published import bundled
from srbench.imaging import imresize, read_image, rgb_to_y
from srbench.measuring.metrics.psnr import psnr
from srbench.measuring.metrics.ssim import ssim

pytestmark = [pytest.mark.reproduce, pytest.mark.usefixtures("by_itself"), pytest.mark.timeout(3600)]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("dataset", ["Set5", "Set14"])
def test_vdsr_gives_the_figures_of_its_table(dataset, scale, shared):
    network = VDSR().eval()
    network.load_state_dict(read_matlab(shared("weights/vdsr/VDSR_Official.mat")))
    decibels, similarities = [], []
    for path in sorted(shared(f"data/{dataset}/HR").glob("*.png")):
        luma = rounded_luma(path)
        hr = luma[..., : luma.shape[-2] // scale * scale, : luma.shape[-1] // scale * scale]
        with torch.no_grad():
            sr = rounded(network(imresize(hr, scale=1 / scale).float(), scale).double())
        inside = (..., slice(scale, -scale), slice(scale, -scale))
        decibels.append(psnr(sr[inside], hr[inside], data_range=1.0).item())
        similarities.append(ssim(sr[inside], hr[inside], data_range=1.0).item())
    reported = {
        r.metric: r.value
        for r in bundled().architectures["vdsr"].reported
        if (r.dataset, r.scale) == (dataset.lower(), scale)
    }
    assert sum(decibels) / len(decibels) == pytest.approx(reported["psnr_y"], abs=0.01)
    assert sum(similarities) / len(similarities) == pytest.approx(reported["ssim_y"], abs=5e-4)


def rounded_luma(path):
    """(1, 1, H, W) in [0, 1]; a greyscale image is its own."""
    image = torch.from_numpy(read_image(path, keep_grey=True)).double() / 255
    return image[None, None] if image.ndim == 2 else rounded(rgb_to_y(image.movedim(-1, 0)))[None]


def rounded(image):
    return (image.clamp(0, 1) * 255).round() / 255
