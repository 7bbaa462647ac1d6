"""The losses are Real-ESRGAN's, and student and discriminator learn in turn, each by its own losses alone."""

import math
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import fsrcnn
from srbench_plugins.distillers import gan
from srbench_plugins.distillers.gan import GAN, LAYER_WEIGHTS
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
from srbench.distilling.discriminators import UNetDiscriminator
from srbench.distilling.encoders import untrained, vgg19
from srbench.distilling.perceptual import perceptual
from srbench.errors import UnavailableError
from srbench.imaging.filtering import sharpen

CPU = torch.device("cpu")
SPECS = {spec.name: spec for spec in gan.register_distillers()}
FSRCNN = fsrcnn.register_architectures()[1]
ON_TRAINED = RECIPE.model_copy(update={"start_from": "edsr.tag"})


@pytest.fixture
def narrow(monkeypatch):
    """A small discriminator, which is fast to train and to save."""
    monkeypatch.setattr(gan, "UNetDiscriminator", partial(UNetDiscriminator, width=8))


def both(method):
    """The optimisers of the stage with the adversary."""
    return optimisers_of(method.phases()[-1])


# --- the losses ---------------------------------------------------------------------------------------------------


def test_features_are_compared_by_the_published_weights():
    one, other = ([torch.full((1, 2, 3, 3), float(n * k)) for n in range(1, 6)] for k in (1, 2))
    assert perceptual(one, other, LAYER_WEIGHTS).item() == pytest.approx(0.1 * 1 + 0.1 * 2 + 3 + 4 + 5)


@pytest.fixture
def imagenet(tmp_path, monkeypatch):
    """Let VGG19 have weights that are drawn."""
    file = drawn_imagenet_network("vgg19", tmp_path)[1]
    monkeypatch.setattr("srbench.distilling.encoders.find_vgg19", lambda: file)


def test_without_the_weights_it_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError, match=r"The perceptual loss has no VGG19 weights .*`srbench fetch vgg19`"):
        SPECS["gan_vgg"].build(setup(edsr()))


# --- the training -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("imagenet")
def test_the_students_terms_are_those_of_its_image_and_the_discriminators_of_both_apart():
    method, patches = SPECS["gan_vgg"].build(setup(edsr())), batch()
    critic = method.adversary.discriminator.eval()  # without the norm's own steps, so that terms can be computed again
    sr = method.setup.student(patches.lr, 2)
    seen, wanted = (vgg19(CPU)(images) for images in (sr, patches.hr))
    with torch.no_grad():
        weights = (0.1, 0.1, 1, 1, 1)
        expected = {
            "l1": F.l1_loss(sr, patches.hr),
            "perceptual": sum(w * (a - b).abs().mean() for w, a, b in zip(weights, seen, wanted, strict=True)),
            "adversarial": 0.1 * F.softplus(-critic(sr)).mean(),
            "real": F.softplus(-critic(patches.hr)).mean(),
            "fake": F.softplus(critic(sr)).mean(),
        }
    found = method.step(patches, both(method), lambda: patches)
    assert found.keys() == expected.keys()
    for name, term in expected.items():
        torch.testing.assert_close(found[name].detach(), term)


@pytest.mark.usefixtures("narrow")
def test_a_discriminator_learns_to_recognise_blurred_images():
    method, patches = GAN(setup(edsr())), batch()
    optimisers = both(method)
    optimisers["student"].step = lambda: None
    terms = [method.step(patches, optimisers, lambda: patches) for _ in range(60)]
    first, last = (sum(found[name].item() for name in ("real", "fake")) for found in (terms[0], terms[-1]))
    assert first == pytest.approx(2 * math.log(2), rel=0.1)
    assert last < 0.2 * first


def test_sharpened_targets_are_for_all_but_the_discriminator():
    method, patches = GAN(setup(edsr()), encoder=untrained, sharpened=True), batch()
    sharp, seen = sharpen(patches.hr), []
    assert not torch.allclose(sharp, patches.hr, atol=0.01)
    sr = method.setup.student(patches.lr, 2).detach()
    torch.testing.assert_close(method.losses(patches)["l1"].detach(), F.l1_loss(sr, sharp))
    method.adversary.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    found = method.step(patches, both(method), lambda: patches)
    torch.testing.assert_close(found["l1"].detach(), F.l1_loss(sr, sharp))
    encode = untrained(CPU)
    torch.testing.assert_close(found["perceptual"].detach(), perceptual(encode(sr), encode(sharp), LAYER_WEIGHTS))
    for images, wanted in zip(seen, (sr, patches.hr, sr), strict=True):
        assert torch.equal(images, wanted)


def test_the_network_learns_alone_first_and_slower_with_the_adversary():
    method = GAN(setup(edsr()))
    alone, together = method.phases()
    assert (alone.share, together.share) == (1000, 400)
    assert together.learning_rate == dict.fromkeys(("student", "discriminator"), RECIPE.learning_rate / 2)
    assert method.losses(batch()).keys() == {"l1"}
    assert "No features are compared" in method.notes[0]


def test_a_network_that_starts_from_other_weights_meets_the_adversary_at_once():
    method = GAN(setup(edsr(), recipe=ON_TRAINED))
    (together,) = method.phases()
    assert set(together.learning_rate.values()) == {RECIPE.learning_rate}
    assert "all steps are adversarial" in method.notes[-1]


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("student", [edsr(), FSRCNN], ids=["rgb", "luma"])
def test_it_trains_both_and_leaves_a_student_as_it_is_built(student, tmp_path):
    method = GAN(setup(student), encoder=untrained)
    critic = [p.detach().clone() for p in method.adversary.discriminator.parameters()]
    own = {name: w.shape for name, w in method.setup.student.module.state_dict().items()}
    report, learnt = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "perceptual", "adversarial", "real", "fake"}
    assert all(math.isfinite(value) for value in report.terms.values())
    assert all(not torch.equal(a, b) for a, b in zip(critic, method.adversary.discriminator.parameters(), strict=True))
    assert {name: w.shape for name, w in learnt.items()} == own


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("recipe", [RECIPE, ON_TRAINED], ids=["alone first", "at once"])
def test_a_stopped_training_ends_with_the_same_bits(recipe, tmp_path):
    assert_resumes_to_the_same_bits(lambda: GAN(setup(edsr(), recipe=recipe)), tmp_path)


def test_each_parameter_belongs_to_one_of_two_optimisers():
    method = GAN(setup(edsr()))
    optimised = method.phases()[-1].optimise
    held = [id(p) for modules in optimised.values() for module in modules for p in module.parameters()]
    everything = [*method.setup.student.module.parameters(), *method.parameters()]
    assert sorted(held) == sorted(id(p) for p in everything if p.requires_grad)


def test_an_encoder_is_not_kept_with_the_training():
    assert set(GAN(setup(edsr()), encoder=untrained).state_dict()) == {
        f"adversary.discriminator.{name}" for name in UNetDiscriminator().state_dict()
    }
