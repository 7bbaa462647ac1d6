"""BSRGAN's degradation repeats official traces operation by operation, and draws what the release draws."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats
from srbench_plugins.degradations import bsrgan
from srbench_plugins.steps import bsrgan as steps
from srbench_plugins.steps.codecs import Jpeg
from srbench_plugins.steps.realesrgan import Sharpen
from srbench_plugins.steps.resize import ResizeToLr

from srbench.degrading import Random, Size, freeze, realise
from srbench.imaging import kernels
from srbench.imaging.kernels import shift

SPECS = {spec.name: spec for spec in bsrgan.register_degradations()}
HR = Size(64, 80, 4)


def traces(shared, name):
    arrays = np.load(shared(f"oracles/degradations/{name}.npz"))
    return {
        key: torch.from_numpy(array) if "kernel" in key else torch.from_numpy(array).permute(2, 0, 1)[None]
        for key, array in arrays.items()
    }


def what_was_drawn(kernel):
    """The draw of `ScaledBlur` that gives a kernel: its logarithm is a quadratic form."""
    middle = len(kernel) // 2
    logs = torch.log(kernel[middle - 1 : middle + 2, middle - 1 : middle + 2])
    yy, xx = 2 * (logs[1, 1] - logs[0, 1]), 2 * (logs[1, 1] - logs[1, 0])
    xy = logs[1, 1] - logs[2, 2] - (xx + yy) / 2
    (first, second), axes = torch.linalg.eigh(torch.linalg.inv(torch.tensor([[xx, xy], [xy, yy]])))
    if abs(first - second) < 1e-6:
        return {"side_px": len(kernel), "anisotropic": False, "sigma_px": first.sqrt().item()}
    theta = torch.atan2(axes[1, 0], axes[0, 0]).item()
    variances = {"first_px2": first.item(), "second_px2": second.item()}
    return {"side_px": len(kernel), "anisotropic": True, "theta": theta, **variances}


def check_blur(t, before, kernel, after):
    result = steps.ScaledBlur().apply(t[before], [what_was_drawn(t[kernel])], HR)
    torch.testing.assert_close(result, t[after], atol=2e-5, rtol=0)


def check_resize(t, step, before, drawn, after, size=HR):
    torch.testing.assert_close(step.apply(t[before], [drawn], size), t[after].clamp(0, 1), atol=2e-5, rtol=0)


def check_jpeg(t, before, quality, after):
    """Pillow's libjpeg may round otherwise than the one of the traces."""
    away = (Jpeg().apply(t[before], [{"quality": quality}], HR) - t[after]).abs() * 255
    assert away.mean() < 0.5
    assert away.max() < 2.5


TO_LR = ResizeToLr(library="opencv", clamp=True, per="image")


def test_the_trace_at_x4_operation_by_operation(shared):
    t = traces(shared, "bsrgan_trace_x4")
    down = {"factor": 80 / 18.2, "mode": "bilinear"}
    check_resize(t, steps.ResizeOrSubsample(), "hq", down, "t01_resize")
    check_blur(t, "t02_add_Gaussian_noise", "t03_kernel", "t04_convolved")
    check_blur(t, "t04_convolved", "t05_kernel", "t06_convolved")
    check_resize(t, TO_LR, "t06_convolved", {"mode": "bicubic"}, "t07_resize")
    check_jpeg(t, "t07_resize", 39, "t08_add_JPEG_noise")


def test_the_trace_at_x2_operation_by_operation(shared):
    t, size = traces(shared, "bsrgan_trace_x2"), Size(66, 82, 2)
    check_resize(t, steps.ResizeOrSubsample(), "hq", {"factor": 82 / 34.1, "mode": "area"}, "t01_resize", size)
    check_resize(t, TO_LR, "t02_add_Gaussian_noise", {"mode": "bicubic"}, "t03_resize", size)
    check_jpeg(t, "t03_resize", 35, "t04_add_JPEG_noise")
    check_blur(t, "t04_add_JPEG_noise", "t05_kernel", "t06_convolved")
    check_blur(t, "t06_convolved", "t07_kernel", "t08_convolved")
    check_jpeg(t, "t08_convolved", 36, "t09_add_JPEG_noise")


def test_the_trace_that_is_halved_first_operation_by_operation(shared):
    t, size = traces(shared, "bsrgan_trace_x4_scale2"), Size(32, 40, 2)

    class Nothing:
        def apply(self, images, drawn, size):
            assert size == Size(32, 40, 2)
            return images

    halving = steps.HalvedFirst(Nothing())
    check_resize(t, halving, "hq", {"halved": "matlab", "then": {}}, "t01_imresize")
    check_blur(t, "t01_imresize", "t02_kernel", "t03_convolved")
    check_jpeg(t, "t03_convolved", 65, "t04_add_JPEG_noise")
    # the width of the kernel before it was shifted, by its variance along a line, which the shift leaves alone
    line = t["t05_kernel"].sum(0)
    narrow = kernels.fspecial(25, torch.linspace(0.1, 1.2, 1101))
    moved = shift(narrow, 2).sum(1)
    sigma = 0.1 + 0.001 * (moved - line).abs().amax(1).argmin().item()
    kept = steps.ResizeOrSubsample().apply(t["t04_add_JPEG_noise"], [{"sigma_px": sigma}], size)
    torch.testing.assert_close(kept, t["t06_convolved"][..., ::2, ::2], atol=2e-3, rtol=0)
    check_resize(t, TO_LR, "t07_add_Gaussian_noise", {"mode": "bilinear"}, "t08_resize", size)
    check_blur(t, "t08_resize", "t09_kernel", "t10_convolved")
    check_jpeg(t, "t10_convolved", 54, "t11_add_JPEG_noise")


def test_the_trace_of_the_extended_model_operation_by_operation(shared):
    t = traces(shared, "bsrgan_plus_trace_x4")
    resize = bsrgan._blur_and_resize()[1]
    sharpened = Sharpen().apply(t["hr"][..., :64, :80], [{}], HR)
    torch.testing.assert_close(sharpened, t["t01_sharpened"], atol=2e-5, rtol=0)
    check_resize(t, resize, "t01_sharpened", {"factor": 0.99, "mode": "bicubic"}, "t02_resize")
    check_blur(t, "t04_add_Gaussian_noise", "t05_kernel", "t06_convolved")
    check_resize(t, resize, "t06_convolved", {"factor": 46.2 / 79, "mode": "area"}, "t07_resize")
    check_blur(t, "t08_add_speckle_noise", "t09_kernel", "t10_convolved")
    check_jpeg(t, "t11_add_Poisson_noise", 79, "t12_add_JPEG_noise")
    check_resize(t, TO_LR, "t12_add_JPEG_noise", {"mode": "bicubic"}, "t13_resize")
    check_jpeg(t, "t13_resize", 86, "t14_add_JPEG_noise")


def flatten(drawn):
    for entry in drawn["steps"]:
        yield entry
        if "steps" in entry["drawn"]:
            yield from flatten(entry["drawn"])
        elif "then" in entry["drawn"]:
            yield from flatten(entry["drawn"]["then"])


def many(name, scale=4, count=1200):
    size = Size(256, 256, scale)
    chain = SPECS[name].chain
    return [list(flatten(chain.draw(Random(own), size))) for own in range(count)]


def near(count, probability, total):
    """Within four standard deviations of a binomial count."""
    return abs(count - probability * total) <= 4 * (total * probability * (1 - probability)) ** 0.5


def test_operations_are_drawn_as_often_as_released():
    drawn = many("bsrgan")
    halved = [entry["drawn"]["halved"] for one in drawn for entry in one if entry["step"] == "HalvedFirst"]
    assert near(sum(how is not None for how in halved), 0.25, len(halved))
    names = [[entry["step"] for entry in one] for one in drawn]
    assert near(sum(one.count("Jpeg") == 2 for one in names), 0.9, len(names))
    assert all(one[-1] == "Jpeg" for one in names)
    assert all(one.index("ResizeOrSubsample") < one.index("ResizeToLr") for one in names)
    assert near(sum(one.index("SensorNoise") < one.index("ResizeOrSubsample") for one in names), 1 / 3, len(names))
    of = Counter(entry["drawn"]["colours"] for one in drawn for entry in one if entry["step"] == "SensorNoise")
    for colours, probability in {"colour": 0.4, "grey": 0.4, "correlated": 0.2}.items():
        assert near(of[colours], probability, len(drawn))
    blurs = [entry["drawn"] for one in drawn for entry in one if entry["step"] == "ScaledBlur"]
    assert {blur["side_px"] for blur in blurs} == {*range(7, 26, 2)}
    wide = [blur["first_px2"] for blur in blurs if blur["anisotropic"]]
    assert near(len(wide), 0.5, len(blurs))
    assert 7.8 < max(wide) < 8
    assert 2.7 < max(blur["sigma_px"] for blur in blurs if not blur["anisotropic"]) < 2.8
    assert all(
        "halved" not in entry["drawn"] or entry["drawn"]["halved"] is None
        for one in many("bsrgan", scale=2, count=60)
        for entry in one
    )


def test_what_the_paper_says_otherwise_is_a_degradation_of_its_own():
    drawn = many("bsrgan_paper", count=600)
    for one in drawn:
        assert sorted(e["drawn"]["anisotropic"] for e in one if e["step"] == "ScaledBlur") == [False, True]
    assert max(e["drawn"]["side_px"] for one in drawn for e in one if e["step"] == "ScaledBlur") == 21
    twice = sum([e["step"] for e in one].count("Jpeg") == 2 for one in drawn)
    assert near(twice, 0.75, len(drawn))


def test_the_extended_model_keeps_its_two_rounds_nine_times_of_ten():
    drawn = many("bsrgan_plus", count=800)
    names = [
        [entry["step"] for entry in one if entry["step"] not in ("Chain", "OneOf", "Shuffled", "Sometimes")]
        for one in drawn
    ]
    opens = sum(one[:2] == ["ScaledBlur", "RandomResize"] for one in names)
    assert opens / len(names) > 0.87
    noises = Counter(name for one in names for name in one)
    assert near(noises["RoundedPoissonNoise"], 0.1, 2 * len(names))
    assert near(noises["SensorNoise"] - 2 * len(names), 0.1, 2 * len(names))
    assert noises["Jpeg"] == 2 * len(names)
    factors = [entry["drawn"]["factor"] for one in drawn for entry in one if entry["step"] == "RandomResize"]
    assert near(sum(factor > 1 for factor in factors), 0.2, len(factors))
    assert 0.125 <= min(factors) < 0.14
    assert 1.9 < max(factors) < 2


@pytest.mark.parametrize("name", sorted(SPECS))
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_frozen_realisation_gives_the_same_lr_from_its_json(name, scale):
    hr = torch.rand(1, 3, 24 * scale, 18 * scale, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for seed in range(4):
        frozen = freeze(SPECS[name], Size(24 * scale, 18 * scale, scale, 0), seed)
        again = type(frozen).model_validate_json(frozen.model_dump_json())
        lr = realise(SPECS[name], hr, frozen)
        assert lr.shape == (1, 3, 24, 18)
        assert torch.equal(realise(SPECS[name], hr, again), lr)


def test_a_quarter_of_the_images_of_bsrgan_isp_goes_through_a_camera_and_none_of_bsrgan():
    def taken(name, seed):
        steps = freeze(SPECS[name], Size(64, 64, 2), seed).drawn["steps"][0]["drawn"]["then"]["steps"]
        return any(entry["at"] == 6 and entry["drawn"]["steps"] for entry in steps)

    assert stats.binomtest(sum(taken("bsrgan_isp", seed) for seed in range(400)), 400, 0.25).pvalue > 1e-3
    assert not any(taken("bsrgan", seed) for seed in range(20))
