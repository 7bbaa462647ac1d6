"""Photographs are read as viewers show them, and what was written is read again."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from srbench.errors import DataError
from srbench.imaging.photographs import Photograph, read_photograph, write_photograph

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_as_pillow_does(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    Image.fromarray(noise(5, 7, 3)).save(tmp_path / "a.png", exif=exif)
    found = read_photograph(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(found.colours, np.asarray(ImageOps.exif_transpose(image)))
    write_photograph(tmp_path / "b.png", found)
    with Image.open(tmp_path / "b.png") as image:
        assert dict(image.getexif()) == {0x010F: "a maker"}
        assert np.array_equal(np.asarray(image), found.colours)


@settings(max_examples=20, deadline=None)
@given(st.booleans(), st.booleans(), st.sampled_from([np.uint8, np.uint16]), st.sampled_from([".png", ".tiff"]))
def test_what_was_written_is_read_again(tmp_path_factory, colour, transparent, dtype, suffix):
    pytest.importorskip("cv2")
    shape = (6, 5, 3) if colour else (6, 5)
    alpha = noise(6, 5, dtype=dtype, seed=1) if transparent else None
    written = Photograph(noise(*shape, dtype=dtype), alpha, {"icc_profile": SRGB})
    path = tmp_path_factory.mktemp("photographs") / f"a{suffix}"
    write_photograph(path, written)
    found = read_photograph(path)
    assert found.largest == np.iinfo(dtype).max
    grey_with_alpha_in_16_bits = transparent and not colour and dtype == np.uint16
    expected = np.dstack([written.colours] * 3) if grey_with_alpha_in_16_bits else written.colours
    assert np.array_equal(found.colours, expected)
    assert (found.alpha is None) == (alpha is None)
    assert alpha is None or np.array_equal(found.alpha, alpha)
    assert found.beside["icc_profile"] == SRGB


def test_how_a_tiff_stores_its_pixels_is_not_kept(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    Image.fromarray(noise(8, 6, 3)).save(tmp_path / "a.tiff", compression="tiff_lzw", exif=exif)
    found = read_photograph(tmp_path / "a.tiff")
    for name in ("b.tiff", "b.png", "b.jpg"):
        write_photograph(tmp_path / name, Photograph(noise(16, 12, 3), beside=found.beside))
        with Image.open(tmp_path / name) as image:
            image.load()
            assert image.size == (12, 16)
            assert image.getexif()[0x010F] == "a maker"
            assert name == "b.tiff" or set(image.getexif()) == {0x010F}


def test_palettes_and_bits_are_looked_up(tmp_path):
    image = Image.fromarray(noise(8, 8, 3)).quantize(4)
    image.save(tmp_path / "palette.png")
    assert np.array_equal(read_photograph(tmp_path / "palette.png").colours, np.asarray(image.convert("RGB")))
    image.save(tmp_path / "see_through.png", transparency=0)
    found = read_photograph(tmp_path / "see_through.png")
    assert set(np.unique(found.alpha)) == {0, 255}
    Image.fromarray(noise(8, 8) > 127).save(tmp_path / "bits.png")
    assert set(np.unique(read_photograph(tmp_path / "bits.png").colours)) == {0, 255}


def test_lossy_files_keep_the_colour_of_every_pixel(tmp_path):
    smooth = np.broadcast_to(np.linspace(0, 255, 32, dtype=np.uint8)[:, None, None], (32, 32, 3)).copy()
    write_photograph(tmp_path / "a.jpg", Photograph(smooth))
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "JPEG"
        assert image.layers == 3
        assert {layer[1:3] for layer in image.layer} == {(1, 1)}
    assert np.abs(read_photograph(tmp_path / "a.jpg").colours.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize(
    ("name", "photograph", "words"),
    [
        ("a.jpg", Photograph(noise(4, 4, dtype=np.uint16)), "cannot hold 16 bits; write a PNG"),
        ("a.jpg", Photograph(noise(4, 4), noise(4, 4)), "cannot hold transparency; write a PNG"),
        ("a.what", Photograph(noise(4, 4)), "in no format that srbench writes"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_nothing_is_written(tmp_path, name, photograph, words):
    with pytest.raises(DataError, match=words):
        write_photograph(tmp_path / name, photograph)
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_single_picture_is_refused(tmp_path):
    frames = [Image.fromarray(noise(4, 4, seed=n)) for n in range(3)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="3 frames"):
        read_photograph(tmp_path / "film.gif")
    Image.new("CMYK", (4, 4)).save(tmp_path / "ink.jpg")
    with pytest.raises(DataError, match="CMYK"):
        read_photograph(tmp_path / "ink.jpg")
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "floats.tiff")
    with pytest.raises(DataError, match="no 8 or 16 bits"):
        read_photograph(tmp_path / "floats.tiff")
    data = io.BytesIO()
    Image.fromarray(noise(64, 64, 3)).save(data, "PNG")
    (tmp_path / "half.png").write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
    with pytest.raises(DataError, match="damaged"):
        read_photograph(tmp_path / "half.png")
