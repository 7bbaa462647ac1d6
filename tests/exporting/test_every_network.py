"""Every bundled network that is small enough is exported, and docs/export.md says how."""

import re
from pathlib import Path

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.exporting.facts import facts_of
from srbench.exporting.programs import ONNX, TORCHSCRIPT, make_program
from srbench.networks.network import build_network
from srbench.planning.cells import Model
from srbench.upscaling.loading import ChosenModel

LARGEST = 350_000
"""Parameters of the largest network here, to stay within minutes."""
PAGE = Path(__file__).parents[2] / "docs" / "export.md"
ROW = re.compile(r"^\| (`.*`) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
"""A row of the page's table of small networks, the only one with four columns."""
FORMS = {"ONNX": ONNX, "TorchScript": TORCHSCRIPT}
ANSWERS = {True: "yes", False: "one image at a time"}


def stated():
    """What the page says of each network: safetensors, ONNX and TorchScript."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    listed = [(name, cells) for names, *cells in rows for name in re.findall(r"`(.+?)`", names)]
    assert len(listed) == len(dict(listed)), "a network is there twice"
    return dict(listed)


def test_the_page_lists_networks_that_there_are():
    assert stated().keys() <= set(load_catalog().architectures)


@pytest.mark.slow
def test_the_page_lists_every_small_network_and_which_have_weights():
    shelf = load_catalog().architectures
    with torch.device("meta"):
        networks = {name: shelf[name].network(min(shelf[name].scales)) for name in shelf if not shelf[name].fitting}
    small = {name for name, net in networks.items() if sum(p.numel() for p in net.parameters()) <= LARGEST}
    have_weights = {name: bool(networks[name].state_dict()) for name in small}
    assert {name: cells[0] == "yes" for name, cells in stated().items()} == have_weights


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", stated())
def test_a_small_network_is_exported_as_the_page_says(name, form):
    if form == "ONNX":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    spec = load_catalog().architectures[name]
    scale = min(spec.scales)
    network = build_network(spec, scale)
    network.module.eval()
    chosen = ChosenModel(Model(architecture=name, source="file", scales=(scale,)), scale)
    program = make_program(FORMS[form], network, facts_of(chosen, spec))
    assert ANSWERS[program.any_batch] == stated()[name][1 + list(FORMS).index(form)]
