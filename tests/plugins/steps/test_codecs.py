"""What a lossy file does to an image is what Pillow's codec does, at the quality that was drawn."""

import pytest
import torch
from srbench_plugins.steps.codecs import Jpeg, WebP

from helpers.degrading import once, rough
from srbench.degrading import Random, Size
from srbench.imaging.codecs import jpeg_bytes, webp_bytes

SIZE = Size(40, 44, 1)


def test_every_image_is_written_at_its_own_quality():
    images = rough(2)
    drawn = [{"quality": 30}, {"quality": 90}]
    both = Jpeg(subsampling="4:4:4").apply(images, drawn, SIZE)
    for image, quality in enumerate((30, 90)):
        assert torch.equal(both[image], jpeg_bytes(images[image : image + 1], [quality], subsampling="4:4:4")[0])
    away = (both - images).square().mean(dim=(1, 2, 3))
    assert away[0] > 1.5 * away[1]


def test_webp_is_written_by_the_method_that_was_drawn():
    images, drawn = rough(), [{"quality": 50, "method": 4}]
    assert torch.equal(WebP().apply(images, drawn, SIZE), webp_bytes(images, [50], method=[4], rounding="down"))


@pytest.mark.parametrize(("step", "names"), [(Jpeg(40), {"quality"}), (WebP(40, 2), {"quality", "method"})])
def test_what_is_given_as_one_number_is_not_drawn(step, names):
    drawn = [step.draw(Random(seed), SIZE) for seed in range(5)]
    assert drawn == [drawn[0]] * 5
    assert drawn[0].keys() == names


@pytest.mark.parametrize("step", [Jpeg(), WebP()])
def test_a_file_has_8_bits(step):
    levels = once(step, rough()) * 255
    assert (levels - levels.round()).abs().max() < 1e-6
