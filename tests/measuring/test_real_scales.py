"""At real scales, lr and sr have explicit sizes, and a network of a whole scale can be reduced."""

import pytest
import torch

from srbench.datasets.library import Library
from srbench.errors import ShapeError
from srbench.imaging import imresize, mod_crop, read_image, to_tensor
from srbench.measuring.inference import super_resolve
from srbench.measuring.measure import measure
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import Inference, protocol_named, score_id
from srbench.networks.network import build_network
from srbench.scales import parse_scale
from srbench.testing import photograph

CPU = torch.device("cpu")


@pytest.fixture
def pairs(tiny, catalog):
    def make(scale, protocol="classic-y", degradation="bicubic"):
        return Pairs(
            library=Library(tiny.data, catalog.datasets), dataset=catalog.datasets["tiny_test"],
            degradation=catalog.degradations[degradation], code_hash="f", scale=parse_scale(scale),
            protocol=protocol_named(protocol),
        )  # fmt: skip

    return make


@pytest.mark.parametrize("scale", ["1.5", "2.3", "3.7x1.5"])
def test_hr_is_the_crop_that_belongs_to_lr(pairs, tiny, scale):
    pair = next(iter(pairs(scale, protocol="published-bicubic")))
    whole = to_tensor(read_image(tiny.data / "TinyTest" / "ant.png"))
    vertical, horizontal = map(float, (scale.split("x") * 2)[:2])
    height, width = int(whole.shape[-2] / vertical + 1e-9), int(whole.shape[-1] / horizontal + 1e-9)
    assert tuple(pair.lr.shape[-2:]) == (height, width)
    rows, columns = round(height * vertical), round(width * horizontal)
    assert torch.equal(pair.hr, whole[None, :, :rows, :columns])
    assert torch.allclose(pair.lr, imresize(pair.hr.double(), size=(height, width)), atol=1e-6)  # hr is in float32


def test_a_cell_is_scored_with_the_scale_rounded_up_as_border(pairs, catalog, tmp_path):
    network = build_network(catalog.architectures["bicubic"], parse_scale("2.3"))
    options = {"keep": 0, "folder": tmp_path, "advance": lambda: None}
    found = measure(network, pairs("2.3"), [catalog.metrics["psnr_y"]], Inference(), CPU, **options)
    assert found.scores["psnr_y"].protocol == "psnr_y@classic-y:sr=u8,y=bt601,shave=3,lr=bicubic-u8,whole"
    assert found.scores["psnr_y"].value > 10


@pytest.mark.parametrize(
    ("preset", "scale", "meaning"),
    [
        ("liif", "2.3", "psnr_y@liif:sr=none,y=bt601,shave=3,lr=pil_bicubic-u8,whole"),
        ("liif", "6", "psnr_y@liif:sr=none,y=bt601,shave=6,lr=pil_bicubic-u8,whole"),
        ("liif-div2k", "6", "psnr_y@liif-div2k:sr=none,y=bt601,shave=12,lr=pil_bicubic-u8,whole"),
    ],
)
def test_liifs_presets_shave_the_scale_and_round_nothing(catalog, preset, scale, meaning):
    protocol = protocol_named(preset)
    assert score_id(catalog.metrics["psnr_y"], protocol, parse_scale(scale), "pil_bicubic-u8", Inference()) == meaning


@pytest.mark.parametrize(("scale", "size"), [("2.3", (25, 30)), ("2.7x1.5", (30, 20))])
def test_the_sr_of_a_larger_scale_is_reduced_as_matlab_does(catalog, scale, size):
    lr, network = photograph(1, 3, 11, 13), build_network(catalog.architectures["espcn"], 3)
    network.module.eval()
    sr = super_resolve(network, lr, parse_scale(scale), Inference(resize=3))
    assert torch.equal(sr, imresize(super_resolve(network, lr, 3, Inference()), size=size))


def test_tiles_of_a_larger_scale_are_put_together_before_they_are_reduced(catalog):
    lr, scale = photograph(1, 3, 21, 13), parse_scale("2.3")
    network = build_network(catalog.architectures["espcn"], 3)
    network.module.eval()
    tiled = super_resolve(network, lr, scale, Inference(resize=3, tile=9, overlap=4))
    assert (tiled - super_resolve(network, lr, scale, Inference(resize=3))).abs().max() < 1e-5


def test_an_image_without_a_pixel_of_lr_is_refused():
    with pytest.raises(ShapeError, match=r"2×9 has no pixel left when cropped to multiples of 2.3\."):
        mod_crop(torch.rand(3, 2, 9), parse_scale("2.3"))
