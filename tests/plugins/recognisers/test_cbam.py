"""The small networks with attention have the sizes that their page says, and maps for A-SKD at every block."""

import pytest
import torch
from srbench_plugins.recognisers import cbam

from srbench.networks.recognition.recogniser import build_recogniser
from srbench.profiling.complexity import count_parameters

SMALL, MEDIUM, STRIDED = cbam.register_recognisers()


@pytest.mark.parametrize(("spec", "parameters"), [(SMALL, 171_256), (MEDIUM, 1_357_360), (STRIDED, 1_364_272)])
def test_its_size_is_pinned(spec, parameters):
    assert count_parameters(spec.build()) == parameters


@pytest.mark.parametrize("side", [7, 16, 112])
def test_it_takes_small_and_large_images_and_halves_them_four_times(side):
    recogniser = build_recogniser(SMALL, 0)
    recogniser.module.eval()
    with torch.no_grad():
        features = recogniser.features(torch.rand(1, 3, side, side), (*SMALL.taps, SMALL.stem))
    sides = [features[tap].shape[-1] for tap in SMALL.taps]
    assert sides == [-(-side // 2**stage) for stage in (1, 2, 3, 4)]
    assert features["stem"].shape == (1, 16, side, side)


@pytest.mark.parametrize("side", [16, 105, 128])
def test_the_network_for_large_images_begins_at_a_quarter_of_the_sides(side):
    recogniser = build_recogniser(STRIDED, 0)
    recogniser.module.eval()
    with torch.no_grad():
        features = recogniser.features(torch.rand(1, 3, side, side), (*STRIDED.taps, STRIDED.stem))
    sides = [features[tap].shape[-1] for tap in (STRIDED.stem, *STRIDED.taps)]
    assert sides == [-(-side // 4 // 2**stage) for stage in range(5)]


@pytest.mark.parametrize(("spec", "blocks"), [(SMALL, 4), (MEDIUM, 8)])
def test_every_block_has_a_map_over_channels_and_one_over_places(spec, blocks):
    recogniser = build_recogniser(spec, 0)
    features = recogniser.features(torch.rand(2, 3, 16, 16), spec.attention)
    assert len(features) == 2 * blocks
    shapes = [tuple(features[path].shape) for path in spec.attention]
    assert all(shape[2:] == (1, 1) for shape in shapes[::2])
    assert all(shape[1] == 1 for shape in shapes[1::2])
