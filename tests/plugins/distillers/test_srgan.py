"""SRGAN trains by BasicSR's terms or by its paper's, in two stages."""

import math
from functools import partial

import pytest
import torch
from srbench_plugins.distillers import srgan
from torch.nn import functional as F

from helpers.distilling import RECIPE, batch, drawn_imagenet_network, edsr, optimisers_of, setup, trained
from srbench.distilling import discriminators
from srbench.distilling.discriminators import VGGDiscriminator
from srbench.distilling.encoders import vgg19
from srbench.errors import TrainingError, UnknownNameError

*SPECS, FAMILY = srgan.register_distillers()


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A small discriminator, which is fast to train and to save."""
    monkeypatch.setattr(discriminators, "VGGDiscriminator", partial(VGGDiscriminator, width=8))


@pytest.fixture(scope="module")
def vgg19_file(tmp_path_factory):
    """A file of drawn weights of VGG19."""
    return drawn_imagenet_network("vgg19", tmp_path_factory.mktemp("vgg19"))[1]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_its_terms_are_those_of_its_source(spec, vgg19_file, monkeypatch):
    monkeypatch.setattr("srbench.distilling.encoders.find_vgg19", lambda: vgg19_file)
    method, patches = spec.build(setup(edsr())), batch()
    with torch.no_grad():
        sr, encode = method.setup.student(patches.lr, 2), vgg19(torch.device("cpu"))
        real, fake = (method.adversary.discriminator(images) for images in (patches.hr, sr))
        features, target = (encode(images)[-1] for images in (sr, patches.hr))
        judged = {"real": F.softplus(-real).mean(), "fake": F.softplus(fake).mean()}
        wanted = {
            "srgan": {
                "l1": 0.01 * (sr - patches.hr).abs().mean(),
                "perceptual": (features - target).abs().mean(),
                "adversarial": 0.005 * F.softplus(-fake).mean(),
            },
            "srgan_paper": {
                "perceptual": (features.relu() - target.relu()).square().mean() / 12.75**2,
                "adversarial": 0.001 * F.softplus(-fake).mean(),
            },
        }[spec.name] | judged
    found = method.step(patches, optimisers_of(method.phases()[-1], 1e-7), lambda: patches)
    assert found.keys() == wanted.keys()
    for term, value in wanted.items():
        torch.testing.assert_close(found[term].detach(), value)


def test_its_stages_are_those_of_the_release():
    method = FAMILY.make("untrained", None).build(setup(edsr()))
    alone, together = method.phases()
    assert (alone.share, together.share) == (1000, 400)
    assert set(together.learning_rate.values()) == {RECIPE.learning_rate / 2}
    assert method.losses(batch()).keys() == {"l1"}
    assert method.ema == 0.999


def test_it_trains_student_and_discriminator(tmp_path):
    method = FAMILY.make("untrained", None).build(setup(edsr()))
    before = [p.detach().clone() for p in method.adversary.discriminator.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "perceptual", "adversarial", "real", "fake"}
    assert all(math.isfinite(value) for value in report.terms.values())
    after = method.adversary.discriminator.parameters()
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_an_encoder_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"No encoder named 'alexnett'\. Did you mean alexnet\?"):
        FAMILY.make("alexnett", None)


def test_patches_that_are_too_small_are_refused_in_a_sentence():
    small = RECIPE.model_copy(update={"patch": 3})
    with pytest.raises(TrainingError, match="at least 8 pixels a side, and those of hr have 6; raise the recipe's"):
        FAMILY.make("untrained", None).build(setup(edsr(), recipe=small))
