"""What pyiqa's metrics give, and every way they can be missing."""

import sys
from types import SimpleNamespace

import pytest
import torch

from srbench.errors import ShapeError, UnavailableError
from srbench.measuring.metrics.psnr import psnr
from srbench.measuring.metrics.pyiqa_metric import PyiqaMetric, load_pyiqa


def stand_in(create):
    return SimpleNamespace(list_models=lambda: ["fid", "niqe", "psnr"], create_metric=create)


def test_a_metric_of_the_real_package_works():
    pytest.importorskip("pyiqa", reason="the extra `perceptual` is not installed")
    metric = load_pyiqa("psnr")
    sr, hr = torch.rand(2, 2, 3, 24, 24)
    assert metric.full_reference
    assert not metric.lower_is_better
    assert metric(sr, hr).tolist() == pytest.approx(psnr(sr, hr, data_range=1).tolist(), abs=1e-4)


def test_a_package_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(UnavailableError, match=r"install srbench\[perceptual\]"):
        load_pyiqa("niqe")


def test_unknown_names_folder_scores_and_unreachable_weights_have_a_reason(monkeypatch):
    def unreachable(name, device):
        raise OSError("<urlopen error no route>\nand more")

    monkeypatch.setitem(sys.modules, "pyiqa", stand_in(unreachable))
    with pytest.raises(UnavailableError, match="Did you mean niqe"):
        load_pyiqa("niqee")
    with pytest.raises(UnavailableError, match="scores folders"):
        load_pyiqa("fid")
    with pytest.raises(UnavailableError, match=r"^pyiqa:niqe cannot load its weights: <urlopen error no route>\.$"):
        load_pyiqa("niqe")


def test_batches_are_scored_one_by_one_and_failures_named():
    def mean_of_one(image):
        if len(image) != 1:
            raise ValueError("a batch")
        if image.max() > 0.9:
            raise RuntimeError("too bright")
        return image.mean()

    metric = PyiqaMetric("niqe", full_reference=False, lower_is_better=True, _run=mean_of_one)
    sr = torch.rand(3, 3, 8, 8) * 0.9
    assert metric(sr).tolist() == pytest.approx(sr.double().mean(dim=(1, 2, 3)).tolist(), abs=1e-6)
    with pytest.raises(UnavailableError, match="pyiqa:niqe failed on an image: too bright"):
        metric(sr + 0.5)


def test_a_missing_reference_is_refused():
    metric = PyiqaMetric("dists", full_reference=True, lower_is_better=True, _run=lambda sr, hr: (sr - hr).mean())
    with pytest.raises(ShapeError, match="which is None"):
        metric(torch.rand(1, 3, 8, 8))
