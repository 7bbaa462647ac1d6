"""Scores of what a recogniser is fed."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import srbench
from srbench.errors import UnavailableError
from srbench.measuring.metrics.psnr_ssim import psnr, ssim
from srbench.measuring.recognition.fronts import FrontScorer
from srbench.measuring.recognition.scoring import score_answers
from srbench.testing import made_up_answers, violations_of


def front(name, load, **facts):
    return srbench.FrontMetricSpec.applying(
        srbench.MetricSpec(name=name, label=name.upper(), load=lambda device: load, **facts)
    )


PSNR = front("psnr_y", lambda sr, hr: psnr(sr, hr, data_range=1.0), channels="y", unit="dB", decimals=2)
SSIM = front("ssim_y", lambda sr, hr: ssim(sr, hr, data_range=1.0), channels="y")


def images(height=24, width=20):
    hr = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    return hr, (hr + 0.1 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)


def luma(image):
    return rgb2ycbcr(image[0].permute(1, 2, 0).double().numpy())[..., 0]


def scorer(*metrics, scale=4):
    return FrontScorer(metrics, scale, torch.device("cpu"))


def test_scores_are_those_of_scikit_image_on_whole_unrounded_images():
    hr, fed = images()
    fronts = scorer(PSNR, SSIM)
    fronts.score("a", fed, hr)
    fronts.score("b", 0.5 * hr, hr)
    (value, items), reason = fronts.result(PSNR)
    wanted = [peak_signal_noise_ratio(luma(hr), luma(image), data_range=255) for image in (fed, 0.5 * hr)]
    assert reason is None
    assert list(items.values()) == pytest.approx(wanted, abs=2e-5)
    assert value == pytest.approx(np.mean(wanted), abs=2e-5)
    similar = structural_similarity(
        luma(hr), luma(fed), data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )[1]
    assert fronts.result(SSIM)[0].items["a"] == pytest.approx(similar[5:-5, 5:-5].mean(), abs=1e-6)


def test_hr_whose_sides_do_not_divide_is_cropped_as_lr_was_made():
    hr, fed = images(27, 22)
    whole, cropped = scorer(PSNR), scorer(PSNR)
    whole.score("a", fed[..., :24, :20], hr)
    cropped.score("a", fed[..., :24, :20], hr[..., :24, :20])
    assert whole.result(PSNR) == cropped.result(PSNR)


@pytest.mark.parametrize(
    ("scale", "fed", "reason"),
    [
        (1, (24, 20), "the recogniser is fed hr itself"),
        (4, (6, 5), "the recogniser is fed images of 6×5 pixels, and hr has 24×20"),
        (4, (20, 20), "the recogniser is fed images of 20×20 pixels, and hr has 24×20"),
        (4, (24, 21), "the recogniser is fed images of 24×21 pixels, and hr has 24×20"),
    ],
)
def test_what_cannot_be_compared_has_a_reason(scale, fed, reason):
    fronts = scorer(PSNR, scale=scale)
    fronts.score("a", torch.zeros(1, 3, *fed), images()[0])
    assert fronts.result(PSNR)[1] == reason


def test_an_image_that_equals_hr_leaves_no_mean():
    hr, fed = images()
    fronts = scorer(PSNR, SSIM)
    fronts.score("a", fed, hr)
    fronts.score("b", hr, hr)
    assert fronts.result(PSNR)[1] == "infinite on b: what is fed equals hr there"
    assert fronts.result(SSIM)[1] is None


def test_a_metric_that_is_not_here_is_a_reason():
    def load(device):
        raise UnavailableError("needs weights")

    absent = srbench.FrontMetricSpec.applying(srbench.MetricSpec(name="deep", label="Deep", load=load))
    fronts = scorer(PSNR, absent)
    fronts.score("a", *reversed(images()))
    assert fronts.result(absent)[1] == "needs weights"
    assert fronts.result(PSNR)[1] is None


def test_scores_of_the_input_are_marked_and_belong_to_images():
    answers = made_up_answers("classification", noise=1)
    hr, fed = images()
    fronts = scorer(PSNR)
    for name in answers.names:
        fronts.score(name, fed, hr)
    found = score_answers([PSNR], answers, lambda metric: metric.name, fronts)
    score = found.scores["front_psnr_y"]
    assert (score.of_input, score.column, score.label) == (True, "front_psnr_y_db", "Front PSNR_Y")
    assert [image.name for image in found.items] == list(answers.names)
    unknown = score_answers([PSNR], answers, lambda metric: metric.name)
    assert unknown.scores["front_psnr_y"].reason == "what the recogniser was fed is not known"


def test_the_contract_is_that_of_the_metric_which_is_applied():
    assert violations_of(PSNR) == []
    (violation,) = violations_of(front("still", lambda sr, hr: sr.new_ones(len(sr))))
    assert "growing noise gives" in violation
