"""JPEG equals the official DiffJPEG, and real codecs their own bytes."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import fft
from skimage import data

import helpers
from srbench.errors import ShapeError, UsageError
from srbench.imaging import codecs, jpeg

ORACLES = helpers.ORACLES / "degradations"


@pytest.fixture(scope="module")
def official():
    return {name: torch.from_numpy(array) for name, array in np.load(ORACLES / "diffjpeg.npz").items()}


def photograph(height=96, width=128):
    pixels = data.astronaut()[20 : 20 + height, 170 : 170 + width]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def agrees(ours, theirs):
    """A coefficient on a tie may go to either side, and moves its block."""
    return ((ours - theirs).abs() <= 2e-4).float().mean().item() > 0.999


@pytest.mark.parametrize("quality", [5, 30, 50, 75, 95, 30.7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_equals_the_official_one_at_every_quality(official, quality, dtype):
    assert agrees(jpeg.diffjpeg(official["x"].to(dtype), quality), official[f"y_q{quality}"])


def test_a_quality_for_each_image_and_sides_that_need_padding(official):
    qualities = official["q_batch"].clone()
    result = jpeg.diffjpeg(official["x_odd"], qualities)
    assert agrees(result, official["y_odd_batch"])
    assert torch.equal(qualities, official["q_batch"])
    for number, quality in enumerate(qualities.tolist()):
        one = slice(number, number + 1)
        assert agrees(jpeg.diffjpeg(official["x_odd"][one], quality), result[one])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_grey_image_is_the_luma_of_a_colourless_one(official, dtype):
    grey = official["x_odd"].to(dtype).mean(1, keepdim=True)
    result = jpeg.diffjpeg(grey, 40)
    assert result.shape == grey.shape
    colourless = jpeg.diffjpeg(grey.expand(-1, 3, -1, -1), 40)
    torch.testing.assert_close(result.expand(-1, 3, -1, -1), colourless, atol=1e-5, rtol=0)
    assert not torch.allclose(result, grey, atol=1e-2)


def test_the_rounding_with_a_gradient_equals_the_official_one(official):
    images = official["x"].clone().requires_grad_()
    result = jpeg.diffjpeg(images, 30, differentiable=True)
    assert agrees(result, official["y_diff_q30"])
    result.square().sum().backward()
    assert images.grad.abs().mean() > 1e-3


def test_the_published_table_is_the_standard_one_transposed(official):
    standard = jpeg._table("luma", "standard").view(8, 8)
    assert torch.equal(standard.mT.float(), official["y_table_used"])


def test_its_transform_is_scipys():
    block = torch.rand(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    cosines = jpeg._cosines()
    np.testing.assert_allclose(cosines @ block @ cosines.mT, fft.dctn(block.numpy(), norm="ortho"), atol=1e-14)


@pytest.mark.parametrize("quality", [20, 50])
def test_with_the_standard_table_it_is_nearer_to_a_real_codec(quality):
    """Vertical stripes have all their detail in one direction, which a transposed table treats as the other."""
    stripes = (torch.sin(torch.arange(128) / 2.5) * 0.4 + 0.5).expand(1, 3, 96, 128).contiguous()
    real = codecs.jpeg_bytes(stripes, quality)
    errors = {
        table: (jpeg.diffjpeg(stripes, quality, luminance_table=table) - real).abs().mean().item() * 255
        for table in ("standard", "transposed")
    }
    assert errors["standard"] < 0.7 * errors["transposed"]
    photo = photograph()
    difference = jpeg.diffjpeg(photo, quality, luminance_table="standard") - codecs.jpeg_bytes(photo, quality)
    assert difference.abs().mean().item() * 255 < 1.6


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(1, 99.9))
def test_any_size_keeps_its_size_and_range(height, width, quality):
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(height))
    result = jpeg.diffjpeg(images, quality)
    assert result.shape == images.shape
    assert result.min() >= 0
    assert result.max() <= 1


def test_the_codec_equals_opencvs_jpeg():
    """Official outputs are of another build of libjpeg-turbo; their note allows half a grey level on average."""
    arrays = np.load(ORACLES / "jpeg_cv2.npz")
    rgb = torch.from_numpy(arrays["x_bgr"][..., ::-1].copy()).permute(2, 0, 1)[None]
    for quality in (30, 60, 95):
        expected = torch.from_numpy(arrays[f"y_q{quality}"][..., ::-1].copy()).permute(2, 0, 1)[None]
        difference = (codecs.jpeg_bytes(rgb, quality) - expected).abs() * 255
        assert difference.mean() < 0.5
        assert difference.max() < 1.5


@pytest.mark.parametrize(("write", "suffix"), [(codecs.jpeg_bytes, "JPEG"), (codecs.webp_bytes, "WEBP")])
def test_a_batch_gives_what_pillow_gives_for_every_image(write, suffix):
    images = torch.cat([photograph(40, 50), photograph(40, 50).flip(-1)])
    result = write(images, [35, 80])
    for image, quality, got in zip(images, [35, 80], result, strict=True):
        file = io.BytesIO()
        pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(file, suffix, quality=quality)
        expected = np.asarray(Image.open(file).convert("RGB"))
        assert np.array_equal((got * 255).round().byte().permute(1, 2, 0).numpy(), expected)
    grey = write(images[:, :1], 50)
    assert grey.shape == (2, 1, 40, 50)


def test_noise_beyond_white_stays_white_and_truncation_is_an_option():
    bright = torch.full((1, 3, 16, 16), 1.2, dtype=torch.float64)
    assert torch.equal(codecs.jpeg_bytes(bright, 90), torch.ones_like(bright))
    between = torch.full((1, 3, 16, 16), 100.9 / 255)
    levels = [
        (codecs.jpeg_bytes(between, 100, rounding=how) * 255).round().unique().tolist() for how in ("nearest", "down")
    ]
    assert levels == [[101], [100]]


def test_what_has_no_meaning_is_refused():
    images = torch.rand(2, 3, 16, 16)
    for quality in (0, 100, -3, float("nan")):
        with pytest.raises(UsageError, match="between 0 and 100"):
            jpeg.diffjpeg(images, quality)
    with pytest.raises(ShapeError, match="RGB"):
        jpeg.diffjpeg(images[:, :2], 50)
    for quality in (0, 101, [50], [50, 30.5]):
        with pytest.raises(UsageError, match="quality"):
            codecs.jpeg_bytes(images, quality)
    with pytest.raises(UsageError, match="from 0 to 6"):
        codecs.webp_bytes(images, 50, method=7)
    with pytest.raises(ShapeError, match="codec"):
        codecs.jpeg_bytes(images[:, :2], 50)
