import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srbench.degrading.lr_images import draw_seed, lr_image, lr_image_exact
from srbench.degrading.spec import DegradationSpec
from srbench.errors import DataError, ShapeError

pytestmark = pytest.mark.usefixtures("empty_cache")


def noisy(hr, scale, generator):
    lr = hr[..., ::scale, ::scale]
    return lr + 0.1 * torch.randn(lr.shape, generator=generator)


NOISE = DegradationSpec(name="noise", apply=noisy, stochastic=True)
NEAREST = DegradationSpec(name="nearest", apply=lambda hr, s, g: hr[..., ::s, ::s], stochastic=False)


@pytest.fixture
def pictures():
    """Pictures with structure at every size, by name."""
    made = {}
    for number, (name, height, width) in enumerate([("ant", 48, 60), ("bee", 48, 48), ("cow", 36, 48)]):
        coarse = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        made[name] = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return made


@given(st.integers(4, 13), st.integers(4, 13), st.integers(2, 4), st.booleans())
def test_lr_has_the_size_of_the_cropped_image(height, width, scale, grey):
    hr = np.arange(height * width * 3, dtype=np.int64).reshape(height, width, 3).astype(np.uint8)
    hr = hr[..., 0] if grey else hr
    lr, _ = lr_image(hr, NEAREST, scale)
    wanted = hr[: height // scale * scale : scale, : width // scale * scale : scale]
    assert lr.dtype == np.uint8
    assert np.array_equal(lr, wanted)


def test_a_random_degradation_is_frozen_by_its_seed_and_not_by_earlier_draws(pictures):
    hr, seed = pictures["ant"], draw_seed("noise", "farm", "ant", 2)
    first, _ = lr_image(hr, NOISE, 2, seed=seed)
    torch.manual_seed(999)
    torch.rand(5)
    assert np.array_equal(lr_image(hr, NOISE, 2, seed=seed)[0], first)
    assert not np.array_equal(lr_image(hr, NOISE, 2, seed=seed + 1)[0], first)


def test_seeds_depend_on_every_argument_and_stay_as_they_are():
    base = ("noise", "farm", "ant", 2, 0)
    others = [
        ("blur", *base[1:]),
        ("noise", "zoo", *base[2:]),
        ("noise", "farm", "bee", 2, 0),
        (*base[:3], 3, 0),
        (*base[:4], 1),
    ]
    assert len({draw_seed(*args) for args in (base, *others)}) == 6
    assert draw_seed(*base) == 376446354288543060  # a stored realisation would no longer be found


def test_lr_is_cached_by_pixels_and_code(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path))
    calls = []

    def counted(hr, scale, generator):
        calls.append(scale)
        return hr[..., ::scale, ::scale]

    spec = DegradationSpec(name="counted", apply=counted, stochastic=False)
    hr = pictures["bee"]
    first, _ = lr_image(hr, spec, 2, code_hash="a")
    assert np.array_equal(lr_image(hr.copy(), spec, 2, code_hash="a", seed=5)[0], first)
    assert calls == [2]
    for arguments in [(hr, 3, "a"), (hr, 2, "b"), (hr[::-1], 2, "a"), (hr[..., 0], 2, "a")]:
        lr_image(arguments[0], spec, arguments[1], code_hash=arguments[2])
    assert len(calls) == 5
    for file in (tmp_path / "lr").rglob("*.png"):
        file.write_bytes(file.read_bytes()[:30])
    assert np.array_equal(lr_image(hr, spec, 2, code_hash="a")[0], first)


def test_unrounded_lr_keeps_what_eight_bits_would_lose(catalog, pictures):
    bicubic = catalog.degradations["bicubic"]
    exact, _ = lr_image_exact(pictures["cow"], bicubic, 2)
    rounded, _ = lr_image(pictures["cow"], bicubic, 2)
    assert exact.dtype == np.float64
    assert not np.array_equal(exact * 255, np.round(exact * 255))
    assert np.abs(exact.clip(0, 1) * 255 - rounded).max() < 1.6  # two roundings


def test_faults_of_a_degradation_are_blamed_on_it(pictures):
    small = DegradationSpec(name="small", apply=lambda hr, s, g: hr[..., :2, :2], stochastic=False)
    broken = DegradationSpec(name="broken", apply=lambda hr, s, g: hr[..., ::s, ::s] / 0 * 0, stochastic=False)
    with pytest.raises(ShapeError, match="'small' gave lr of shape"):
        lr_image(pictures["ant"], small, 2)
    with pytest.raises(DataError, match="'broken' gave values that are not finite"):
        lr_image(pictures["ant"], broken, 2)
    with pytest.raises(ShapeError, match="too few for an LR at x64"):
        lr_image(pictures["ant"], NEAREST, 64)
