"""What pyiqa's metrics give, and every way they can be missing."""

import sys
from types import SimpleNamespace

import pytest
import torch
from srbench_plugins.metrics import pyiqa
from srbench_plugins.metrics.pyiqa import PyiqaMetric

from srbench.errors import ShapeError, SrbenchError, UnavailableError
from srbench.measuring.metrics.psnr_ssim import psnr
from srbench.testing import violations_of

CPU = torch.device("cpu")


def stand_in(create):
    return SimpleNamespace(list_models=lambda: ["fid", "niqe", "psnr"], create_metric=create)


def test_a_metric_of_the_real_package_works():
    pytest.importorskip("pyiqa", reason="the extra `perceptual` is not installed")
    metric = pyiqa.load("psnr", CPU)
    sr, hr = torch.rand(2, 2, 3, 24, 24)
    assert metric.full_reference
    assert metric(sr, hr).tolist() == pytest.approx(psnr(sr, hr, data_range=1).tolist(), abs=1e-4)


def test_a_package_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(UnavailableError, match=r"install srbench\[perceptual\]"):
        pyiqa.load("niqe", CPU)


def test_unknown_names_folder_scores_and_unreachable_weights_have_a_reason(monkeypatch):
    def unreachable(name, device):
        raise OSError("<urlopen error no route>\nand more")

    monkeypatch.setitem(sys.modules, "pyiqa", stand_in(unreachable))
    with pytest.raises(UnavailableError, match="did you mean pyiqa:niqe"):
        pyiqa.load("niqee", CPU)
    with pytest.raises(UnavailableError, match="scores folders"):
        pyiqa.load("fid", CPU)
    with pytest.raises(UnavailableError, match=r"^pyiqa:niqe cannot load its weights: <urlopen error no route>\.$"):
        pyiqa.load("niqe", CPU)


def test_batches_are_scored_one_by_one_and_failures_named():
    def mean_of_one(image):
        if len(image) != 1:
            raise ValueError("a batch")
        if image.max() > 0.9:
            raise RuntimeError("too bright")
        return image.mean()

    metric = PyiqaMetric("niqe", full_reference=False, run=mean_of_one)
    sr = torch.rand(3, 3, 8, 8) * 0.9
    assert metric(sr).tolist() == pytest.approx(sr.double().mean(dim=(1, 2, 3)).tolist(), abs=1e-6)
    with pytest.raises(UnavailableError, match="pyiqa:niqe failed on an image: too bright"):
        metric(sr + 0.5)


def test_a_missing_reference_is_refused():
    metric = PyiqaMetric("dists", full_reference=True, run=lambda sr, hr: (sr - hr).mean())
    with pytest.raises(ShapeError, match="which is None; pass hr of the same shape"):
        metric(torch.rand(1, 3, 8, 8))


def test_pyiqa_knows_direction_and_reference_without_loading_a_network():
    assert (pyiqa.make("niqe", {}).higher_is_better, pyiqa.make("niqe", {}).needs_hr) == (False, False)
    assert (pyiqa.make("psnr", {}).higher_is_better, pyiqa.make("psnr", {}).needs_hr) == (True, True)
    assert pyiqa.make("dists", {}).higher_is_better is False
    assert pyiqa.make("niqe", {}).name == "pyiqa:niqe"


def test_the_hash_of_weights_covers_parameters_and_plain_tensors(monkeypatch):
    class Trained(torch.nn.Module):
        metric_mode = "NR"

        def __init__(self, statistic):
            super().__init__()
            self.dummy = torch.nn.Parameter(torch.empty(0))  # as pyiqa has in every metric
            if statistic is not None:
                self.statistic = torch.tensor(statistic)

    hashes = []
    for statistic in (None, 1.0, 1.0, 2.0):
        monkeypatch.setitem(sys.modules, "pyiqa", stand_in(lambda name, device, s=statistic: Trained(s)))
        hashes.append(pyiqa.load("niqe", CPU).weights_sha256)
    assert hashes[0] == ""
    assert len(hashes[1]) == 64
    assert hashes[1] == hashes[2] != hashes[3]


def test_a_metric_of_pyiqa_that_needs_no_weights_keeps_the_contract():
    assert violations_of(pyiqa.make("gmsd", {})) == []


def test_an_unknown_pyiqa_metric_is_answered_with_the_nearest():
    with pytest.raises(SrbenchError, match="did you mean pyiqa:clipiqa"):
        pyiqa.make("clipiq", {})


def test_without_the_package_the_column_has_its_reason(monkeypatch):
    for module in [name for name in sys.modules if name == "pyiqa" or name.startswith("pyiqa.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    spec = pyiqa.make("niqe", {})
    with pytest.raises(UnavailableError, match="needs the package pyiqa"):
        spec.load(CPU)
