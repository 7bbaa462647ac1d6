"""Twenty-six awkward files are enlarged, or refused in one sentence, and none of them stops the others."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

P3 = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE, TALL = 9, 6


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


def colour(folder, name, **options):
    Image.fromarray(noise(TALL, WIDE, 3)).save(folder / name, **options)


def with_exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def bomb(folder):
    """A PNG file whose header claims 60,000 x 60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)


@pytest.fixture
def awkward(tmp_path):
    """The files: those that are written larger, with their size and mode, and those that are not, with a word."""
    folder = tmp_path / "awkward"
    folder.mkdir()
    colour(folder, "UPPER.JPG", quality=90)
    colour(folder, "turned.jpg", exif=with_exif(6))
    colour(folder, "profile.png", icc_profile=P3)
    colour(folder, "a name with – signs & blanks.png")
    colour(folder, "-leading.png")
    colour(folder, "plain.bmp")
    colour(folder, "lossy.webp")
    colour(folder, "plain.ppm")
    Image.fromarray(noise(TALL, WIDE)).save(folder / "grey.pgm")
    Image.fromarray(noise(TALL, WIDE, 4)).save(folder / "see_through.webp", lossless=True)
    Image.fromarray(noise(TALL, WIDE, 4)).save(folder / "see_through.png")
    Image.fromarray(noise(TALL, WIDE, 2)).save(folder / "grey_see_through.png")
    Image.fromarray(noise(TALL, WIDE, 3)).quantize(5).save(folder / "palette.png", transparency=1)
    Image.fromarray(noise(TALL, WIDE) > 99).save(folder / "one_bit.png")
    Image.fromarray(noise(TALL, WIDE, dtype=np.uint16)).save(folder / "deep_grey.png")
    colour(folder, "lzw.tiff", compression="tiff_lzw")
    Image.fromarray(noise(1, 1, 3)).save(folder / "one_pixel.png")
    Image.fromarray(noise(1, 700, 3)).save(folder / "strip.png")
    colour(folder, "really.jpg", format="PNG")
    Image.fromarray(noise(TALL, WIDE, 4)).convert("CMYK").save(folder / "print.jpg")
    Image.fromarray(noise(TALL, WIDE).astype(np.float32)).save(folder / "float.tiff")
    pictures = [Image.fromarray(noise(TALL, WIDE, 3)), Image.fromarray(noise(TALL, WIDE, 3) // 2)]
    pictures[0].save(folder / "moving.webp", save_all=True, append_images=pictures[1:])
    colour(folder, "whole.png")
    data = (folder / "whole.png").read_bytes()
    (folder / "whole.png").rename(folder / "cut.png")
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("not an image")
    bomb(folder)
    return folder


REFUSED = {
    "print.jpg": "CMYK", "float.tiff": "", "moving.webp": "frames", "cut.png": "", "empty.png": "", "text.jpg": "",
    "bomb.png": "",
}  # fmt: skip
MODES = {
    "grey.pgm": "L", "see_through.webp": "RGBA", "see_through.png": "RGBA", "grey_see_through.png": "LA",
    "palette.png": "RGBA", "one_bit.png": "L", "deep_grey.png": "I;16",
}  # fmt: skip
SIZES = {"turned.jpg": (TALL, WIDE), "one_pixel.png": (1, 1), "strip.png": (700, 1)}


def test_each_is_enlarged_or_refused_in_a_sentence(srbench, awkward, tmp_path):
    pytest.importorskip("cv2")
    out = tmp_path / "out"
    answer = srbench("upscale", str(awkward), "--model", "bicubic", "--scale", "2", "--out", str(out))
    assert answer.status == 1, answer.err
    names = {path.name for path in awkward.iterdir()}
    assert len(names) == 26
    assert {path.name for path in out.iterdir()} == names - set(REFUSED)
    for name in sorted(names - set(REFUSED)):
        with Image.open(out / name) as image:
            image.load()
            wide, tall = SIZES.get(name, (WIDE, TALL))
            assert (name, image.size, image.mode) == (name, (2 * wide, 2 * tall), MODES.get(name, "RGB"))
            assert image.getexif().get(0x0112, 1) == 1
            assert bool(image.info.get("icc_profile")) == (name == "profile.png")
    complaints = [line for line in answer.err.splitlines() if "awkward" in line]
    for name, word in REFUSED.items():
        assert sum(name in line and word in line for line in complaints) == 1, name
    assert len(complaints) == len(REFUSED)
    assert f"{len(REFUSED)} of {len(names)} images" in answer.err
