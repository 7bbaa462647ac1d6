"""Files of lower quality lose more, and what was lost is what Pillow's codecs lose after a bicubic reduction."""

import pytest
import torch
from srbench_plugins.degradations import codecs

from helpers.degrading import rough
from srbench.degrading import Size, freeze, realise
from srbench.imaging import imresize
from srbench.imaging.codecs import jpeg_bytes, webp_bytes

SPECS = {spec.name: spec for spec in codecs.register_degradations()}
SIZE = Size(64, 72, 2)


@pytest.mark.parametrize("name", SPECS)
def test_lr_is_a_file_of_the_bicubic_lr(name):
    hr = rough(1, 64, 72)
    small = imresize(hr, scale=0.5)
    for seed in range(3):
        realisation = freeze(SPECS[name], SIZE, seed)
        drawn = realisation.drawn["steps"][1]["drawn"]
        written = (
            jpeg_bytes(small, [drawn["quality"]])
            if name == "jpeg"
            else webp_bytes(small, [drawn["quality"]], method=[drawn["method"]], rounding="down")
        )
        assert torch.equal(realise(SPECS[name], hr, realisation), written)


def test_qualities_are_drawn_from_the_released_ranges():
    drawn = {
        name: [freeze(spec, SIZE, seed).drawn["steps"][1]["drawn"] for seed in range(400)]
        for name, spec in SPECS.items()
    }
    assert {one["quality"] for one in drawn["jpeg"]} <= {*range(30, 96)}
    assert {one["quality"] for one in drawn["webp"]} <= {*range(20, 96)}
    assert {one["method"] for one in drawn["webp"]} == {*range(7)}
