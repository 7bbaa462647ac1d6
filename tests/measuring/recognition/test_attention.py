"""What is kept of the attention of a recogniser."""

import numpy as np
import pytest
import torch

from helpers.recognition import PassOn, Scripted
from srbench.measuring.recognition.attention import attention_to_places, spread_over, write_attention
from srbench.networks.recognition.recogniser import BackboneWithHead, Recogniser
from srbench.networks.recognition.spec import RecogniserSpec


def looking(*maps):
    paths = tuple(f"maps.{number}" for number in range(len(maps)))
    spec = RecogniserSpec(name="looking", build=torch.nn.Module, attention=paths)
    return Recogniser(spec, BackboneWithHead(Scripted(torch.zeros(2, 3), maps), PassOn()))


def test_images_are_spread_over_a_set_whose_classes_follow_one_another():
    assert spread_over(1000, 4) == [125, 375, 625, 875]
    assert spread_over(3, 4) == [0, 1, 2]
    assert spread_over(8, 0) == []


def test_attention_is_the_mean_of_the_maps_over_places():
    even, split = torch.zeros(2, 1, 1, 1), torch.zeros(2, 1, 1, 2)
    split[0, ..., 0], split[0, ..., 1] = -20, 20
    places = attention_to_places(looking(torch.full((2, 5, 1, 1), 9.0), even, split), torch.zeros(2, 3, 4, 4), (4, 8))
    assert places.shape == (2, 4, 8)
    # halves, beside pixels whose centres are 1/8 apart on the way from 0 to 1
    expected = (0.5 + torch.tensor([0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1])) / 2
    torch.testing.assert_close(places[0], expected.expand(4, 8), atol=1e-6, rtol=0)
    torch.testing.assert_close(places[1], torch.full((4, 8), 0.5))


@pytest.mark.parametrize("maps", [(), (torch.zeros(2, 5, 1, 1),)])
def test_without_a_map_over_places_there_is_none(maps):
    assert attention_to_places(looking(*maps), torch.zeros(2, 3, 4, 4), (4, 4)) is None


def test_what_is_written_is_read_without_pickle(tmp_path):
    seen, places = torch.rand(2, 3, 5, 4), torch.rand(2, 10, 8)
    name = write_attention(tmp_path / "new", ["ant/1", "bee/2"], seen, places)
    with np.load(tmp_path / "new" / name, allow_pickle=False) as file:
        assert file["images"].tolist() == ["ant/1", "bee/2"]
        np.testing.assert_array_equal(file["seen"], (seen * 255).round().permute(0, 2, 3, 1).numpy().astype(np.uint8))
        np.testing.assert_array_equal(file["places"], places.numpy())
