"""Small networks and trainings on which distillers are tried, and the values of their authors' losses."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from srbench_plugins.architectures.edsr import EDSR
from srbench_plugins.architectures.rcan import RCAN
from torch.nn import functional as F
from torchvision import models

import helpers
from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Batch, Optimiser, Setup
from srbench.errors import TrainingInterrupted
from srbench.imaging import imresize
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe
from srbench.testing import photograph
from srbench.training.loop import train
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.build import source_for
from srbench.training.patches.images import TrainingImages
from srbench.training.progress import Oversight

ORACLES = helpers.ORACLES / "losses"
RECIPE = Recipe(name="toy", datasets=("toy",), patch=8, batch=3, steps=5, learning_rate=1e-3, checkpoint_every=1)
BICUBIC = DegradationSpec(name="bicubic", apply=lambda hr, scale, _: imresize(hr, scale=1 / scale), stochastic=False)


def oracle(name):
    """The arrays of an oracle as tensors."""
    with np.load(ORACLES / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays.files}


def assert_equal_to(value, wanted):
    """Assert that values agree to 1e-6 of the largest element."""
    torch.testing.assert_close(value, wanted, rtol=1e-6, atol=1e-6 * wanted.abs().max().item())


def assert_gradients(value, of, wanted):
    """Assert the gradients of a loss, one for each of the tensors ``of``."""
    for gradient, expected in zip(torch.autograd.grad(value, of), wanted, strict=True):
        assert_equal_to(gradient, expected)


def _spec(name, build, taps):
    scales = frozenset({2, 3, 4})
    return ArchitectureSpec(name=name, build=build, scales=scales, taps=taps, input_range=255.0)


def edsr(width=8, depth=2):
    """A narrow and shallow EDSR that taps its blocks."""
    taps = tuple(f"body.{block}" for block in range(depth))
    return _spec(f"edsr_{width}_{depth}", partial(EDSR, n_resblocks=depth, n_feats=width), taps)


def rcan(width=12, groups=3):
    """A narrow and shallow RCAN that taps its groups."""
    build = partial(RCAN, n_resgroups=groups, n_resblocks=1, n_feats=width, reduction=4)
    return _spec(f"rcan_{width}_{groups}", build, tuple(f"body.{group}" for group in range(groups)))


PAIRS = {
    "equal": (edsr(), edsr()),
    "wider teacher": (edsr(), edsr(width=12)),
    "deeper teacher": (edsr(), edsr(depth=3)),
    "RCAN": (rcan(width=8, groups=2), rcan()),
    "RCAN to EDSR": (edsr(), rcan()),
}
"""Student and teacher of different widths, depths and families."""


def setup(student, *teachers, scale=2, recipe=RECIPE):
    """Make the setup of a distiller, with the same weights every time."""
    torch.manual_seed(0)
    return Setup(
        student=build_network(student, scale),
        teachers=tuple(Network(t, t.network(scale).eval().requires_grad_(False)) for t in teachers),
        scales=(scale,),
        recipe=recipe,
        losses={"l1": F.l1_loss},
        device=torch.device("cpu"),
        build=lambda name: build_network(student, scale),
    )


def optimisers_of(phase, rate=1e-3):
    """Return Adam for each optimiser of a phase."""
    return {
        name: Optimiser(
            torch.optim.Adam([p for module in modules for p in module.parameters()], rate),
            torch.autograd.backward,
            lambda optimiser: optimiser.step(),
        )
        for name, modules in phase.optimise.items()
    }


def drawn_imagenet_network(name, folder):
    """Draw weights for a network of torchvision.

    Returns:
        Its convolutional layers, and a safetensors file of their weights in ``folder``.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        features = getattr(models, name)(weights=None).features
    weights = {key: torch.empty(weight.shape) for key, weight in features.state_dict().items()}
    for key, weight in weights.items():
        weight.normal_(std=math.sqrt(2 / weight[0].numel()) if key.endswith("weight") else 0.1, generator=generator)
    features.load_state_dict(weights, assign=True)
    file = folder / f"{name}.safetensors"
    save_file({f"features.{key}": weight for key, weight in weights.items()}, file)
    return features.requires_grad_(requires_grad=False), file


def batch(scale=2, seed=0, step=0):
    """Three patches of 8 x 8 pixels."""
    hr = photograph(3, 3, 8 * scale, 8 * scale, seed=seed)
    generator = torch.Generator().manual_seed(step)
    return Batch(F.avg_pool2d(hr, scale), hr, scale, step, RECIPE.steps, generator)


def trained(distiller, folder, *, stop=lambda: False):
    """Train by the framework, which asserts gradients and frozen teachers.

    Returns:
        The report and the student's weights.
    """
    given = distiller.setup
    images = [np.uint8(255 * photograph(1, 3, 48, 48, seed=n)[0].permute(1, 2, 0).numpy()) for n in range(3)]
    decoded = TrainingImages(folder / "cache", images)

    aligned = AlignedImages([decoded], given.scales, BICUBIC, luma=given.student.spec.channels == "y")

    def data(index, phase, length):
        return source_for(given.recipe, phase, aligned, index=index, length=length, seed=1)

    oversight = Oversight(stop=stop)
    report = train(distiller, data, seed=1, checkpoints=folder / "checkpoints", oversight=oversight)
    return report, {name: w.detach().clone() for name, w in given.student.module.state_dict().items()}


def assert_resumes_to_the_same_bits(make, folder, after=2):
    """A training that was stopped after its second step and taken up by a new process ends with the same bits.

    Args:
        make: Gives a new distiller with a new student.
        folder: Empty.
        after: Another step than the second.
    """
    whole = make()
    _, wanted = trained(whole, folder / "whole")
    asked = iter(range(10))
    with pytest.raises(TrainingInterrupted):
        trained(make(), folder / "parts", stop=lambda: next(asked) == after - 1)
    resumed = make()
    report, found = trained(resumed, folder / "parts")
    assert report.resumed_at == after
    assert all(torch.equal(found[name], weight) for name, weight in wanted.items())
    state = resumed.state_dict()
    assert all(torch.equal(state[name], value) for name, value in whole.state_dict().items())


class Gives:
    """A network that returns one output, for every input."""

    def __init__(self, output):
        self.output = output

    def __call__(self, *_given):
        return self.output

    def answer(self, output, target):
        return output
