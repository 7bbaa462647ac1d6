"""Tiles are compared with the whole image, and the overlap that a network needs is found."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import nn

from srbench.diagnosing.tiles import diagnose_tiles
from srbench.errors import UsageError
from srbench.networks.network import Network
from srbench.scales import parse_scale
from srbench.upscaling.upscaler import Upscaler


class Seeing(nn.Module):
    """Nearest enlargement at x2, and then every pixel is mixed with those ``reach`` away; or with the mean of all."""

    def __init__(self, reach, part=0.2):
        super().__init__()
        self.reach, self.part = reach, nn.Parameter(torch.tensor(part))

    def forward(self, lr):
        far = lr.mean(dim=(2, 3), keepdim=True)
        if self.reach is not None:
            size = 2 * self.reach + 1
            far = nn.functional.max_pool2d(lr, (1, size), 1, (0, self.reach))  # sees every pixel as far as that
            far = nn.functional.max_pool2d(far, (size, 1), 1, (self.reach, 0))
        mixed = lr + self.part * (far - lr)
        return mixed.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.fixture
def diagnosed(catalog, tmp_path):
    """Diagnose tiles of a network with some reach on a part of a photograph."""
    Image.fromarray(np.ascontiguousarray(data.astronaut()[:60, 180:244])).save(tmp_path / "lr.png")

    def diagnosing(reach, tile=16, overlap=4, part=0.2, scale=2):
        network = Network(replace(catalog.architectures["edsr_small"], name="seeing"), Seeing(reach, part).eval())
        upscaler = Upscaler(name="seeing", network=network, scale=scale, device=torch.device("cpu"))
        return diagnose_tiles(upscaler, tmp_path / "lr.png", tile=tile, overlap=overlap)

    return diagnosing


@pytest.mark.parametrize("reach", [0, 3, 7])
def test_the_reach_is_how_far_a_network_sees(diagnosed, reach):
    found = diagnosed(reach, overlap=7)
    assert found.reach == reach
    assert found.visible_reach == reach
    assert found.suggested_overlap == {0: 0, 3: 4, 7: 8}[reach]
    assert found.psnr_db is None
    assert found.largest_levels == 0
    assert found.verdict.startswith("With an overlap of 7, tiles change no value by more than half a level")


def test_tiles_that_overlap_too_little_differ_at_their_seams(diagnosed):
    found = diagnosed(6, overlap=2)
    assert found.psnr_db < 50
    assert found.at_seams_levels > 4 * found.elsewhere_levels
    assert found.largest_levels > 1
    assert "an overlap of 8 is enough here" in found.verdict
    enough = diagnosed(6, overlap=found.visible_reach, tile=20)
    assert enough.psnr_db is None


def test_what_is_not_visible_needs_no_overlap(diagnosed):
    found = diagnosed(6, part=0.001)
    assert found.reach == 6
    assert found.visible_reach == 0


def test_a_network_that_looks_at_the_whole_image_has_no_overlap(diagnosed):
    found = diagnosed(None)
    assert found.reach is None
    assert found.suggested_overlap is None
    assert "further than 30 pixels from a cut" in found.verdict
    assert found.seams > found.seams_of_whole


def test_what_tiles_do_not_cut_is_refused(diagnosed):
    with pytest.raises(UsageError, match=r"do not cut lr\.png, which has 60×64"):
        diagnosed(1, tile=64)
    with pytest.raises(UsageError, match="too small for an overlap of 8"):
        diagnosed(1, tile=16, overlap=8)
    with pytest.raises(UsageError, match="whole scale"):
        diagnosed(1, scale=parse_scale("2.5"))
