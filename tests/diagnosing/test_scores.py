"""What libraries compute by default is what the table of readings says of them."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srbench.diagnosing.colours import planes_of
from srbench.diagnosing.readings import Reading, all_readings, libraries, presets, usual
from srbench.diagnosing.scores import scores_of
from srbench.diagnosing.similarity import WINDOWS

SCALE = 2


@pytest.fixture(scope="module")
def images():
    """Two pairs of sr and hr, (H, W, 3) uint8: structure with noise, so that no two readings agree by chance."""
    random = np.random.default_rng(5)
    made = []
    for height, width, noise in ((40, 52, 6), (44, 40, 12)):
        coarse = torch.from_numpy(random.uniform(0, 255, (1, 3, 6, 6)))
        hr = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].movedim(0, -1).numpy()
        sr = hr + random.normal(0, noise, hr.shape)
        made.append(tuple(image.clip(0, 255).round().astype(np.uint8) for image in (sr, hr)))
    return made


@pytest.fixture(scope="module")
def table(images):
    """Every reading by what is known to compute it, and by itself."""
    readings = all_readings(SCALE)
    found = scores_of([(planes_of(sr), planes_of(hr)) for sr, hr in images], [*readings["psnr"], *readings["ssim"]])
    return dict(found) | {
        (reading.score, name): value
        for reading, value in found.items()
        for name in (*libraries(reading, SCALE), *presets(reading, SCALE, grey=False))
    }


def mean(score, images, **options):
    return np.mean([score(hr, sr, **options) for sr, hr in images])


def unit(images):
    """The pairs as (1, 3, H, W) in [0, 1]."""
    return [tuple(torch.tensor(image).movedim(-1, 0)[None].double() / 255 for image in pair) for pair in images]


def test_scikit_image_computes_what_is_said_of_it(images, table):
    assert table["psnr", "skimage peak_signal_noise_ratio"] == pytest.approx(mean(peak_signal_noise_ratio, images))
    similarity = mean(structural_similarity, images, channel_axis=2)
    assert table["ssim", "skimage structural_similarity with channel_axis"] == pytest.approx(similarity)
    floats = [(sr / 255, hr / 255) for sr, hr in images]
    similarity = mean(structural_similarity, floats, channel_axis=2, data_range=2)
    assert table["ssim", "older skimage on floats without data_range"] == pytest.approx(similarity)
    luma = [tuple(image @ np.array([65.481, 128.553, 24.966]) / 255 + 16 for image in pair) for pair in images]
    shaved = [tuple(image[SCALE:-SCALE, SCALE:-SCALE] for image in pair) for pair in luma]
    for way, options in {
        "gaussian": {"data_range": 255}, "gaussian_range_1": {"data_range": 1},
        "gaussian_range_2": {"data_range": 510}, "gaussian_range_255": {"data_range": 255**2},
    }.items():  # fmt: skip
        similarity = mean(
            structural_similarity, shaved, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, **options
        )
        assert table[Reading("ssim", "y", SCALE, way)] == pytest.approx(similarity), way


@pytest.mark.parametrize(
    ("way", "mode"),
    [("gaussian_reflect", "mirror"), ("gaussian_replicate", "nearest"), ("gaussian_zero", "constant")],
)
@pytest.mark.parametrize("shave", [0, SCALE])
def test_windows_beyond_the_border_see_what_is_said(way, mode, shave, images, table):
    """The whole image is filtered here at once; srbench filters the frame alone."""
    values = []
    for sr, hr in images:
        for channel in range(3):
            x, y = (image[shave : -shave or None, shave : -shave or None, channel].astype(float) for image in (sr, hr))
            blur = partial(gaussian_filter, sigma=1.5, radius=5, mode=mode)
            means, variances = [blur(x), blur(y)], [blur(x * x) - blur(x) ** 2, blur(y * y) - blur(y) ** 2]
            covariance = blur(x * y) - blur(x) * blur(y)
            c1, c2 = 2.55**2, 7.65**2
            top = (2 * means[0] * means[1] + c1) * (2 * covariance + c2)
            values.append((top / ((means[0] ** 2 + means[1] ** 2 + c1) * (sum(variances) + c2))).mean())
    by_image = np.reshape(values, (2, 3)).mean(axis=1)
    assert table[Reading("ssim", "rgb", shave, way)] == pytest.approx(by_image.mean(), abs=1e-12)


def test_pyiqa_computes_what_is_said_of_it(images, table):
    pyiqa = pytest.importorskip("pyiqa", reason="needs pyiqa")
    for score, name, tolerance in (("psnr", "psnr", 1e-3), ("psnr", "psnry", 1e-3), ("ssim", "ssim", 1e-3)):
        metric = pyiqa.create_metric(name)
        found = np.mean([metric(sr.float(), hr.float()).item() for sr, hr in unit(images)])
        assert table[score, f"pyiqa {name}"] == pytest.approx(found, abs=tolerance), name


def test_piq_computes_what_is_said_of_it(images, table):
    piq = pytest.importorskip("piq", reason="needs piq")
    assert table["ssim", "piq.ssim"] == pytest.approx(np.mean([piq.ssim(sr, hr).item() for sr, hr in unit(images)]))


def test_torchmetrics_computes_what_is_said_of_it(images, table):
    torchmetrics = pytest.importorskip("torchmetrics", reason="needs torchmetrics")
    metric = torchmetrics.image.StructuralSimilarityIndexMeasure(data_range=1.0)
    found = np.mean([metric(sr, hr).item() for sr, hr in unit(images)])
    assert table["ssim", "torchmetrics StructuralSimilarityIndexMeasure"] == pytest.approx(found)


def test_opencv_computes_what_is_said_of_it(images, table):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    assert table["psnr", "cv2.PSNR"] == pytest.approx(np.mean([cv2.PSNR(sr, hr) for sr, hr in images]))
    grey = [tuple(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(float) for image in pair) for pair in images]
    errors = [np.square(sr - hr).mean() for sr, hr in grey]
    found = np.mean([10 * np.log10(255**2 / error) for error in errors])
    assert table[Reading("psnr", "grey", 0, "images")] == pytest.approx(found, abs=2e-3)


def test_presets_are_what_srbench_itself_computes(images, table):
    from srbench.benchmarking.score import score
    from srbench.measuring.protocol import PROTOCOLS

    tried = [name for name in PROTOCOLS if ("psnr", name) in table]
    assert set(tried) == {"classic-y", "matlab-u8", "rgb", "div2k-rgb", "ntire-esr", "real-isr"}
    for name in tried:
        for kind in ("psnr", "ssim"):
            column = PROTOCOLS[name].headline.replace("psnr", kind)
            found = np.mean([score(sr, hr, name, scale=SCALE, metrics=column)[column] for sr, hr in images])
            assert table[kind, name] == pytest.approx(found, abs=1e-9), (name, kind)


def test_one_error_of_all_pixels_is_not_the_mean_of_images(images, table):
    squares = np.concatenate([np.square(sr.astype(float) - hr).ravel() for sr, hr in images])
    found = 10 * np.log10(255**2 / squares.mean())
    assert table["psnr", "torchmetrics PeakSignalNoiseRatio"] == pytest.approx(found, abs=1e-9)
    assert table["psnr", "torchmetrics PeakSignalNoiseRatio"] != pytest.approx(table["psnr", "pyiqa psnr"], abs=1e-4)


def test_every_shave_up_to_six_more_than_the_scale_is_read(table):
    shaves = {own.shave for own in table if isinstance(own, Reading) and own.colour == "rgb" and own.way == "images"}
    assert shaves == set(range(SCALE + 7))
    assert {own.way for own in table if isinstance(own, Reading) and own.score == "ssim"} == set(WINDOWS)
    assert usual("psnr", SCALE).about == "PSNR on Y, shave 2"
