"""MATLAB's own scores of bicubic interpolation, image by image."""

import pytest
import scipy.io

from helpers.published import measured

pytestmark = pytest.mark.usefixtures("by_itself")

# In one pixel of some 80,000 luma is an exact half, and there the last bit of the arithmetic decides the rounding:
# one grey level in one pixel moves an image by up to 4e-5 dB. Images without such a pixel agree to 1e-12.
DECIBEL, SIMILARITY = 1e-4, 1e-5
FOLDERS = {"set5": "Set5", "set14": "Set14", "b100": "BSD100"}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("dataset", "scale"),
    [
        pytest.param(name, scale, marks=[] if name == "set5" else pytest.mark.reproduce, id=f"{name}-x{scale}")
        for name in FOLDERS
        for scale in (2, 3, 4)
    ],
)
def test_bicubic_scores_each_image_as_matlab_does(dataset, scale, shared):
    table = scipy.io.loadmat(shared(f"oracles/scores/result_{FOLDERS[dataset]}_SRF_{scale}.mat"))
    result = measured(shared("data"), "bicubic_u8", dataset, scale, "matlab-u8", degradation="bicubic_replicate")
    psnr = [image.scores["psnr_y"] for image in result.images]
    ssim = [image.scores["ssim_y"] for image in result.images]
    assert psnr == pytest.approx(table["PSNR_table"][:, 0], abs=DECIBEL)
    assert ssim == pytest.approx(table["SSIM_table"][:, 0], abs=SIMILARITY)
    if (dataset, scale) == ("set5", 2):
        assert psnr == pytest.approx(table["PSNR_table"][:, 0], abs=1e-12)
