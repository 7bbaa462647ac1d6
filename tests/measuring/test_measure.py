"""Pairs, networks and scores put together on tiny images."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from srbench.datasets.library import Library
from srbench.degrading import lr_images
from srbench.degrading.lr_images import draw_realisation, lr_image
from srbench.errors import DataError, ShapeError
from srbench.imaging.colour import rgb_to_y
from srbench.imaging.files import read_image, write_png
from srbench.imaging.pixels import to_tensor
from srbench.imaging.resize import imresize
from srbench.measuring import provided_lr
from srbench.measuring.inference import super_resolve
from srbench.measuring.measure import measure
from srbench.measuring.metrics.spec import MetricSpec, SetMetricSpec
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import Inference, protocol_named
from srbench.measuring.uncertainty import mean_interval
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec

CPU = torch.device("cpu")


@pytest.fixture
def pairs(tiny, catalog):
    def make(protocol="classic-y", degradation="bicubic", scale=2, **facts):
        return Pairs(
            library=Library(tiny.data, catalog.datasets), dataset=catalog.datasets["tiny_test"],
            degradation=catalog.degradations[degradation], code_hash="f", scale=scale,
            protocol=protocol_named(protocol), **facts,
        )  # fmt: skip

    return make


# --- pairs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [2, 3])
def test_hr_is_cropped_and_lr_is_made_of_what_is_left(pairs, tiny, scale):
    made = list(pairs(scale=scale))
    assert [pair.name for pair in made] == ["ant", "bee"]
    whole = to_tensor(read_image(tiny.data / "TinyTest" / "ant.png"))
    height, width = (side // scale * scale for side in whole.shape[-2:])
    assert torch.equal(made[0].hr[0], whole[:, :height, :width])
    expected = (imresize(made[0].hr.double(), scale=1 / scale) * 255).round().clamp(0, 255) / 255
    assert (made[0].lr - expected).abs().max() <= 1.01 / 255
    assert made[0].lr.dtype == torch.float32


def test_the_published_protocol_keeps_lr_in_doubles_and_grey_images_grey(pairs, tiny):
    grey = read_image(tiny.data / "TinyTest" / "ant.png")[..., 0]
    write_png(tiny.data / "TinyTest" / "ant.png", np.ascontiguousarray(grey))
    kept, made = next(iter(pairs("published-bicubic"))), next(iter(pairs()))
    assert (kept.lr.dtype, kept.hr.shape[1], kept.lr.shape[1]) == (torch.float64, 1, 3)
    assert (made.lr.dtype, made.hr.shape[1], made.lr.shape[1]) == (torch.float32, 1, 3)
    assert len(torch.unique(kept.lr * 255 % 1)) > 100, "not rounded to 8 bits"


def test_luma_that_comes_first_is_what_lr_is_made_of(pairs, tiny):
    pixels = read_image(tiny.data / "TinyTest" / "ant.png")
    luma = (rgb_to_y(torch.from_numpy(pixels).movedim(-1, 0).double() / 255) * 255).round() / 255
    pair = next(iter(pairs("luma-first")))
    assert torch.equal(pair.hr[0], luma.float())
    assert torch.allclose(pair.lr, imresize(luma, scale=1 / 2).expand(1, 3, -1, -1), atol=1e-12)
    lr = next(iter(replace(pairs("luma-first"), colours=1))).lr
    assert torch.equal(lr, pair.lr[:, :1])


@pytest.mark.parametrize("protocol", ["classic-y", "published-bicubic"])
def test_an_image_too_small_for_the_scale_is_named(pairs, tiny, protocol):
    write_png(tiny.data / "TinyTest" / "ant.png", np.zeros((1, 36, 3), np.uint8))
    with pytest.raises(ShapeError, match=r"TinyTest, image ant: An image of 1×36 has no pixel left"):
        list(pairs(protocol))


def test_a_metric_names_the_image_it_cannot_be_computed_of(pairs, tiny, catalog, tmp_path):
    write_png(tiny.data / "TinyTest" / "bee.png", np.zeros((14, 36, 3), np.uint8))
    result = run(build_network(catalog.architectures["bicubic"], 2), pairs(), catalog, tmp_path)
    assert result.scores["ssim_y"].reason == "bee: SSIM needs images of at least 11×11 pixels, not 10×32."


@pytest.mark.parametrize(("protocol", "white"), [("published-bicubic", 255), ("classic-y", 235)])
def test_a_network_on_luma_takes_grey_that_is_kept_as_it_is(pairs, tiny, tmp_path, catalog, protocol, white):
    write_png(tiny.data / "TinyTest" / "ant.png", np.full((40, 36), 255, np.uint8))
    seen = []

    class Looking(nn.Module):
        def forward(self, lr):
            seen.append(lr)
            return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)

    spec = ArchitectureSpec(name="looking", build=lambda _: Looking(), scales=frozenset({2}), channels="y")
    measure(
        build_network(spec, 2), pairs(protocol, limit=1), [catalog.metrics["psnr_y"]], Inference(), CPU,
        keep=1, folder=tmp_path, advance=lambda: None,
    )  # fmt: skip
    (lr,) = seen
    assert lr.shape == (1, 1, 20, 18)
    assert (lr * 255).round().unique().tolist() == [white]


def test_a_limit_takes_the_first_images(pairs):
    limited = pairs(limit=1)
    assert (len(limited), [pair.name for pair in limited]) == (1, ["ant"])
    assert len(pairs(limit=99)) == 2


def test_a_random_degradation_is_drawn_once_for_each_image(pairs):
    one, two = ([pair.lr for pair in pairs(degradation="grainy")] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert pairs(degradation="grainy").lr_source() == "grainy-u8"


def provide(tiny, change):
    """Put the dataset's HR into a folder of its own, and altered LR beside it."""
    folder = tiny.data / "TinyTest"
    (folder / "HR").mkdir()
    for file in list(folder.glob("*.png")):
        file.rename(folder / "HR" / file.name)
        hr = to_tensor(read_image(folder / "HR" / file.name))[None].double()
        lr = (
            (imresize((hr * 255).round() / 255, scale=1 / 2) * 255)
            .round()
            .clamp(0, 255)
            .byte()[0]
            .permute(1, 2, 0)
            .numpy()
        )
        write_png(folder / "LR_bicubic" / "X2" / f"{file.stem}x2.png", change(np.ascontiguousarray(lr)))


def test_lr_that_comes_along_is_measured_on_and_named(pairs, tiny):
    def other(lr):
        return np.clip(lr.astype(int) + 3, 0, 255).astype(np.uint8)

    provide(tiny, other)
    (lr, _), (hr_lr, _) = ([pair.lr for pair in pairs(name)] for name in ("classic-y", "published-bicubic"))
    assert pairs().lr_source() == "provided-unknown-u8"
    assert torch.equal(lr[0], to_tensor(read_image(tiny.data / "TinyTest" / "LR_bicubic" / "X2" / "antx2.png")))
    assert pairs("published-bicubic").lr_source() == "bicubic-none"
    assert pairs(degradation="blur_down").lr_source() == "blur_down-u8"
    assert hr_lr.dtype == torch.float64


def test_a_dataset_is_degraded_once_to_name_where_its_lr_comes_from(pairs, tiny, catalog, tmp_path, monkeypatch):
    degraded = []

    def counted(hr, *args, **kwargs):
        degraded.append(hr.shape)
        return lr_image(hr, *args, **kwargs)

    monkeypatch.setattr(provided_lr, "lr_image", counted)
    monkeypatch.setattr(provided_lr, "_verdicts", {})
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    provide(tiny, lambda lr: lr)
    for file in (tiny.data / "TinyTest" / "HR").iterdir():
        lr, _ = lr_image(read_image(file), catalog.degradations["bicubic"], 2)
        write_png(tiny.data / "TinyTest" / "LR_bicubic" / "X2" / f"{file.stem}x2.png", lr)
    assert {pairs().lr_source() for _ in range(3)} == {"bicubic-u8"}
    assert len(degraded) == 2, "one of each image"
    monkeypatch.setattr(provided_lr, "_verdicts", {})
    assert pairs().lr_source() == "bicubic-u8"
    assert len(degraded) == 2, "none in a later process"
    (verdict,) = (tmp_path / "cache" / "lr_verdicts").iterdir()
    verdict.write_bytes(b"\xff")
    monkeypatch.setattr(provided_lr, "_verdicts", {})
    assert pairs().lr_source() == "bicubic-u8", "a damaged verdict is none"
    file = tiny.data / "TinyTest" / "LR_bicubic" / "X2" / "antx2.png"
    write_png(file, read_image(file) // 2 * 2)
    assert pairs().lr_source() == "provided-unknown-u8", "other lr is compared again"


def test_what_describes_an_image_is_what_its_lr_was_drawn_with(pairs, monkeypatch):
    drawn = []
    monkeypatch.setattr(lr_images, "draw_realisation", lambda *a, **k: drawn.append(1) or draw_realisation(*a, **k))
    first, second = (list(pairs(degradation="anisotropic_noise")) for _ in range(2))
    assert len(drawn) == 2, "one draw for each image, and none where its lr is cached"
    assert [pair.conditions for pair in first] == [pair.conditions for pair in second]
    assert all(pair.conditions["noise"] >= 0 for pair in first)


def test_lr_of_another_size_is_refused(pairs, tiny):
    provide(tiny, lambda lr: np.ascontiguousarray(lr[:-1]))
    with pytest.raises(DataError, match=r"antx2.png is 19×18 pixels; ant is 40×36"):
        list(pairs())


# --- inference --------------------------------------------------------------------------------------------------


@pytest.fixture
def dot(catalog):
    torch.manual_seed(0)
    network = build_network(catalog.architectures["dot"], 2)
    network.module.eval()
    return network


@pytest.mark.parametrize("how", [Inference(tile=12, overlap=4), Inference(chop=True)])
def test_tiles_and_chops_give_what_the_whole_image_gives_where_the_network_sees_little(dot, how):
    lr = torch.rand(1, 3, 30, 34)
    assert torch.allclose(super_resolve(dot, lr, 2, how), super_resolve(dot, lr, 2, Inference()), atol=1e-5)


def test_the_self_ensemble_is_the_mean_over_flips_and_turns(dot):
    lr = torch.rand(1, 3, 10, 14)
    views = []
    for turns in range(4):
        for flip in (False, True):
            view = torch.rot90(lr.flip(-1) if flip else lr, turns, (-2, -1))
            sr = torch.rot90(dot(view, 2), -turns, (-2, -1))
            views.append(sr.flip(-1) if flip else sr)
    expected = torch.stack(views).mean(0)
    assert torch.allclose(super_resolve(dot, lr, 2, Inference(self_ensemble=True)), expected, atol=1e-5)


def test_half_precision_is_used_where_it_is_asked_for_and_returns_single(dot):
    lr = torch.rand(1, 3, 10, 14)
    half, full = (super_resolve(dot, lr, 2, Inference(precision=p)) for p in ("bf16", "fp32"))
    assert half.dtype == full.dtype == torch.float32
    assert 0 < (half - full).abs().max() < 0.02


def test_doubles_reach_operators_without_weights_and_become_singles_for_networks(dot, catalog):
    lr = torch.rand(1, 3, 10, 14, dtype=torch.float64)
    bicubic = build_network(catalog.architectures["bicubic"], 2)
    assert torch.equal(super_resolve(bicubic, lr, 2, Inference()), imresize(lr, scale=2))
    assert super_resolve(dot, lr, 2, Inference()).dtype == torch.float32


# --- measuring --------------------------------------------------------------------------------------------------


class Oracle(nn.Module):
    """Enlarges perfectly, as it has the ground truth."""

    def __init__(self, truth):
        super().__init__()
        self.truth = truth

    def forward(self, lr):
        return self.truth.pop(0)


def run(network, pairs, catalog, tmp_path, names=("psnr_y", "ssim_y"), keep=0, extra=()):
    counted = []
    metrics = [*(catalog.metrics[name] for name in names), *extra]
    result = measure(network, pairs, metrics, Inference(), CPU, keep=keep, folder=tmp_path / "kept",
                     advance=lambda: counted.append(1))  # fmt: skip
    assert len(counted) == len(pairs)
    return result


def test_a_mean_comes_with_its_images_interval_and_protocol(pairs, catalog, tmp_path):
    result = run(build_network(catalog.architectures["bicubic"], 2), pairs(), catalog, tmp_path)
    score = result.scores["psnr_y"]
    values = [image.scores["psnr_y"] for image in result.images]
    assert score.value == pytest.approx(sum(values) / 2)
    assert (score.low, score.high) == mean_interval(values)
    assert score.protocol.startswith("psnr_y@classic-y:")
    assert result.lr_source == "bicubic-u8"


def test_a_limited_measurement_says_so_in_its_protocol(pairs, catalog, tmp_path):
    result = run(build_network(catalog.architectures["bicubic"], 2), pairs(limit=1), catalog, tmp_path)
    assert result.scores["psnr_y"].protocol.endswith(",whole,first=1")
    assert (result.scores["psnr_y"].low, len(result.images)) == (None, 1)


def test_a_perfect_image_is_an_absence_with_its_reason_never_a_number(pairs, catalog, tmp_path):
    truth = [pair.hr for pair in pairs()]
    truth[1] = truth[1] * 0.9
    spec = ArchitectureSpec(name="oracle", build=Oracle, scales=frozenset({2}))
    result = run(Network(spec, Oracle(truth)), pairs(), catalog, tmp_path)
    score = result.scores["psnr_y"]
    assert (score.value, score.reason) == (None, "infinite on ant: sr equals hr there")
    assert [image.scores["psnr_y"] is None for image in result.images] == [True, False]
    assert result.scores["ssim_y"].value < 1


def test_a_metric_that_fails_on_one_image_is_absent_from_the_mean(pairs, catalog, tmp_path):
    calls = []

    def fails_later(sr, hr):
        calls.append(1)
        return torch.tensor([math.nan if len(calls) > 1 else 1.0])

    odd = MetricSpec(name="odd", label="Odd", load=lambda device: fails_later)
    result = run(build_network(catalog.architectures["bicubic"], 2), pairs(), catalog, tmp_path, extra=(odd,))
    assert result.scores["odd"].reason == "bee: the metric gave no number (NaN)"
    assert result.scores["odd"].value is None
    assert result.scores["psnr_y"].value > 20


def test_the_first_images_are_kept_as_they_were_scored(pairs, catalog, tmp_path):
    result = run(build_network(catalog.architectures["bicubic"], 2), pairs(), catalog, tmp_path, keep=1)
    first, second = result.images
    assert (first.sr_file, second.sr_file) == ("ant_sr.png", None)
    pair = next(iter(pairs()))
    sr = imresize(pair.lr.double(), scale=2)
    kept = read_image(tmp_path / "kept" / "ant_sr.png")
    assert np.array_equal(kept, (sr[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    assert np.array_equal(
        read_image(tmp_path / "kept" / "ant_hr.png"), read_image(pairs().library.images(pairs().dataset)["ant"])
    )


def test_a_network_of_another_scale_is_reported_with_the_image(pairs, catalog, tmp_path):
    with pytest.raises(ShapeError, match=r"dot returned"):
        run(Network(catalog.architectures["dot"], catalog.architectures["dot"].build(3)), pairs(), catalog, tmp_path)


def test_a_score_of_the_set_has_no_items_and_no_interval(pairs, catalog, tmp_path):
    class Means:
        weights_sha256 = "12345678" * 8

        def __call__(self, images):
            return images.mean(dim=(2, 3))

    of_set = SetMetricSpec(
        name="cast", label="Cast", load=lambda device: Means(), score=lambda sr, hr: float(len(sr)), version="2"
    )
    result = run(build_network(catalog.architectures["bicubic"], 2), pairs(), catalog, tmp_path, extra=(of_set,))
    score = result.scores["cast"]
    assert (score.value, score.reason, score.low, score.label) == (2.0, None, None, "Cast")
    assert score.protocol.startswith("cast.v2.w12345678@classic-y:")
    assert [image.scores["cast"] for image in result.images] == [None, None]


def test_a_metric_of_lr_gets_what_the_network_got(pairs, catalog, tmp_path):
    seen = []

    def near(sr, hr, lr):
        seen.append(lr)
        return lr.mean(dim=(1, 2, 3))

    of_lr = MetricSpec(name="near", label="n", load=lambda device: near, needs_lr=True)
    result = run(build_network(catalog.architectures["bicubic"], 2), pairs(), catalog, tmp_path, extra=(of_lr,))
    assert all(lr.equal(pair.lr.double()) for lr, pair in zip(seen, pairs(), strict=True))
    assert result.scores["near"].value > 0
