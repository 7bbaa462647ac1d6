"""Compiled noise has the published random words and the right distributions, and a field depends only on its seed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from srbench.imaging import noise
from srbench.imaging.compiled import noise as noise_loops

WHOLE = 2**32 - 1


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((WHOLE,) * 4, (WHOLE,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_words_are_those_published_with_random123(counter, key, words):
    assert noise_loops.philox(*map(np.uint64, (*counter, *key))) == words


def test_fields_are_of_the_normal_distribution_far_into_its_tails():
    field = noise.normal(torch.empty(8, 1, 1000, 1000), range(8)).flatten(1)
    for one in field[:3]:
        assert stats.kstest(one, "norm").pvalue > 1e-3
    for sigma in (2.0, 3.0, 4.0, 4.5):
        expected = field.numel() * stats.norm.sf(sigma)
        for beyond in ((field > sigma).sum().item(), (field < -sigma).sum().item()):
            assert abs(beyond - expected) < 4.5 * math.sqrt(expected)
    assert field.mean().abs() < 4 / math.sqrt(field.numel())
    # neither neighbours, nor the two numbers that are made of one pair of words, nor images go together
    for apart in (1, 2, 256, 512, 768, 1024):
        both = torch.stack([field[0, :-apart], field[0, apart:]])
        for view in (both, both.square()):
            assert torch.corrcoef(view)[0, 1].abs() < 4.5e-3
    assert (torch.corrcoef(field) - torch.eye(8)).abs().max() < 4.5e-3


@pytest.mark.parametrize("rate", [0.0, 0.3, 5.0, 40.0, 255.0])
def test_counts_are_of_the_poisson_distribution(rate):
    counts = []
    for seed, level in enumerate((51, 255)):
        peak = rate * 255 / level if rate else 1.0
        shown = level if rate else 0
        images = torch.full((1, 1, 500, 1000), shown / 255)
        assert images.numel() >= noise._TABLES_FROM
        exact = (noise.poisson(images, peak, [seed]).double() + shown / 255) * peak
        assert (exact - exact.round()).abs().max() < 1e-3
        counts.append(exact.round().flatten())
    counts = torch.cat(counts).numpy()
    if rate == 0:
        assert not counts.any()
        return
    error = math.sqrt(rate / len(counts))
    assert abs(counts.mean() - rate) < 4 * error
    assert counts.var() == pytest.approx(rate, rel=0.01)
    expected = stats.poisson.pmf(np.arange(600), rate) * len(counts)
    seen = np.bincount(counts.astype(int), minlength=600)
    common = expected > 20
    pairs = [np.append(some[common], some[~common].sum()) for some in (seen, expected)]
    assert stats.chisquare(*pairs, sum_check=False).pvalue > 1e-4


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_levels_and_sums_are_those_of_tensors(count, channels, height, width, seed):
    images = rand(count, channels, height, width, seed=seed) * 1.2 - 0.1
    grey = [image % 2 == 1 for image in range(count)]
    assert torch.equal(noise.peaks_of_levels(images, grey), noise.peaks_of_levels(images.double(), grey))
    differences, factors = rand(*images.shape, seed=seed + 1) - 0.5, rand(count, seed=seed)
    for clamp in (False, True):
        summed = noise.add(images, differences, factors, clamp=clamp)
        exact = noise.add(images.double(), differences.double(), factors, clamp=clamp)
        torch.testing.assert_close(summed, exact.float(), atol=2e-7, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_same_bytes_with_any_threads_and_neighbours(count, torch_threads):
    images = rand(count, 3, 60, 50)
    seeds = [2**53 - 1 - image % 5 for image in range(count)]
    grey, peaks = [image % 3 == 1 for image in range(count)], [2.0 ** (image % 9) for image in range(count)]
    results = []
    for threads in (1, 2, 3):
        torch_threads(threads)
        results.append((noise.normal(images, seeds, grey), noise.poisson(images, peaks, seeds, grey)))
    for other in results[1:]:
        assert torch.equal(results[0][0], other[0])
        assert torch.equal(results[0][1], other[1])
    for image in range(count):
        one = slice(image, image + 1)
        assert torch.equal(noise.normal(images[one], seeds[one], grey[one]), results[0][0][one])
        assert torch.equal(noise.poisson(images[one], peaks[one], seeds[one], grey[one]), results[0][1][one])
        assert grey[image] == torch.equal(results[0][1][image, 0], results[0][1][image, 1])


def test_images_that_are_not_contiguous():
    images = rand(60, 50, 3, 2).permute(3, 2, 0, 1)
    whole = images.contiguous()
    for make in (
        lambda some: noise.normal(some, [1, 2]),
        lambda some: noise.poisson(some, 64.0, [1, 2], [True, False]),
        lambda some: noise.gaussian(some, 10.0, noise.normal(some, [1, 2]), clamp=True),
        lambda some: noise.peaks_of_levels(some, [True, False]),
    ):
        assert torch.equal(make(images), make(whole))


def test_more_photons_than_tables_hold_are_counted_one_by_one():
    images = torch.full((1, 1, 100, 100), 0.5)
    difference = noise.poisson(images, 1e6, [1])
    assert difference.var().item() == pytest.approx(0.5e-6, rel=0.1)
