"""Image files, good and bad."""

import contextlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from srbench.errors import DataError, StoreError
from srbench.imaging import image_size, read_image, to_tensor, to_uint8, write_png
from srbench.imaging.files import colours_of

COLOUR = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
GREY = COLOUR[..., 0].copy()


def png(width, height, depth, colour_type, rows):
    """A PNG of raw rows, for the depths that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def sixteen_bit(pixels):
    wide = np.atleast_3d(pixels).astype(">u2")
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[wide.shape[2]]
    return png(wide.shape[1], wide.shape[0], 16, kind, [row.tobytes() for row in wide])


@pytest.mark.parametrize("pixels", [COLOUR, GREY, COLOUR[:1, :1]], ids=["colour", "grey", "one pixel"])
def test_what_is_written_is_read(tmp_path, pixels):
    write_png(tmp_path / "deep/er/image.png", pixels)
    assert np.array_equal(read_image(tmp_path / "deep/er/image.png", keep_grey=True), pixels)
    assert image_size(tmp_path / "deep/er/image.png") == pixels.shape[:2]
    assert [path.name for path in (tmp_path / "deep/er").iterdir()] == ["image.png"]


def test_grey_becomes_three_channels_unless_it_is_kept(tmp_path):
    write_png(tmp_path / "grey.png", GREY)
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.stack([GREY] * 3, axis=2))
    assert np.array_equal(read_image(tmp_path / "grey.png", keep_grey=True), GREY)


def test_palettes_and_opaque_alpha_are_looked_through(tmp_path):
    image = Image.fromarray(COLOUR)
    palette = image.quantize(64)
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(read_image(tmp_path / "palette.png"), np.asarray(palette.convert("RGB")))
    image.convert("RGBA").save(tmp_path / "alpha.png")
    assert np.array_equal(read_image(tmp_path / "alpha.png"), COLOUR)
    Image.fromarray(GREY).convert("LA").save(tmp_path / "grey_alpha.png")
    assert np.array_equal(read_image(tmp_path / "grey_alpha.png", keep_grey=True), GREY)
    Image.fromarray(GREY > 127).save(tmp_path / "bits.png")
    assert np.array_equal(read_image(tmp_path / "bits.png", keep_grey=True), np.where(GREY > 127, 255, 0))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_are_refused(tmp_path, mode):
    image = Image.fromarray(COLOUR).convert("RGBA")
    image.putpixel((1, 1), (9, 9, 9, 254))
    image = image.quantize(32) if mode == "PA" else image.convert(mode)
    image.save(tmp_path / "glass.png")
    with pytest.raises(DataError, match=r"glass\.png has transparent pixels"):
        read_image(tmp_path / "glass.png")


def test_a_colour_that_stands_for_transparency_is_refused_where_it_occurs(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "key.png", transparency=tuple(int(v) for v in COLOUR[2, 2]))
    with pytest.raises(DataError, match="transparent"):
        read_image(tmp_path / "key.png")


@pytest.mark.parametrize("pixels", [COLOUR, GREY], ids=["colour", "grey"])
def test_sixteen_bits_that_are_eight_are_read_and_others_refused(tmp_path, pixels):
    path = tmp_path / "deep.png"
    path.write_bytes(sixteen_bit(pixels.astype(int) * 257))
    assert np.array_equal(read_image(path, keep_grey=True), pixels)
    off_by_one = pixels.astype(int) * 257
    off_by_one[3, 3] ^= 1
    path.write_bytes(sixteen_bit(off_by_one))
    with pytest.raises(DataError, match=r"deep\.png has 16 bits per channel.*Convert it"):
        read_image(path)


def test_other_deep_images_are_refused(tmp_path):
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / "deep.tif")
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "float.tif")
    (tmp_path / "deep_grey_alpha.png").write_bytes(sixteen_bit(np.stack([GREY, GREY], axis=2).astype(int) * 257))
    for name in ("deep.tif", "float.tif"):
        with pytest.raises(DataError, match="bits per channel"):
            read_image(tmp_path / name)
    with pytest.raises(DataError):
        read_image(tmp_path / "deep_grey_alpha.png")


def test_ink_and_animations_are_refused(tmp_path):
    Image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "ink.jpg")
    with pytest.raises(DataError, match=r"ink\.jpg is stored as CMYK"):
        read_image(tmp_path / "ink.jpg")
    frames = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1].copy())]
    frames[0].save(tmp_path / "film.png", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="has 2 frames"):
        read_image(tmp_path / "film.png")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", [2, 6])
def test_an_image_that_viewers_turn_is_refused(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOUR).save(tmp_path / f"turned.{suffix}", exif=exif)
    with pytest.raises(
        DataError, match=rf"turned\.{suffix} is stored turned or mirrored \(orientation {orientation}\)"
    ):
        read_image(tmp_path / f"turned.{suffix}")
    exif[0x0112] = 1
    Image.fromarray(COLOUR).save(tmp_path / f"upright.{suffix}", exif=exif)
    assert read_image(tmp_path / f"upright.{suffix}").shape == COLOUR.shape


def test_colours_that_a_viewer_changes_are_read_as_stored_and_named(tmp_path):
    image = Image.fromarray(COLOUR)
    srgb, lab = (ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes() for kind in ("sRGB", "LAB"))
    for name, profile in (("plain", None), ("srgb", srgb), ("lab", lab), ("broken", b"no profile")):
        image.save(tmp_path / f"{name}.png", icc_profile=profile)
        assert np.array_equal(read_image(tmp_path / f"{name}.png"), COLOUR)
    assert [colours_of(tmp_path / f"{name}.png") for name in ("plain", "srgb")] == ["", ""]
    assert "profile Lab" in colours_of(tmp_path / "lab.png")
    assert colours_of(tmp_path / "broken.png") == "its colour profile that is damaged"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="not a regular file but a pipe"):
        read_image(tmp_path / "pipe.png")


def test_missing_empty_foreign_and_truncated_files_are_named(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    write_png(tmp_path / "whole.png", np.tile(COLOUR, (20, 20, 1)))
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    for name, says in [
        ("none.png", "There is no image"),
        ("empty.png", "is empty"),
        ("text.png", "not an image"),
        ("half.png", "damaged"),
        (".", "is a folder"),
    ]:
        with pytest.raises(DataError, match=says) as caught:
            read_image(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def encoded(kind):
    stream = io.BytesIO()
    Image.fromarray(COLOUR).save(stream, format=kind)
    return stream.getvalue()


FILES = {kind: encoded(kind) for kind in ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP")}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
def test_damage_of_any_kind_gives_an_image_or_a_data_error(tmp_path_factory, kind, changes, length):
    damaged = bytearray(FILES[kind])
    for where, value in changes:
        damaged[int(where * len(damaged))] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged[: round(length * len(damaged))])
    with contextlib.suppress(DataError):
        pixels = read_image(path)
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "image.png"
    write_png(path, COLOUR)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(StoreError, match="The disk is full"):
        write_png(path, COLOUR[::-1])
    assert np.array_equal(read_image(path), COLOUR)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_a_store_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="could not be written"):
        write_png(tmp_path / "file/image.png", COLOUR)


@pytest.mark.parametrize("pixels", [COLOUR.astype(float), COLOUR[..., :2], COLOUR[:0], COLOUR[None]])
def test_arrays_that_are_no_8_bit_images_are_not_written(tmp_path, pixels):
    with pytest.raises(DataError, match="give uint8"):
        write_png(tmp_path / "image.png", pixels)


def test_all_levels_survive_the_way_to_tensors_and_back():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tensor = to_tensor(levels)
    assert tensor.shape == (1, 16, 16)
    assert tensor.dtype == torch.float32
    for dtype in (torch.float32, torch.float64, torch.float16):
        assert np.array_equal(to_uint8(tensor.to(dtype))[0].numpy(), levels)
    assert to_tensor(COLOUR).shape == (3, 7, 5)
    assert np.array_equal(to_uint8(to_tensor(COLOUR)).permute(1, 2, 0).numpy(), COLOUR)


def test_values_outside_are_clamped_and_no_numbers_refused():
    assert to_uint8(torch.tensor([-1.0, 2.0, float("inf"), -float("inf")])).tolist() == [0, 255, 255, 0]
    with pytest.raises(DataError, match="1 of the 2 values of an image are not numbers"):
        to_uint8(torch.tensor([0.5, float("nan")]))
