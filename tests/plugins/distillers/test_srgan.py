"""SRGAN and ESRGAN train by their published terms, and differ in the adversarial one alone."""

import math
from functools import partial

import pytest
import torch
from srbench_plugins.distillers import esrgan, srgan
from torch.nn import functional as F

from helpers.distilling import (
    RECIPE,
    assert_resumes_to_the_same_bits,
    batch,
    drawn_imagenet_network,
    edsr,
    optimisers_of,
    setup,
    trained,
)
from srbench.distilling import discriminators
from srbench.distilling.discriminators import VGGDiscriminator
from srbench.distilling.encoders import untrained, vgg19
from srbench.errors import TrainingError, UnknownNameError
from srbench.testing import violations_of

SPECS = {
    spec.name: spec for module in (srgan, esrgan) for spec in module.register_distillers() if hasattr(spec, "build")
}
FAMILIES = {one.name: one for module in (srgan, esrgan) for one in module.register_distillers() if hasattr(one, "make")}


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A small discriminator, which is fast to train and to save."""
    monkeypatch.setattr(discriminators, "VGGDiscriminator", partial(VGGDiscriminator, width=8))


def made(name):
    """Return a member of a family, such as ``esrgan_with:untrained``."""
    family, _, encoder = name.partition(":")
    return FAMILIES[family].make(encoder, None)


def expected(name, sr, hr, critic, maps, targets):
    """Return all terms by their formulas."""
    real, fake = critic(hr), critic(sr)
    last, target = maps[-1], targets[-1]
    if name == "esrgan":
        ahead, behind = fake - real.mean(), real - fake.mean()
        student = 0.005 * (F.softplus(-ahead) + F.softplus(behind)).mean() / 2
        judged = {"real": F.softplus(-behind).mean() / 2, "fake": F.softplus(ahead).mean() / 2}
    else:
        student = (0.001 if name == "srgan_paper" else 0.005) * F.softplus(-fake).mean()
        judged = {"real": F.softplus(-real).mean(), "fake": F.softplus(fake).mean()}
    if name == "srgan_paper":
        content = {"perceptual": (last.relu() - target.relu()).square().mean() / 12.75**2}
    else:
        content = {"l1": 0.01 * (sr - hr).abs().mean(), "perceptual": (last - target).abs().mean()}
    return {**content, "adversarial": student, **judged}


@pytest.fixture(scope="module")
def vgg19_file(tmp_path_factory):
    """A file of drawn weights of VGG19."""
    return drawn_imagenet_network("vgg19", tmp_path_factory.mktemp("vgg19"))[1]


@pytest.mark.parametrize("name", SPECS)
def test_its_terms_are_the_published_ones(name, vgg19_file, monkeypatch):
    monkeypatch.setattr("srbench.distilling.encoders.find_vgg19", lambda: vgg19_file)
    method, patches = SPECS[name].build(setup(edsr())), batch()
    with torch.no_grad():
        sr, encode = method.setup.student(patches.lr, 2), vgg19(torch.device("cpu"))
        critic = method.adversary.discriminator
        wanted = expected(name, sr, patches.hr, critic, encode(sr), encode(patches.hr))
    found = method.step(patches, optimisers_of(method.phases()[-1], 1e-7), lambda: patches)
    assert found.keys() == wanted.keys()
    for term, value in wanted.items():
        torch.testing.assert_close(found[term].detach(), value)


def test_its_stages_are_those_of_the_release():
    method = made("esrgan_with:untrained").build(setup(edsr()))
    alone, together = method.phases()
    assert (alone.share, together.share) == (1000, 400)
    assert set(together.learning_rate.values()) == {RECIPE.learning_rate / 2}
    assert method.losses(batch()).keys() == {"l1"}
    assert method.ema == 0.999


@pytest.mark.parametrize("name", ["srgan_with:untrained", "esrgan_with:untrained"])
def test_it_trains_student_and_discriminator(name, tmp_path):
    method = made(name).build(setup(edsr()))
    before = [p.detach().clone() for p in method.adversary.discriminator.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "perceptual", "adversarial", "real", "fake"}
    assert all(math.isfinite(value) for value in report.terms.values())
    after = method.adversary.discriminator.parameters()
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    make = made("esrgan_with:untrained").build
    assert_resumes_to_the_same_bits(lambda: make(setup(edsr())), tmp_path, after=4)


def test_a_member_of_a_family_keeps_the_contract_and_says_what_it_compares(catalog):
    spec = catalog.distillers["esrgan_with:untrained"]
    assert violations_of(spec, catalog) == []
    assert "Not the published form" in spec.notes
    sha256 = untrained(torch.device("cpu")).weights_sha256
    assert sha256[:12] in spec.build(setup(edsr())).notes[0]


def test_an_encoder_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"No encoder named 'alexnett'\. Did you mean alexnet\?"):
        made("srgan_with:alexnett")


def test_patches_that_are_too_small_are_refused_in_a_sentence():
    small = RECIPE.model_copy(update={"patch": 3})
    with pytest.raises(TrainingError, match="at least 8 pixels a side, and those of hr have 6; raise the recipe's"):
        made("esrgan_with:untrained").build(setup(edsr(), recipe=small))
