"""Cropping, shaving, padding."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from srbench.errors import ShapeError, UsageError
from srbench.imaging import mod_crop, pad_beyond, pad_to_multiple, shave
from srbench.imaging.borders import centre_crop, check_border, margins, pad, sources


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 8))
def test_mod_crop_leaves_the_largest_multiple_at_the_top_left(height, width, scale):
    image = torch.arange(height * width).view(1, height, width)
    if min(height, width) < scale:
        with pytest.raises(ShapeError, match="no pixel left"):
            mod_crop(image, scale)
        return
    cropped = mod_crop(image, scale)
    assert cropped.shape == (1, height // scale * scale, width // scale * scale)
    assert torch.equal(cropped, image[:, : cropped.shape[1], : cropped.shape[2]])


@given(st.integers(0, 9))
def test_shaving_undoes_padding(pixels):
    image = torch.rand(2, 3, 7, 5)
    padded = torch.nn.functional.pad(image, [pixels] * 4)
    assert torch.equal(shave(padded, pixels), image)


@pytest.mark.parametrize("pixels", [-1, 4, 5])
def test_shaving_everything_or_less_than_nothing_is_refused(pixels):
    with pytest.raises(ShapeError, match="cannot be shaved"):
        shave(torch.rand(1, 8, 20), pixels)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 9), st.integers(1, 9), st.integers(1, 40))
def test_padding_fits_keeps_the_image_and_adds_only_pixels_that_it_has(height, width, multiple_h, multiple_w, minimum):
    lr = torch.arange(float(height * width)).view(1, 1, height, width)
    padded, size = pad_to_multiple(lr, (multiple_h, multiple_w), minimum)
    assert size == (height, width)
    assert torch.equal(padded[..., :height, :width], lr)
    for side, old, multiple in zip(padded.shape[-2:], size, (multiple_h, multiple_w), strict=True):
        assert side % multiple == 0
        assert side >= minimum
        assert side - max(old, minimum) < multiple
    assert set(padded.flatten().tolist()) == set(lr.flatten().tolist())


def test_padding_mirrors_without_repeating_the_edge_and_repeats_it_where_it_cannot():
    row = torch.tensor([[[1.0, 2.0, 3.0]]])
    assert pad_to_multiple(row, (1, 5))[0].flatten().tolist() == [1, 2, 3, 2, 1]
    assert pad_to_multiple(row, (1, 6))[0].flatten().tolist() == [1, 2, 3, 3, 3, 3]
    assert pad_to_multiple(row, (1, 3))[0] is row


class Padded(torch.nn.Module):
    def forward(self, lr):
        return pad_to_multiple(lr, (4, 6), 3)[0]


def test_a_program_made_from_one_size_pads_every_other_size_likewise():
    lr = torch.rand(1, 2, 15, 17)
    sides = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    program = torch.export.export(Padded(), (lr[..., :9, :11],), dynamic_shapes=(sides,))
    assert program.module(check_guards=False)(lr).equal(Padded()(lr))
    for height, width in [(4, 6), (5, 7), (12, 17), (15, 12)]:
        image = lr[..., :height, :width]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated
            traced = torch.jit.trace(Padded(), lr[..., :9, :11], check_trace=False)
        assert traced(image).equal(Padded()(image))


@pytest.mark.parametrize(("multiple", "minimum"), [(0, 1), ((2, 0), 1), ((0, 2), 1), (2, 0)])
def test_a_multiple_or_a_side_below_one_is_refused(multiple, minimum):
    with pytest.raises(ShapeError, match="give 1 or more"):
        pad_to_multiple(torch.rand(1, 4, 4), multiple, minimum)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 12))
def test_padding_beyond_adds_at_least_a_pixel_and_at_most_a_multiple(height, width, multiple):
    lr = torch.arange(float(height * width)).view(1, 1, height, width)
    padded, size = pad_beyond(lr, multiple)
    assert size == (height, width)
    for dimensions in (lr[0], lr[0, 0], lr[None]):
        assert torch.equal(pad_beyond(dimensions, multiple)[0].flatten(), padded.flatten())
    assert torch.equal(padded[..., :height, :width], lr)
    for side, old in zip(padded.shape[-2:], size, strict=True):
        assert side % multiple == 0
        assert 1 <= side - old <= multiple
    mirrored = torch.cat((lr, lr.flip(2)), 2)
    mirrored = torch.cat((mirrored, mirrored.flip(3)), 3)
    least = [min(*sides) for sides in zip(padded.shape[-2:], mirrored.shape[-2:], strict=True)]
    assert torch.equal(padded[..., : least[0], : least[1]], mirrored[..., : least[0], : least[1]])


def test_padding_beyond_a_multiple_below_one_is_refused():
    with pytest.raises(ShapeError, match="give 1 or more"):
        pad_beyond(torch.rand(1, 4, 4), 0)


NUMPYS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}
"""The borders by their names in `numpy.pad`."""


@pytest.mark.parametrize("border", NUMPYS)
@given(st.integers(2, 7), st.integers(2, 7), st.tuples(*[st.integers(0, 17)] * 4))
@example(7, 5, (3, 6, 2, 4))
@example(3, 7, (3, 0, 0, 0))
@example(7, 3, (0, 0, 0, 3))
def test_images_go_on_beyond_their_edges_as_numpys_do(border, height, width, sides):
    above, below, left, right = sides
    image = torch.arange(float(height * width)).view(1, 1, height, width)
    wanted = np.pad(image[0, 0].numpy(), ((above, below), (left, right)), mode=NUMPYS[border])
    assert np.array_equal(pad(image, (above, below), (left, right), border)[0, 0].numpy(), wanted)
    line = np.pad(np.arange(width), (left, right), mode=NUMPYS[border])
    assert sources(width, left, right, border).tolist() == line.tolist()


@pytest.mark.parametrize("border", ["reflect", "symmetric", "replicate", "circular"])
def test_a_side_of_one_pixel_repeats_it(border):
    assert pad(torch.ones(3, 1, 1), (2, 3), (1, 0), border).tolist() == torch.ones(3, 6, 2).tolist()


@pytest.mark.parametrize(("side", "wanted"), [(5, (2, 2)), (4, (1, 2)), (1, (0, 0)), (7, (3, 3)), (8, (3, 4))])
def test_a_kernel_of_even_side_reaches_further_after_its_pixel(side, wanted):
    assert margins(side) == wanted


def test_an_unknown_border_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="'mirror' is unknown; choose one of reflect, replicate, circular, symmetric"):
        check_border("mirror")


@pytest.mark.parametrize(
    ("height", "width", "step", "corner"), [(20, 16, 1, (6, 4)), (20, 17, 4, (4, 4)), (8, 8, 4, (0, 0))]
)
def test_the_middle_begins_at_a_multiple_of_the_step(height, width, step, corner):
    image = torch.arange(height * width).view(1, height, width)
    top, left = corner
    assert centre_crop(image, 8, step).equal(image[:, top : top + 8, left : left + 8])


def test_a_middle_that_is_not_there_is_refused():
    with pytest.raises(ShapeError, match="has no middle of 8×8"):
        centre_crop(torch.zeros(1, 7, 9), 8)
    with pytest.raises(ShapeError, match="A crop of 8 pixels does not divide by 3"):
        centre_crop(torch.zeros(1, 9, 9), 8, 3)
