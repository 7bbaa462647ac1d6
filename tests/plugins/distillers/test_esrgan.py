"""ESRGAN is SRGAN with the published relativistic term, and any encoder can take the place of VGG19."""

from functools import partial

import pytest
import torch
from srbench_plugins.distillers import esrgan
from torch.nn import functional as F

from helpers.distilling import (
    assert_resumes_to_the_same_bits,
    batch,
    drawn_imagenet_network,
    edsr,
    optimisers_of,
    setup,
)
from srbench.distilling import discriminators
from srbench.distilling.discriminators import VGGDiscriminator
from srbench.distilling.encoders import untrained, vgg19
from srbench.testing import violations_of

SPEC, FAMILY = esrgan.register_distillers()


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A small discriminator, which is fast to train and to save."""
    monkeypatch.setattr(discriminators, "VGGDiscriminator", partial(VGGDiscriminator, width=8))


def test_its_terms_are_the_published_ones(tmp_path, monkeypatch):
    file = drawn_imagenet_network("vgg19", tmp_path)[1]
    monkeypatch.setattr("srbench.distilling.encoders.find_vgg19", lambda: file)
    method, patches = SPEC.build(setup(edsr())), batch()
    with torch.no_grad():
        sr, encode = method.setup.student(patches.lr, 2), vgg19(torch.device("cpu"))
        real, fake = (method.adversary.discriminator(images) for images in (patches.hr, sr))
        ahead, behind = fake - real.mean(), real - fake.mean()
        wanted = {
            "l1": 0.01 * (sr - patches.hr).abs().mean(),
            "perceptual": (encode(sr)[-1] - encode(patches.hr)[-1]).abs().mean(),
            "adversarial": 0.005 * (F.softplus(-ahead) + F.softplus(behind)).mean() / 2,
            "real": F.softplus(-behind).mean() / 2,
            "fake": F.softplus(ahead).mean() / 2,
        }
    found = method.step(patches, optimisers_of(method.phases()[-1], 1e-7), lambda: patches)
    assert found.keys() == wanted.keys()
    for term, value in wanted.items():
        torch.testing.assert_close(found[term].detach(), value)


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    make = FAMILY.make("untrained", None).build
    assert_resumes_to_the_same_bits(lambda: make(setup(edsr())), tmp_path, after=4)


def test_a_member_of_the_family_keeps_the_contract_and_says_what_it_compares(catalog):
    spec = catalog.distillers["esrgan_with:untrained"]
    assert violations_of(spec, catalog) == []
    assert "Not the published form" in spec.notes
    assert "Not the published form" not in FAMILY.make("vgg19", None).notes
    sha256 = untrained(torch.device("cpu")).weights_sha256
    assert sha256[:12] in spec.build(setup(edsr())).notes[0]
