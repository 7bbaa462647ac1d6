"""Measuring scores the map of a network that returns its uncertainty, and keeps it; others have a reason instead."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from srbench.datasets.library import Library
from srbench.errors import DataError
from srbench.imaging.resize import imresize
from srbench.measuring.inference import enlarge, super_resolve
from srbench.measuring.kept_maps import read_map, write_map
from srbench.measuring.measure import measure
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import Inference, protocol_named
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec

CPU = torch.device("cpu")
METRICS = ("psnr_y", "error_correlation", "ause", "ence")


class Doubtful(nn.Module):
    """Bicubic interpolation that doubts every value by a tenth of it."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, lr):
        sr = imresize(lr, scale=2)
        return sr, 0.01 + sr.abs() / 10


class Sure(Doubtful):
    def forward(self, lr):
        return super().forward(lr)[0]


def network(kind="deviation", **facts):
    build = Doubtful if kind else Sure
    facts = {"name": "net", "build": lambda _: build(), "scales": frozenset({2}), "uncertainty": kind} | facts
    return Network(ArchitectureSpec(**facts), build().eval())


@pytest.fixture
def run(tiny, catalog, tmp_path):
    def measured(net, metrics=METRICS, protocol="classic-y", keep=0, **facts):
        pairs = Pairs(
            library=Library(tiny.data, catalog.datasets), dataset=catalog.datasets["tiny_test"],
            degradation=catalog.degradations["bicubic"], code_hash="f", scale=2, protocol=protocol_named(protocol),
        )  # fmt: skip
        specs = [catalog.metrics[name] if isinstance(name, str) else name for name in metrics]
        inference = Inference()
        return measure(
            net, pairs, specs, inference, CPU, keep=keep, folder=tmp_path / "kept", advance=lambda: None, **facts
        )

    return measured


def reasons(result):
    return {name: score.reason for name, score in result.scores.items()}


def test_a_network_with_deviations_has_every_column(run):
    result = run(network())
    assert set(reasons(result).values()) == {None}
    assert all(image.scores["ence"] > 0 for image in result.images)
    assert result.scores["ause"].protocol.startswith("ause@classic-y:")


def test_other_scores_are_those_of_sr_alone(run):
    assert run(network()).scores["psnr_y"] == run(network("")).scores["psnr_y"]


def test_a_network_without_a_map_has_reasons(run):
    found = reasons(run(network("")))
    assert found["psnr_y"] is None
    assert {found[name] for name in METRICS[1:]} == {"the network returns no uncertainty"}


def test_a_map_that_orders_has_no_calibration(run):
    found = reasons(run(network("order")))
    assert found["ause"] is found["error_correlation"] is None
    assert found["ence"] == "the network's map only orders values by uncertainty, in no unit"


def test_a_map_that_was_not_trained_has_the_reason(run, tmp_path):
    result = run(network(), without_maps="none does not train the network's map of its uncertainty", keep=1)
    assert {reasons(result)[name] for name in METRICS[1:]} == {
        "none does not train the network's map of its uncertainty"
    }
    assert result.images[0].map_file is None
    assert (
        run(network(""), without_maps="none trains nothing").scores["ause"].reason
        == "the network returns no uncertainty"
    )


def test_a_metric_gets_the_map_as_it_gets_sr(run):
    given = []

    def score(sr, hr, uncertainty):
        given.append((sr, hr, uncertainty))
        return torch.zeros(len(sr))

    metric = MetricSpec(name="mine", label="m", load=lambda _: score, needs_uncertainty="order")
    luma = dataclasses.replace(metric, name="luma", channels="y")
    whole = dataclasses.replace(metric, name="whole", shaved=False)
    run(network(), (metric, luma, whole))
    (sr, _, spread), (y, _, spread_y), (all_of_it, _, spread_of_all) = given[:3]
    assert sr.dtype == spread.dtype == torch.float64
    assert sr.shape == spread.shape
    assert spread_y.shape == y.shape
    assert spread_of_all.shape == all_of_it.shape
    assert all_of_it.shape[-1] == sr.shape[-1] + 4
    assert torch.equal(spread, spread_of_all[..., 2:-2, 2:-2])
    inside = (sr > 0) & (sr < 1)
    torch.testing.assert_close(spread[inside], (0.01 + sr / 10)[inside], atol=1e-3, rtol=0)  # sr was rounded
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64).view(3, 1, 1) / 255
    torch.testing.assert_close(spread_y, (weights * spread).sum(dim=1, keepdim=True))


def test_a_grey_image_that_is_kept_has_a_grey_map(run, tiny, monkeypatch):
    from srbench.imaging.files import read_image, write_png

    grey = read_image(tiny.data / "TinyTest" / "ant.png")[..., 0]
    write_png(tiny.data / "TinyTest" / "ant.png", grey)
    for net in (network(), network(channels="y")):
        result = run(net, protocol="published-bicubic")
        assert set(reasons(result).values()) == {None}


@pytest.mark.parametrize("how", [Inference(tile=16, overlap=4), Inference(chop=True), Inference(self_ensemble=True)])
def test_tiles_quarters_and_views_give_the_map_of_the_whole(how):
    lr = torch.rand(1, 3, 24, 26, generator=torch.Generator().manual_seed(0))
    sr, spread = enlarge(network(), lr, 2, Inference())[:2]
    parts = enlarge(network(), lr, 2, how)
    torch.testing.assert_close(parts.sr, sr, atol=1e-4, rtol=0)
    torch.testing.assert_close(parts.uncertainty, spread, atol=1e-4, rtol=0)
    assert torch.equal(super_resolve(network(), lr, 2, how), parts.sr)
    assert enlarge(network(""), lr, 2, how).uncertainty is None


def test_maps_are_kept_beside_images(run, tmp_path):
    result = run(network(), keep=1)
    first, second = result.images
    assert second.map_file is None
    pixels = read_map(tmp_path / "kept" / first.map_file)
    assert pixels.ndim == 2
    assert 0.01 <= pixels.min() <= pixels.max() <= 0.12


def test_a_kept_map_is_the_mean_over_channels(tmp_path):
    spread = 1e6 * torch.rand(1, 3, 4, 5)
    write_map(tmp_path / "a.npz", spread)
    np.testing.assert_allclose(read_map(tmp_path / "a.npz"), spread[0].mean(dim=0), rtol=1e-6)


@pytest.mark.parametrize("left", [None, b"", b"PK\x03\x04 cut off", b"no archive"])
def test_a_damaged_map_is_named(left, tmp_path):
    path = tmp_path / "a.npz"
    if left is not None:
        path.write_bytes(left)
    with pytest.raises(DataError, match=r"The map a.npz cannot be read"):
        read_map(path)


def test_a_map_of_another_shape_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", map=np.full((2, 2), np.nan))
    with pytest.raises(DataError, match=r"is not \(H, W\) of finite numbers"):
        read_map(tmp_path / "a.npz")
