"""The bicubic rows that papers print come out, and certify the datasets."""

import pytest

from helpers.published import bundled, means, measured
from srbench.datasets.library import Library
from srbench.measuring.certification import certify

pytestmark = pytest.mark.usefixtures("by_itself")

# PSNR-Y and SSIM-Y as papers print them: the DRRN repository for Set5, the rows in common use for the others.
PUBLISHED = {
    "set5": {2: (33.66, 0.9299), 3: (30.39, 0.8682), 4: (28.42, 0.8104)},
    "set14": {2: (30.24, 0.8688), 3: (27.55, 0.7742), 4: (26.00, 0.7027)},
    "b100": {2: (29.56, 0.8431), 3: (27.21, 0.7385), 4: (25.96, 0.6675)},
}
CELLS = [
    pytest.param(name, scale, marks=[] if name == "set5" else pytest.mark.reproduce, id=f"{name}-x{scale}")
    for name, rows in PUBLISHED.items()
    for scale in rows
]


@pytest.mark.parametrize(("dataset", "scale"), CELLS)
def test_the_published_row_comes_out_in_double_precision(dataset, scale, shared):
    found = means(measured(shared("data"), "bicubic", dataset, scale, "published-bicubic"))
    psnr, ssim = PUBLISHED[dataset][scale]
    assert found["psnr_y"] == pytest.approx(psnr, abs=0.01)
    assert found["ssim_y"] == pytest.approx(ssim, abs=0.001)


@pytest.mark.parametrize(
    ("protocol", "psnr", "ssim"), [("luma-first", 33.6614, 0.92988), ("published-bicubic", 33.6567, 0.92966)]
)
def test_luma_that_is_rounded_first_gives_set5s_row_to_its_last_digit(protocol, psnr, ssim, shared):
    found = means(measured(shared("data"), "bicubic", "set5", 2, protocol))
    assert found["psnr_y"] == pytest.approx(psnr, abs=5e-5)
    assert found["ssim_y"] == pytest.approx(ssim, abs=5e-6)


@pytest.mark.parametrize(("dataset", "scale"), CELLS)
def test_the_dataset_is_certified_by_that_row(dataset, scale, shared):
    spec = bundled().datasets[dataset]
    images = Library(shared("data"), bundled().datasets).images(spec)
    assert spec.bicubic[scale] == PUBLISHED[dataset][scale]
    assert certify(spec, images, scale).status == "certified"


@pytest.mark.parametrize(("scale", "psnr"), [(2, 33.64), (3, 30.39), (4, 28.42)])
def test_eight_bit_images_give_the_row_of_eight_bit_code(scale, psnr, shared):
    result = measured(shared("data"), "bicubic_u8", "set5", scale, "matlab-u8")
    assert means(result)["psnr_y"] == pytest.approx(psnr, abs=0.005)
    assert result.lr_source == "bicubic-u8"  # the LR that comes with Set5 is the one srbench makes


def test_luma_that_is_not_rounded_scores_higher_on_the_same_images(shared):
    rounded = means(measured(shared("data"), "bicubic_u8", "set5", 2, "matlab-u8"))
    kept = means(measured(shared("data"), "bicubic_u8", "set5", 2, "classic-y"))
    assert kept["psnr_y"] - rounded["psnr_y"] == pytest.approx(0.03, abs=0.01)


@pytest.mark.reproduce
def test_a_grey_image_made_rgb_moves_its_score_by_more_than_a_decibel(shared):
    # bridge is the third image of Set14
    kept = measured(shared("data"), "bicubic", "set14", 2, "matlab-u8", limit=3)
    made_rgb = measured(shared("data"), "bicubic", "set14", 2, "classic-y", limit=3)
    difference = made_rgb["images"][2]["scores"]["psnr_y"] - kept["images"][2]["scores"]["psnr_y"]
    assert kept["images"][2]["name"] == "bridge"
    assert difference == pytest.approx(1.31, abs=0.02)
