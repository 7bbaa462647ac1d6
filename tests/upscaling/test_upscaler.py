"""An upscaler gives what the network gives, in the type of the image, tile by tile where memory is short."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from srbench.errors import ShapeError
from srbench.imaging.photographs import Photograph
from srbench.imaging.pixels import to_tensor, to_uint8
from srbench.measuring.inference import super_resolve
from srbench.measuring.protocol import Inference
from srbench.networks.network import build_network
from srbench.scales import parse_scale
from srbench.upscaling.upscaler import OVERLAP, Upscaler


def upscaler(catalog, name="espcn", scale=2, **options):
    torch.manual_seed(0)
    network = build_network(catalog.architectures[name], scale)
    network.module.eval()
    return Upscaler(name=name, network=network, scale=scale, device=torch.device("cpu"), **options)


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("name", ["espcn", "edsr_small"])
def test_pixels_are_those_that_measuring_would_score(catalog, name):
    chosen, pixels = upscaler(catalog, name), noise(21, 17, 3)
    sr = super_resolve(chosen.network, to_tensor(pixels)[None], 2, Inference())
    expected = to_uint8(sr)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(chosen.upscale(pixels), expected)
    assert np.array_equal(np.asarray(chosen.upscale(Image.fromarray(pixels))), expected)


def test_the_type_of_the_image_is_kept(catalog):
    chosen = upscaler(catalog)
    for pixels in (noise(8, 9), noise(8, 9, dtype=np.uint16), noise(8, 9, 3, dtype=np.uint16)):
        made = chosen.upscale(pixels)
        assert (made.dtype, made.shape) == (pixels.dtype, (16, 18, *pixels.shape[2:]))
    floats = np.random.default_rng(0).random((8, 9, 3), np.float64)
    assert chosen.upscale(floats).dtype == np.float64
    tensor = torch.rand(2, 3, 8, 9)
    assert torch.equal(chosen.upscale(tensor)[1], chosen.upscale(tensor[1]))
    assert chosen.upscale(Image.new("LA", (4, 5))).size == (8, 10)
    assert chosen.upscale(Image.new("RGBA", (4, 5), (9, 9, 9, 100))).mode == "RGBA"


def test_an_array_that_must_not_be_changed_is_enlarged_too(catalog):
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    pixels.flags.writeable = False
    assert upscaler(catalog, "bicubic").upscale(pixels).shape == (12, 16)


def test_sixteen_bits_say_more_than_eight(catalog):
    chosen, pixels = upscaler(catalog, "bicubic"), noise(8, 8, 3, dtype=np.uint16)
    fine = chosen.upscale(pixels).astype(np.float64) / 65535
    exact = super_resolve(
        chosen.network, torch.from_numpy(pixels / 65535).float().permute(2, 0, 1)[None], 2, Inference()
    )
    assert np.abs(fine - exact.clamp(0, 1)[0].permute(1, 2, 0).numpy()).max() < 1e-5


def test_transparency_of_one_value_stays_that_value(catalog):
    made = upscaler(catalog).upscale_photograph(
        Photograph(noise(6, 7, 3), np.full((6, 7), 77, np.uint8), {"exif": b"x"})
    )
    assert made.alpha.shape == (12, 14)
    assert set(np.unique(made.alpha)) == {77}
    assert made.beside == {"exif": b"x"}


def test_tiles_give_what_the_whole_image_gives(catalog):
    whole, pixels = upscaler(catalog), noise(150, 200, 3)
    tiled = replace(whole, memory=3_000_000)
    assert whole.tile_for(150, 200) == 0
    assert 0 < tiled.tile_for(150, 200) < 150
    differences = np.abs(tiled.upscale(pixels).astype(int) - whole.upscale(pixels))
    assert differences.max() <= 1  # convolutions of other sizes may round the last bit otherwise
    assert (differences > 0).mean() < 1e-3


def test_less_memory_means_smaller_tiles_and_never_none(catalog):
    sides = [upscaler(catalog, memory=memory).tile_for(4320, 7680) for memory in (2**33, 2**31, 2**29, 2**27, 1)]
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] == 64 > OVERLAP
    assert sides[0] > sides[2] > sides[-1]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.int64), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8),
        torch.zeros(4, 4), torch.zeros(3, 4, 4, dtype=torch.uint8), torch.zeros(2, 4, 4), Image.new("CMYK", (4, 4)),
    ],
)  # fmt: skip
def test_what_is_no_image_is_refused(catalog, image):
    with pytest.raises(ShapeError, match=r"is not an image; give|convert it"):
        upscaler(catalog).upscale(image)


def test_a_real_scale_is_enlarged_whole(catalog):
    chosen = upscaler(catalog, "bicubic", scale=parse_scale("2.5"), memory=1)
    assert chosen.upscale(noise(10, 12, 3)).shape == (25, 30, 3)
