"""``srbench export``."""

import pytest
import torch
from safetensors.torch import save_file

from helpers.catalogs import share
from helpers.sentences import sentence
from srbench.networks.conversion import load_torchscript
from srbench.networks.network import build_network


@pytest.fixture
def srbench(srbench, catalog, monkeypatch):
    """On the catalog that all tests share: what loads plugins is tested elsewhere."""
    share(monkeypatch, catalog)
    return srbench


def test_a_program_is_written_and_its_difference_is_said(srbench, catalog):
    save_file(build_network(catalog.architectures["espcn"], 3).module.state_dict(), srbench.folder / "mine.safetensors")
    words = ("mine.safetensors", "--architecture", "espcn", "--scale", 3, "--to", "torchscript", "--out", "espcn.pt")
    answer = srbench("export", *words)
    assert answer.status == 0, answer.err
    assert "espcn.pt: espcn x3, batches of any size; differs from PyTorch by at most" in answer.out
    assert "(bound 1e-04) on images of 8x13, 25x16, 18x35" in answer.out
    assert load_torchscript((srbench.folder / "espcn.pt").read_bytes())(torch.zeros(2, 1, 9, 10)).shape == (
        2,
        1,
        27,
        30,
    )
    assert "espcn.pt is there already" in sentence(srbench("export", *words))


def test_what_cannot_be_exported_is_a_sentence(srbench):
    words = ("--to", "torchscript", "--out", "out.pt", "--scale")
    assert "bicubic x1.5 was not exported as TorchScript: it cannot be converted" in sentence(
        srbench("export", "bicubic", *words, 1.5)
    )
    assert "edsr_small has no weights yet" in sentence(srbench("export", "edsr_small", *words, 2))
    assert list(srbench.folder.iterdir()) == []


def test_a_pair_that_is_none_and_a_folder_that_is_none_are_sentences(srbench):
    words = ("export", "nearest", "--scale", 2, "--to", "hub-folder", "--out", "out", "--hub-dataset", "set5")
    assert sentence(srbench(*words)).startswith("--hub-dataset set5 is not a pair; give NAME=OWNER/NAME")
    assert "here is not an exported folder" in sentence(srbench("push", srbench.folder, "me/mine"))
