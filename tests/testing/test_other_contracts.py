"""The contracts of all kinds but networks and distillers find what they are there to find."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
import torch
from torch import nn

import srbench
from helpers.violations import one_violation
from srbench.datasets.spec import DatasetSpec, ImageEntry
from srbench.errors import UnavailableError
from srbench.testing import executor, photograph, violations_of
from srbench.testing.contract import Violations


def subsample(hr, scale, generator):
    return hr[..., ::scale, ::scale].clone()


def noisy(hr, scale, generator):
    return (subsample(hr, scale, generator) + 0.1 * torch.randn(1, generator=generator)).clamp(0, 1)


def degradation(apply, **facts):
    return srbench.DegradationSpec(name="mine", apply=apply, **{"stochastic": False, **facts})


@pytest.mark.parametrize("spec", [degradation(subsample), degradation(noisy, stochastic=True)])
def test_a_sound_degradation_passes(spec):
    assert violations_of(spec) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (degradation(lambda hr, s, g: hr), "it must give (2, 3, 25, 29)"),
        (degradation(lambda hr, s, g: subsample(hr, s, g).double()), "keep the dtype"),
        (degradation(lambda hr, s, g: subsample(hr, s, g) * 2), "left [0, 1]"),
        (degradation(lambda hr, s, g: subsample(hr.mul_(0.9), s, g)), "changes hr in place"),
        (degradation(noisy), "says stochastic=False, but its result changes"),
        (degradation(subsample, stochastic=True), "says stochastic=True, but its result does not change"),
        (degradation(lambda hr, s, g: subsample(hr, s, g) * torch.rand(1)), "draws from torch's global generator"),
        (degradation(lambda hr, s, g: subsample(hr, s, g) * 0 + hr.mean()), "mixes the images of a batch"),
        (degradation(subsample, unrounded=lambda hr, s, g: subsample(hr, s, g) * 0.5), "its own unrounded form"),
        (degradation(subsample, unrounded=lambda hr, s, g: subsample(hr.float(), s, g)), "unrounded, gave torch.float"),
    ],
)
def test_a_faulty_degradation_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)


def mse(sr, hr):
    return (sr - hr).square().mean(dim=(1, 2, 3))


def metric(compute, **facts):
    return srbench.MetricSpec(
        name="mine", load=lambda device: compute, label="m", **{"higher_is_better": False, **facts}
    )


@pytest.mark.parametrize(
    "spec", [metric(mse), metric(mse, channels="y"), metric(lambda sr, hr: sr.mean(dim=(1, 2, 3)), needs_hr=False)]
)
def test_a_sound_metric_passes(spec):
    assert violations_of(spec) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (metric(lambda sr, hr: mse(sr, hr).mean()), "it must give (3,)"),
        (metric(lambda sr, hr: mse(sr, hr) / 0), "NaN or infinity"),
        (metric(lambda sr, hr: mse(sr.mul_(0.5), hr)), "changes its input in place"),
        (metric(lambda sr, hr: mse(sr, hr) / mse(sr, hr).max()), "in a batch than alone"),
        (metric(mse, higher_is_better=True), "says higher is better, but growing noise gives"),
        (metric(mse, needs_hr=False), "says needs_hr=False and looks at hr"),
        (metric(lambda sr, hr: mse(sr, hr) + torch.rand(1)), "two results for one pair"),
    ],
)
def test_a_faulty_metric_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)


def test_a_metric_that_cannot_be_had_says_so_instead_of_passing():
    def load(device):
        raise UnavailableError("no weights here")

    with pytest.raises(UnavailableError, match="no weights here"):
        violations_of(srbench.MetricSpec(name="mine", load=load, label="m"))


def loss(compute):
    return srbench.LossSpec(name="mine", build=lambda: compute)


def test_a_sound_loss_passes():
    assert violations_of(loss(nn.functional.huber_loss)) == []


@pytest.mark.parametrize(
    ("compute", "text"),
    [
        (mse, "a loss is one number"),
        (lambda sr, hr: (sr - hr).detach().abs().mean(), "raised RuntimeError"),
        (lambda sr, hr: -(sr - hr).abs().mean(), "it must fall towards hr"),
        (lambda sr, hr: (sr - hr).square().sqrt().mean(), "add an ε under its root"),
        (lambda sr, hr: (sr - hr).abs().mean() * math.inf, "gave inf"),
    ],
)
def test_a_faulty_loss_is_reported_with_its_fault(compute, text):
    one_violation(loss(compute), text)


def test_an_executor_says_honestly_whether_its_jobs_are_apart():
    def threads(workers, needs):
        return ThreadPoolExecutor(workers)

    assert violations_of(srbench.ExecutorSpec(name="threads", make=threads)) == []
    one_violation(
        srbench.ExecutorSpec(name="mine", make=threads, isolated=True),
        "says isolated=True, but its jobs run in this process",
    )
    one_violation(srbench.ExecutorSpec(name="mine", make=lambda workers, needs: None), "gave NoneType")


class Losing(ThreadPoolExecutor):
    """An executor that passes on exceptions without their tracebacks."""

    def submit(self, fn, /, *args, **keywords):
        done, lost = super().submit(fn, *args, **keywords), Future()

        def pass_on(_):
            if error := done.exception():
                lost.set_exception(error.with_traceback(None))
            else:
                lost.set_result(done.result())

        done.add_done_callback(pass_on)
        return lost


def test_an_executor_that_loses_tracebacks_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(executor, "END_TIMEOUT", 0.1)  # this process, where threads do the jobs, does not end
    found = Violations()
    for kind in (Losing, ThreadPoolExecutor):
        name = kind.__name__.lower()
        spec = srbench.ExecutorSpec(name=name, make=lambda workers, needs, kind=kind: kind(workers), isolated=True)
        executor._results(spec, found, tmp_path)
    lost = [text for text in found if "traceback" in text]
    assert lost == ["losing loses the traceback of a job's exception; add it as a note."]


def test_a_dataset_counts_and_finds_its_images(tmp_path):
    whole = partial(DatasetSpec, name="mine", label="Mine", split="test", license="CC0-1.0", citation="me")
    entry = ImageEntry(name="a", height=4, width=5)
    (tmp_path / "a.png").touch()
    unlabelled = srbench.LabelledImages(question="classification", images={"a": tmp_path / "a.png"})
    assert violations_of(whole(images=1, entries=(entry,), locate=lambda: {"a": tmp_path / "a.png"})) == []
    for facts, text in (
        ({"images": 2, "entries": (entry,)}, "says 2 images and lists 1"),
        ({"images": 2, "entries": (entry, entry)}, "lists an image twice"),
        ({"images": 1, "entries": (entry,), "locate": lambda: {"a": tmp_path / "b.png"}}, "files that are not there"),
        ({"images": 1, "entries": (entry,), "locate": dict}, "does not locate it"),
        ({"images": 1, "entries": (entry,), "grey": ("b",)}, "greyscale, which it does not list"),
        ({"images": None, "license": ""}, "state its licence"),
        ({"images": None, "labels": lambda root: unlabelled}, "mine: There is no label for a."),
        ({"images": None, "labels": lambda root: 1 / 0}, "Reading the labels of mine raised ZeroDivisionError"),
    ):
        one_violation(whole(**facts), text)


def test_photographs_are_smooth_and_on_the_255_levels():
    image = photograph(2, 3, 40, 50)
    assert torch.equal(image, (image * 255).round() / 255)
    assert 0 <= image.min() < 0.3 < 0.6 < image.max() <= 1
    across = (image[..., 1:] - image[..., :-1]).abs().mean()
    shuffled = image.flatten()[torch.randperm(image.numel(), generator=torch.Generator().manual_seed(0))]
    assert across < 0.5 * shuffled.diff().abs().mean()
    assert not torch.equal(image, photograph(2, 3, 40, 50, seed=1))


def of_map(compute, needs="order", **facts):
    return metric(compute, needs_uncertainty=needs, **facts)


def disorder(sr, hr, uncertainty):
    """How far the map is from the errors that it would have if it knew them."""
    return (
        ((sr - hr).abs().flatten(1).argsort(1).argsort(1) - uncertainty.flatten(1).argsort(1).argsort(1))
        .abs()
        .double()
        .mean(1)
    )


def test_a_sound_metric_of_maps_passes():
    assert violations_of(of_map(disorder)) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (of_map(lambda sr, hr, u: disorder(sr, hr, u).mean()), "it must give (3,)"),
        (of_map(lambda sr, hr, u: disorder(sr, hr, u) / 0), "NaN or infinity"),
        (of_map(lambda sr, hr, u: disorder(sr, hr, u) + torch.rand(1)), "two results for one image"),
        (of_map(lambda sr, hr, u: disorder(sr, hr, u) / disorder(sr, hr, u).max()), "in a batch than alone"),
        (
            of_map(lambda sr, hr, u: disorder(sr, hr, u) * u.mean((1, 2, 3))),
            "a map of twice the size scores differently",
        ),
        (of_map(disorder, higher_is_better=True), "says higher is better, but a map that knows less gives"),
        (of_map(mse), "positional argument"),
    ],
)
def test_a_faulty_metric_of_maps_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)
