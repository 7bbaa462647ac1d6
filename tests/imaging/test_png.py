"""PNG files are read by others as they were meant."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srbench.imaging import png
from srbench.imaging.png import write_png


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.booleans(), st.booleans(),
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(1, 200),
)  # fmt: skip
def test_other_programs_read_every_pixel(tmp_path_factory, size, colour, transparent, dtype, strip):
    cv2 = pytest.importorskip("cv2")
    colours = noise(*size, *([3] if colour else []), dtype=dtype)
    alpha = noise(*size, dtype=dtype, seed=1) if transparent else None
    path = tmp_path_factory.mktemp("png") / "a.png"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png, "_STRIP", strip)
        write_png(path, colours, alpha)
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found.dtype == dtype
    read = found[..., [2, 1, 0, *range(3, found.shape[2])]] if found.ndim == 3 else found
    expected = colours if colour or not transparent else np.dstack([colours] * 3)
    assert np.array_equal(read, expected if alpha is None else np.dstack((expected, alpha)))
    if dtype == np.uint8:
        with Image.open(path) as image:
            image.load()  # Pillow checks the sum of every chunk
            assert image.mode == {0: "L", 1: "LA", 2: "RGB", 3: "RGBA"}[2 * colour + transparent]
            assert np.array_equal(np.asarray(image), colours if alpha is None else np.dstack((colours, alpha)))


def test_a_profile_and_exif_are_kept(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    write_png(tmp_path / "a.png", noise(3, 4), profile=b"not looked into", exif=exif.tobytes())
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["icc_profile"] == b"not looked into"
        assert dict(image.getexif()) == dict(exif)


def test_files_of_photographs_are_about_as_small_as_those_of_others(tmp_path):
    data = pytest.importorskip("skimage.data")
    colours = data.astronaut()
    write_png(tmp_path / "a.png", colours)
    other = io.BytesIO()
    Image.fromarray(colours).save(other, "PNG", compress_level=1)
    assert (tmp_path / "a.png").stat().st_size < 1.25 * len(other.getvalue())
    assert (tmp_path / "a.png").stat().st_size < 0.95 * len(zlib.compress(colours.tobytes(), 1))
