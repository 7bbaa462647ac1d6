"""MATLAB's own scores of bicubic interpolation, image by image."""

import pytest
import scipy.io
from published import measured

pytestmark = pytest.mark.usefixtures("by_itself")

# A luma that falls on a half (to 1e-14) may round either way: one grey level in one pixel moves an image by this much.
DECIBEL, SIMILARITY = 2e-5, 1e-6
FOLDERS = {"set5": "Set5", "set14": "Set14", "b100": "BSD100"}


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
    psnr = [image["scores"]["psnr_y"] for image in result["images"]]
    ssim = [image["scores"]["ssim_y"] for image in result["images"]]
    exact = sum(abs(ours - theirs) < 1e-9 for ours, theirs in zip(psnr, table["PSNR_table"][:, 0], strict=True))
    assert psnr == pytest.approx(table["PSNR_table"][:, 0], abs=DECIBEL)
    assert ssim == pytest.approx(table["SSIM_table"][:, 0], abs=SIMILARITY)
    assert exact >= 0.8 * len(psnr)
