"""Measuring gives non-blind networks what was done to each image, and keeps what networks make of it."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from srbench.datasets.library import Library
from srbench.errors import ShapeError
from srbench.measuring.measure import measure
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import Inference, protocol_named
from srbench.measuring.representations import FILE
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec

CPU = torch.device("cpu")
WHOLE = Inference()


class Painting(nn.Module):
    """Paints its condition, or black; makes a mean of what it sees."""

    def __init__(self):
        super().__init__()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.heard = []

    def forward(self, lr, conditions=None):
        self.heard.append(conditions)
        return self.mean(lr) * torch.ones(*lr.shape[:2], lr.shape[2] * 2, lr.shape[3] * 2)


def spec(**facts):
    return ArchitectureSpec(name="painting", build=lambda scale: Painting(), scales=frozenset({2}), **facts)


@pytest.fixture
def run(tiny, catalog, tmp_path):
    def measured(spec, inference=WHOLE, *, describe=lambda drawn: {"level": 7.0, "other": 1.0}):
        degradation = dataclasses.replace(catalog.degradations["bicubic"], describe=describe)
        pairs = Pairs(
            library=Library(tiny.data, catalog.datasets), dataset=catalog.datasets["tiny_test"],
            degradation=degradation, code_hash="f", scale=2, protocol=protocol_named("classic-y"),
        )  # fmt: skip
        network = Network(spec, Painting())
        result = measure(
            network, pairs, [catalog.metrics["psnr_y"]], inference, CPU,
            keep=0, folder=tmp_path / "kept", advance=lambda: None,
        )  # fmt: skip
        return network.module, result, list(pairs)

    return measured


def test_a_network_gets_the_conditions_that_it_names(run):
    module, _, _ = run(spec(conditions=("level",)))
    assert [conditions.tolist() for conditions in module.heard] == [[[7.0]], [[7.0]]]
    module, _, _ = run(spec(conditions=("other", "level")))
    assert [conditions.tolist() for conditions in module.heard] == [[[1.0, 7.0]], [[1.0, 7.0]]]


def test_a_blind_network_gets_no_conditions(run):
    module, result, _ = run(spec())
    assert module.heard == [None, None]
    assert result.representation_file is None


def test_a_missing_condition_is_named_in_a_sentence(run):
    with pytest.raises(
        ShapeError, match="painting needs 'noise' as a condition, which the degradation does not describe"
    ):
        run(spec(conditions=("noise",)))


def test_every_tile_gets_the_conditions(run):
    module, _, _ = run(spec(conditions=("level",)), Inference(tile=8, overlap=2))
    assert len(module.heard) > 2
    assert all(set(conditions.flatten().tolist()) == {7.0} for conditions in module.heard)


@pytest.mark.parametrize("describe", [None, lambda drawn: {"width": 2.0, "noise": 0.5}], ids=["silent", "describing"])
def test_representations_are_kept_beside_the_conditions(run, tmp_path, describe):
    _, result, pairs = run(spec(representation="mean"), describe=describe)
    assert result.representation_file == FILE
    with np.load(tmp_path / "kept" / FILE, allow_pickle=False) as file:
        assert list(file["images"]) == [pair.name for pair in pairs]
        wanted = np.stack([pair.lr.mean((2, 3))[0].numpy() for pair in pairs])
        np.testing.assert_allclose(file["vectors"], wanted, atol=1e-6)
        assert list(file["names"]) == ([] if describe is None else ["noise", "width"])
        assert file["conditions"].tolist() == [[] if describe is None else [0.5, 2.0]] * 2


def test_parts_of_images_have_no_representation(run):
    _, result, _ = run(spec(representation="mean"), Inference(tile=8, overlap=2))
    assert result.representation_file is None
