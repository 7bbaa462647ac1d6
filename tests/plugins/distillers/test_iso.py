"""Modulated networks are trained image by image, where the distiller says so."""

import pytest
import torch
from srbench_plugins.architectures.ikm import ModulatedConv2d
from srbench_plugins.distillers.iso import ImageSpecific
from torch import nn

from srbench.catalog.catalog import load_catalog
from srbench.distilling.distiller import Batch, Distiller, Setup
from srbench.errors import TrainingError
from srbench.networks.network import Network
from srbench.recipe import Recipe
from srbench.testing import photograph, violations_of


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


def setup_of(shelf, name):
    torch.manual_seed(0)
    return Setup(
        student=Network(shelf[name], shelf[name].network(2)),
        teachers=(),
        scales=(2,),
        recipe=Recipe(name="test", datasets=("none",), steps=10),
        losses={"l1": nn.functional.l1_loss},
        device=torch.device("cpu"),
        build=lambda name: Network(shelf[name], shelf[name].network(2)),
    )


def gradients(distiller):
    hr = photograph(4, 3, 32, 32)
    batch = Batch(lr=hr[..., ::2, ::2], hr=hr, wanted=2, step=0, steps=10, generator=torch.Generator())
    terms = distiller.losses(batch)
    terms["l1"].backward()
    module = distiller.setup.student.module
    kernels = {f"{path}.weight" for path, m in module.named_modules() if isinstance(m, ModulatedConv2d)}
    return terms["l1"].item(), kernels, {name: p.grad for name, p in module.named_parameters()}


def test_the_loss_is_the_same_and_only_the_modulated_kernels_learn_otherwise(shelf):
    plain, _, slopes = gradients(Distiller(setup_of(shelf, "ikm:edsr_small")))
    loss, kernels, image_specific = gradients(ImageSpecific(setup_of(shelf, "ikm:edsr_small")))
    assert loss == pytest.approx(plain, rel=1e-5)
    assert kernels
    for name, gradient in image_specific.items():
        scale = slopes[name].abs().max()
        # factors are about 1.5, and the loss is a mean over four images
        close = torch.allclose(gradient, slopes[name] / (6 if name in kernels else 1), atol=0.1 * scale.item())
        assert close
        assert torch.allclose(gradient, slopes[name], atol=1e-4 * scale.item()) == (name not in kernels)


def test_a_network_that_is_not_modulated_is_not_trained_so(shelf):
    with pytest.raises(TrainingError, match="train ikm:edsr_small instead"):
        ImageSpecific(setup_of(shelf, "edsr_small"))


def test_it_keeps_the_contract_of_a_distiller():
    catalog = load_catalog(strict=True)
    assert violations_of(catalog.distillers["iso"], catalog) == []
