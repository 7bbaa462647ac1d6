"""Parts put together against the whole."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.errors import ShapeError, UsageError
from srbench.imaging import chopped, imresize, self_ensemble, tiled

sides = st.integers(1, 45)


def convolve(lr, seed=3):
    """A network that sees two pixels far, zero-padded, up-scaling by 2."""
    weight = torch.randn(4, 1, 5, 5, generator=torch.Generator().manual_seed(seed), dtype=lr.dtype)
    return F.pixel_shuffle(F.conv2d(lr, weight, padding=2), 2)


def picture(height, width):
    return torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.integers(1, 20), st.integers(2, 12))
def test_tiles_equal_the_whole_when_they_overlap_as_far_as_the_network_sees(height, width, tile, overlap):
    lr = picture(height, width)
    assert torch.allclose(tiled(convolve, lr, 2, tile=tile, overlap=overlap), convolve(lr), atol=1e-12)


def test_tiles_that_overlap_less_differ_only_near_their_seams():
    lr = picture(32, 32)
    wrong = (tiled(convolve, lr, 2, tile=16, overlap=0) - convolve(lr)).abs().amax(dim=(0, 1)) > 1e-9
    near = torch.zeros(64, dtype=torch.bool)
    near[28:36] = True
    assert wrong.any()
    assert not wrong[~near][:, ~near].any()


def test_tiles_never_exceed_their_size():
    seen = []

    def watch(part):
        seen.append(tuple(part.shape[-2:]))
        return convolve(part)

    tiled(watch, picture(50, 41), 2, tile=12, overlap=3)
    assert max(max(size) for size in seen) <= 12 + 2 * 3
    assert len(seen) == 5 * 4


@settings(max_examples=40, deadline=None)
@given(sides, sides, st.integers(3, 12), st.integers(200, 900))
def test_chops_equal_the_whole_for_a_local_network(height, width, margin, min_size):
    # one pixel more than the network sees: of an odd side, the second half has that much less around it
    lr = picture(height, width)
    assert torch.allclose(chopped(convolve, lr, 2, shave=margin, min_size=min_size), convolve(lr), atol=1e-12)


def test_chops_are_the_four_quarters_of_the_official_code():
    lr = picture(41, 30)
    parts = []

    def watch(part):
        parts.append(part)
        return part.repeat_interleave(3, -1).repeat_interleave(3, -2) * 0 + len(parts)

    sr = chopped(watch, lr, 3, shave=10)
    half_h, half_w = 41 // 2 + 10, 30 // 2 + 10
    expected = [
        lr[..., :half_h, :half_w],
        lr[..., :half_h, -half_w:],
        lr[..., -half_h:, :half_w],
        lr[..., -half_h:, -half_w:],
    ]
    assert all(torch.equal(part, quarter) for part, quarter in zip(parts, expected, strict=True))
    # and each quarter of the output comes from its own call
    assert sr[0, 0, : 3 * 20, : 3 * 15].unique().tolist() == [1]
    assert sr[0, 0, : 3 * 20, 3 * 15 :].unique().tolist() == [2]
    assert sr[0, 0, 3 * 20 :, : 3 * 15].unique().tolist() == [3]
    assert sr[0, 0, 3 * 20 :, 3 * 15 :].unique().tolist() == [4]


def test_large_quarters_are_cut_again():
    calls = []

    def watch(part):
        calls.append(part.shape)
        return part

    lr = picture(900, 900)
    assert torch.equal(chopped(watch, lr, 1), lr)  # quarters of 460×460 are above 160 000 pixels, sixteenths are not
    assert len(calls) == 16


def test_the_ensemble_undoes_what_it_does():
    lr = picture(9, 14)
    assert torch.allclose(self_ensemble(lambda part: imresize(part, scale=2), lr), imresize(lr, scale=2), atol=1e-12)


def test_the_ensemble_is_the_mean_over_the_eight_symmetries():
    lr = picture(8, 8)
    expected = torch.stack(
        [
            torch.rot90(convolve(torch.rot90(side, turn, (-2, -1))), -turn, (-2, -1)).flip(flips)
            for flips in ([], [-1])
            for side in [lr.flip(flips)]
            for turn in range(4)
        ]
    ).mean(dim=0)
    assert torch.allclose(self_ensemble(convolve, lr), expected, atol=1e-12)


def test_a_network_of_another_scale_is_named():
    for run in (
        lambda: tiled(convolve, picture(8, 8), 3, tile=4, overlap=2),
        lambda: chopped(convolve, picture(30, 30), 3),
    ):
        with pytest.raises(ShapeError, match="at ×3 it must return"):
            run()


def test_impossible_tiles_are_refused():
    with pytest.raises(UsageError, match="at least 1 and 0"):
        tiled(convolve, picture(8, 8), 2, tile=0, overlap=2)
    with pytest.raises(UsageError, match="at least 0 and 1"):
        chopped(convolve, picture(8, 8), 2, min_size=0)
