"""Real-ESRGAN's degradation repeats official traces operation by operation, and draws what the release draws."""

import math

import numpy as np
import pytest
import torch
from srbench_plugins.degradations import realesrgan
from srbench_plugins.steps import realesrgan as steps

from srbench.degrading import Random, Size, draw_step, freeze, realise
from srbench.imaging import filtering, noise

SPECS = {spec.name: spec for spec in realesrgan.register_degradations()}
SIZE = Size(256, 256, 4)
SIDE = {"side_px": 21}


def trace(shared, letter):
    arrays = np.load(shared(f"oracles/degradations/realesrgan_trace_{letter}.npz"))
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def scripted(monkeypatch, kernels, normals=(), photons=()):
    """Let the steps take these kernels and fields in turn, in place of those that they would make from their draws."""
    kernels, normals, photons = iter(kernels), iter(normals), iter(photons)
    monkeypatch.setattr(steps, "kernels_of", lambda *_: next(kernels))
    monkeypatch.setattr(noise, "normal", lambda *_: next(normals))
    monkeypatch.setattr(noise, "peaks_of_levels", lambda *_, **__: None)
    monkeypatch.setattr(noise, "poisson", lambda *_, **__: next(photons))


def entries(*drawn):
    return {"steps": [{"at": at, "drawn": one} for at, one in drawn]}


def compare(result, expected, jpeg=False):
    away = (result - expected).abs()
    if jpeg:  # a coefficient on a tie moves its block
        assert (away <= 2e-4).float().mean() >= 0.98
        assert away.max() <= 3e-3
    else:
        assert away.max() <= 2e-5


def each(trace, name):
    return [{"quality": quality} for quality in trace[name].tolist()]


def test_trace_a_operation_by_operation(shared, monkeypatch):
    t, size = trace(shared, "a"), Size(64, 72, 4)
    chain = realesrgan.second_round(steps.DiffJpeg())
    blur, resize, camera, jpeg = realesrgan.first_round(steps.DiffJpeg())
    kernels = [t["kernel1"], t["kernel2"], t["sinc_kernel"]]
    scripted(monkeypatch, kernels, [t["t03_noise_gaussian"] * 255], [t["t09_noise_poisson"]])
    compare(steps.Sharpen().apply(t["gt"], [{}, {}], size), t["gt_usm"])
    compare(blur.apply(t["gt_usm"], [SIDE] * 2, size), t["t01_filter2D"])
    first = [{"factor": 0.43, "mode": "bicubic"}] * 2
    compare(resize.apply(t["t01_filter2D"], first, size), t["t02_resize"])
    gaussian = entries((0, {"level": 1.0, "grey": False, "seed": 0}))
    compare(camera.apply(t["t02_resize"], [gaussian] * 2, size), t["t04_noisy"])
    compare(jpeg.apply(t["t04_noisy"], each(t, "t05_jpeg_quality"), size), t["t06_jpeg"], jpeg=True)

    blur, resize, camera, end = chain
    compare(blur.apply(t["t06_jpeg"], [entries((0, SIDE))] * 2, size), t["t07_filter2D"])
    compare(resize.apply(t["t07_filter2D"], [{"factor": 1.13, "mode": "area"}] * 2, size), t["t08_resize"])
    photons = entries((1, {"strength": 1.0, "grey": False, "seed": 0}))
    compare(camera.apply(t["t08_resize"], [photons] * 2, size), t["t10_noisy"])
    before = [
        entries((0, entries((0, {"mode": "bilinear"}), (1, entries((0, SIDE))), (2, quality))))
        for quality in each(t, "t13_jpeg_quality")
    ]
    compare(end.apply(t["t10_noisy"], before, size), t["t14_jpeg"], jpeg=True)
    compare((end.steps[0].steps[0]).apply(t["t10_noisy"], [{"mode": "bilinear"}] * 2, size), t["t11_resize"])


def test_trace_b_operation_by_operation(shared, monkeypatch):
    t, size = trace(shared, "b"), Size(64, 72, 4)
    blur, resize, camera, jpeg = realesrgan.first_round(steps.DiffJpeg())
    kernels, fields = [t["kernel1"], t["sinc_kernel"]], [t["t08_noise_gaussian"] * 255]
    scripted(monkeypatch, kernels, fields, [t["t03_noise_poisson"]])
    compare(blur.apply(t["gt_usm"], [SIDE] * 2, size), t["t01_filter2D"])
    compare(resize.apply(t["t01_filter2D"], [{"factor": 1.27, "mode": "bilinear"}] * 2, size), t["t02_resize"])
    photons = entries((1, {"strength": 1.0, "grey": False, "seed": 0}))
    compare(camera.apply(t["t02_resize"], [photons] * 2, size), t["t04_noisy"])
    compare(jpeg.apply(t["t04_noisy"], each(t, "t05_jpeg_quality"), size), t["t06_jpeg"], jpeg=True)

    _, resize, camera, end = realesrgan.second_round(steps.DiffJpeg())
    compare(resize.apply(t["t06_jpeg"], [{"factor": 1.0, "mode": "bicubic"}] * 2, size), t["t07_resize"])
    gaussian = entries((0, {"level": 1.0, "grey": False, "seed": 0}))
    compare(camera.apply(t["t07_resize"], [gaussian] * 2, size), t["t09_noisy"])
    after = [
        entries((1, entries((0, quality), (1, {"mode": "area"}), (2, entries((0, SIDE))))))
        for quality in each(t, "t10_jpeg_quality")
    ]
    result = end.apply(t["t09_noisy"], after, size)
    away = (result - t["t13_filter2D"]).abs()
    assert (away <= 2e-4).float().mean() >= 0.98
    levels = ((result.clamp(0, 1) * 255).round() - t["lq"] * 255).abs()
    assert (levels < 0.5).float().mean() >= 0.99


def draws(step, count=4000):
    return [draw_step(step, Random(own, Random(own + 10**6)), SIZE) for own in range(count)]


def near(count, probability, total):
    """Within four standard deviations of a binomial count."""
    return abs(count - probability * total) <= 4 * math.sqrt(total * probability * (1 - probability))


def test_what_the_release_draws_once_for_a_batch_is_one_for_a_batch():
    for batch in range(20):
        drawn = [SPECS["realesrgan"].chain.draw(Random(own, Random(10**6 + batch)), SIZE) for own in range(6)]
        assert len({tuple(entry["at"] for entry in one["steps"]) for one in drawn}) == 1  # the second blur or none
        for at in (1, 5):
            assert len({str(entry["drawn"]) for one in drawn for entry in one["steps"] if entry["at"] == at}) == 1
        for at in (2, 6, 7):
            chosen = {entry["drawn"]["steps"][0]["at"] for one in drawn for entry in one["steps"] if entry["at"] == at}
            assert len(chosen) == 1
        greys = {
            entry["drawn"]["steps"][0]["drawn"].get("seed")
            for one in drawn
            for entry in one["steps"]
            if entry["at"] == 2
            and entry["drawn"]["steps"][0]["step"] == "ClampedGaussianNoise"
            and entry["drawn"]["steps"][0]["drawn"]["grey"]
        }
        assert len(greys) <= 1


def test_resizes_go_up_down_or_not_at_all_as_often_as_published():
    for resize, up, down, most, least in (
        (realesrgan.first_round(steps.DiffJpeg())[1], 0.2, 0.7, 1.5, 0.15),
        (realesrgan.second_round(steps.DiffJpeg())[1], 0.3, 0.4, 1.2, 0.3),
    ):
        factors = [one["factor"] for one in draws(resize)]
        assert near(sum(factor > 1 for factor in factors), up, len(factors))
        assert near(sum(factor < 1 for factor in factors), down, len(factors))
        assert max(factors) == pytest.approx(most, abs=0.01)
        assert min(factors) == pytest.approx(least, abs=0.01)


@pytest.mark.parametrize("name", sorted(SPECS))
@pytest.mark.parametrize("scale", [2, 4])
def test_a_frozen_realisation_gives_the_same_lr_from_its_json(name, scale):
    hr = torch.rand(1, 3, 72, 80, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    hr = filtering.filter2d(hr, torch.full((1, 3, 3), 1 / 9, dtype=torch.float64))
    for seed in range(4):
        frozen = freeze(SPECS[name], Size(72, 80, scale, 0), seed)
        again = type(frozen).model_validate_json(frozen.model_dump_json())
        lr = realise(SPECS[name], hr, frozen)
        assert lr.shape == (1, 3, 72 // scale, 80 // scale)
        assert torch.equal(realise(SPECS[name], hr, again), lr)


def test_a_batch_is_degraded_as_its_images_are_alone():
    chain, size = SPECS["realesrgan"].chain, Size(40, 40, 4)
    hr = torch.rand(3, 3, 40, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for batch in range(4):
        drawn = [chain.draw(Random(own, Random(batch)), size) for own in range(3)]
        together = chain.degrade(hr, drawn, size)
        for image in range(3):
            alone = chain.degrade(hr[image : image + 1], drawn[image : image + 1], size)
            torch.testing.assert_close(alone, together[image : image + 1], atol=1e-9, rtol=0)
