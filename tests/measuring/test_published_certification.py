"""A copy of a dataset is certified by its published row and by its LR; deviations are reported."""

import re
from dataclasses import replace

import pytest
import scipy.io
from PIL import Image, ImageFilter

from helpers.published import bundled
from srbench.datasets.library import Library
from srbench.imaging.files import image_size, read_image
from srbench.measuring.certification import certify

pytestmark = pytest.mark.usefixtures("by_itself")


@pytest.fixture
def set5(shared):
    """The spec, the images and the LR of x4."""
    spec = bundled().datasets["set5"]
    library = Library(shared("data"), bundled().datasets)
    return spec, dict(library.images(spec)), dict(library.lr_images(spec, 4))


def altered(path, folder, change):
    target = folder / path.name
    with Image.open(path) as image:
        change(image).save(target)
    return target


def decibels_off(certificate):
    return float(re.search(r"\(([+-][\d.]+) dB", certificate.detail)[1])


def test_the_copy_that_papers_used_is_certified_with_both_its_figures(set5):
    certificate = certify(set5[0], set5[1], 4, set5[2])
    assert certificate.status == "certified"
    assert "28.421 dB / 0.8104 here, 28.42 / 0.8104 published (+0.001 dB" in certificate.detail


def test_a_row_of_matlabs_eight_bit_code_is_met_by_its_own_protocol(set5, shared):
    table = scipy.io.loadmat(shared("oracles/scores/result_Set5_SRF_4.mat"))
    row = float(table["PSNR_table"][:, 0].mean()), float(table["SSIM_table"][:, 0].mean())
    spec = replace(set5[0], bicubic={4: row}, bicubic_protocol="matlab-u8")
    certificate = certify(spec, set5[1], 4, set5[2])
    assert certificate.status == "certified"
    assert abs(decibels_off(certificate)) < 0.005


def test_one_blurred_image_makes_it_uncertified_and_says_by_how_much(set5, tmp_path):
    spec, images, lr = set5
    images["woman"] = altered(images["woman"], tmp_path, lambda i: i.filter(ImageFilter.GaussianBlur(1)))
    certificate = certify(spec, images, 4, lr)
    assert certificate.status == "uncertified"
    assert decibels_off(certificate) > 0.1  # a blurred picture loses less


def test_a_small_shift_of_brightness_range_is_noticed(set5, tmp_path):
    spec, images, lr = set5
    images["baby"] = altered(images["baby"], tmp_path, lambda i: i.point(lambda v: round(16 + v * 219 / 255)))
    assert certify(spec, images, 4, lr).status == "uncertified"


def test_lr_of_another_resize_makes_it_uncertified_and_names_the_worst(set5, tmp_path):
    spec, images, lr = set5
    sizes = {name: image_size(path)[::-1] for name, path in lr.items()}
    others = {
        name: altered(path, tmp_path, lambda i, name=name: i.resize(sizes[name], Image.Resampling.BILINEAR))
        for name, path in images.items()
    }
    certificate = certify(spec, images, 4, others)
    assert certificate.status == "uncertified"
    assert decibels_off(certificate) == 0.001  # the images themselves are right
    assert re.search(
        r"not bicubic as MATLAB makes it: 5 of 5 images differ, by up to \d\d grey levels", certificate.detail
    )


def test_one_lr_image_with_one_pixel_off_is_named(set5, tmp_path):
    spec, images, lr = set5
    pixels = read_image(lr["head"])
    pixels[30, 30, 1] ^= 1
    Image.fromarray(pixels).save(tmp_path / "head.png")
    certificate = certify(spec, images, 4, lr | {"head": tmp_path / "head.png"})
    assert certificate.status == "uncertified"
    assert "1 of 5 images differ, by up to 1 grey level (head)" in certificate.detail


def test_both_of_matlabs_borders_are_accepted(set5, tmp_path):
    spec, images, lr = set5
    pixels = read_image(lr["head"])
    pixels[0] ^= 1
    Image.fromarray(pixels).save(tmp_path / "head.png")
    assert certify(spec, images, 4, lr | {"head": tmp_path / "head.png"}).status == "certified"


def test_a_grey_image_made_rgb_makes_set14_uncertified(shared, tmp_path):
    spec = bundled().datasets["set14"]
    images = dict(Library(shared("data"), bundled().datasets).images(spec))
    images["bridge"] = altered(images["bridge"], tmp_path, lambda i: i.convert("RGB"))
    certificate = certify(spec, images, 2)
    assert certificate.status == "uncertified"
    assert decibels_off(certificate) == pytest.approx(0.09, abs=0.01)


def test_a_set_without_a_published_row_says_so(set5):
    certificate = certify(set5[0], set5[1], 8)
    assert certificate.status == "no reference"
    assert certificate.detail == "no published bicubic row for Set5 at x8"
