"""Rounding, luma and border are the protocol's; the arithmetic is checked against plain NumPy."""

import numpy as np
import pytest
import torch

from srbench.errors import ShapeError, UnavailableError
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.protocol import PROTOCOLS, protocol_named
from srbench.measuring.scoring import Scorer

CPU = torch.device("cpu")


@pytest.fixture
def fidelity(catalog):
    return [catalog.metrics[name] for name in ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")]


def metric(load, **facts):
    return MetricSpec(**({"name": "odd", "label": "Odd", "load": load} | facts))


def by_hand(sr, hr, protocol, scale, *, luma):
    """PSNR in NumPy, in grey levels, as the papers write it down."""
    one, two = (image[0].permute(1, 2, 0).double().clamp(0, 1).numpy() * 255 for image in (sr, hr))
    if protocol.sr_rounding == "u8":
        one, two = np.round(one), np.round(two)
    if luma:
        weights = np.array([65.481, 128.553, 24.966]) / 255
        one, two = one @ weights + 16, two @ weights + 16
        if protocol.y_rounding:
            one, two = np.round(one), np.round(two)
    edge = protocol.shave(scale)
    inner = (slice(edge, -edge or None), slice(edge, -edge or None))
    return 20 * np.log10(255 / np.sqrt(np.mean((one[inner] - two[inner]) ** 2)))


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("scale", [2, 3])
def test_every_preset_gives_what_numpy_gives(fidelity, name, scale):
    protocol = protocol_named(name)
    hr = torch.rand(1, 3, 40, 36, generator=torch.Generator().manual_seed(scale))
    sr = hr + 0.05 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(9))  # leaves [0, 1] in places
    scorer = Scorer(fidelity, protocol, scale, CPU)
    scores = scorer.score(sr.double(), hr.double())
    assert scores["psnr_y"] == pytest.approx(by_hand(sr, hr, protocol, scale, luma=True), abs=1e-5)
    if protocol.luma_first:
        assert (scores["psnr_rgb"], scorer.absent["psnr_rgb"]) == (None, "the protocol luma-first measures luma alone")
    else:
        assert scores["psnr_rgb"] == pytest.approx(by_hand(sr, hr, protocol, scale, luma=False), abs=1e-5)


@pytest.mark.parametrize(("name", "same"), [("classic-y", True), ("published-bicubic", False)])
def test_eight_bits_make_no_difference_where_the_protocol_rounds_to_them(fidelity, name, same):
    hr = torch.rand(1, 3, 30, 30)
    sr = (hr + 0.02).clamp(0, 1)
    scorer = Scorer(fidelity, protocol_named(name), 2, CPU)
    one, other = (scorer.score(image, hr)["psnr_rgb"] for image in (sr, (sr * 255).round() / 255))
    assert (one == other) is same


def test_pixels_in_the_border_count_for_nothing_but_unshaved_metrics(fidelity):
    hr = torch.rand(1, 3, 30, 30)
    sr = hr.clone()
    sr[..., 6:-6, 6:-6] = 0.5
    spoilt = sr.clone()
    spoilt[..., :2, :] = 0
    means = [metric(lambda device: lambda sr, hr: sr.mean((1, 2, 3)), shaved=False)]
    scorer = Scorer([*fidelity, *means], protocol_named("classic-y"), 2, CPU)
    before, after = scorer.score(sr, hr), scorer.score(spoilt, hr)
    assert {k: v for k, v in before.items() if k != "odd"} == {k: v for k, v in after.items() if k != "odd"}
    assert before["odd"] != after["odd"]


def test_a_kept_grey_image_is_its_own_luma_and_others_are_made_rgb_first(fidelity):
    grey = torch.rand(1, 1, 30, 30)
    worse = (grey + 0.1).clamp(0, 1)
    keeping = Scorer(fidelity, protocol_named("published-bicubic"), 2, CPU)
    kept = keeping.score(worse, grey)
    tinted = worse + torch.tensor([0.01, 0.0, -0.01]).view(1, 3, 1, 1)
    assert keeping.score(tinted, grey) == pytest.approx(kept), "of sr in colour the mean is compared"
    rgb = Scorer(fidelity, protocol_named("classic-y"), 2, CPU)
    expanded = rgb.score(worse.expand(-1, 3, -1, -1), grey.expand(-1, 3, -1, -1))
    assert rgb.score(worse, grey) == expanded
    # Limited-range luma spans 219 of 255 levels: the same error is 1.3 dB smaller there.
    assert expanded["psnr_y"] - kept["psnr_y"] == pytest.approx(20 * np.log10(255 / 219), abs=0.05)
    assert kept["psnr_rgb"] == pytest.approx(kept["psnr_y"], abs=0.05)


def test_identical_images_have_infinite_psnr(fidelity):
    image = torch.rand(1, 3, 30, 30)
    scores = Scorer(fidelity, protocol_named("rgb"), 2, CPU).score(image, image)
    assert (scores["psnr_rgb"], scores["ssim_rgb"]) == (float("inf"), pytest.approx(1.0))


def test_sizes_that_differ_are_named(fidelity):
    with pytest.raises(
        ShapeError, match=r"is 28×30 with 3 channels and its hr 30×30 with 1 channel \(height × width\)"
    ):
        Scorer(fidelity, protocol_named("rgb"), 2, CPU).score(torch.rand(1, 3, 28, 30), torch.rand(1, 1, 30, 30))


def test_an_image_that_is_all_border_is_refused(fidelity):
    image = torch.rand(1, 3, 8, 8)
    with pytest.raises(ShapeError, match=r"cannot be shaved"):
        Scorer(fidelity, protocol_named("classic-y"), 4, CPU).score(image, image)


def raising(error):
    def load(device):
        raise error

    return load


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (raising(UnavailableError("no weights; run srbench fetch lpips")), "no weights; run srbench fetch lpips"),
        (raising(ImportError("no module")), "ImportError: no module"),
        (lambda device: raising(UnavailableError("too small")), "TypeError"),
        (lambda device: lambda sr, hr: torch.tensor([torch.nan]), "the metric gave no number (NaN)"),
        (lambda device: lambda sr, hr: "high", "AttributeError"),
        (lambda device: lambda sr, hr: sr, "RuntimeError"),
    ],
)
def test_a_metric_that_cannot_be_had_is_named_and_the_others_go_on(fidelity, load, reason):
    scorer = Scorer([metric(load), *fidelity], protocol_named("rgb"), 2, CPU)
    hr = torch.rand(1, 3, 30, 30)
    for _ in range(2):
        scores = scorer.score((hr + 0.1).clamp(0, 1), hr)
    assert scores["odd"] is None
    assert scores["psnr_y"] > 10
    assert scorer.absent["odd"].startswith(reason)


def test_metrics_are_loaded_once_and_given_doubles_without_gradients():
    loads, seen = [], []

    def load(device):
        loads.append(device)
        return lambda sr, hr: seen.append((sr, hr)) or torch.zeros(1)

    scorer = Scorer([metric(load)], protocol_named("rgb"), 2, CPU)
    for _ in range(2):
        scorer.score(torch.rand(1, 3, 30, 30, requires_grad=True), torch.rand(1, 3, 30, 30))
    assert loads == [CPU]
    assert {(x.dtype, x.requires_grad, tuple(x.shape)) for pair in seen for x in pair} == {
        (torch.float64, False, (1, 3, 26, 26))
    }
