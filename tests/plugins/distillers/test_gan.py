"""The discriminator is Real-ESRGAN's, and it and the student learn in turn, each by its own losses alone."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures import fsrcnn
from srbench_plugins.distillers import gan
from srbench_plugins.distillers.gan import GAN, Adversary, Discriminator, perceptual
from torch import nn
from torch.nn import functional as F

from helpers.distilling import (
    RECIPE,
    assert_resumes_to_the_same_bits,
    batch,
    drawn_imagenet_network,
    edsr,
    setup,
    trained,
)
from srbench.distilling.distiller import Optimiser
from srbench.distilling.encoders import untrained, vgg19
from srbench.errors import TrainingError, UnavailableError
from srbench.imaging.filtering import sharpen
from srbench.testing import photograph

CPU = torch.device("cpu")
SPECS = {spec.name: spec for spec in gan.register_distillers()}
FSRCNN = fsrcnn.register_architectures()[1]
ON_TRAINED = RECIPE.model_copy(update={"start_from": "edsr.tag"})


@pytest.fixture
def narrow(monkeypatch):
    """A small discriminator, which is fast to train and to save."""
    monkeypatch.setattr(gan, "Discriminator", partial(Discriminator, width=8))


def both(method, rate=1e-3):
    """The optimisers of the stage with the adversary."""
    optimised = method.phases()[-1].optimise
    return {
        name: Optimiser(
            torch.optim.Adam([p for module in modules for p in module.parameters()], rate),
            torch.autograd.backward,
            lambda optimiser: optimiser.step(),
        )
        for name, modules in optimised.items()
    }


# --- the discriminator --------------------------------------------------------------------------------------------


def test_the_discriminator_has_the_releases_parameters_and_keys():
    network = Discriminator()
    assert sum(p.numel() for p in network.parameters()) == 4_376_897
    normed = [f"conv{n}.{key}" for n in range(1, 9) for key in ("weight_orig", "weight_u", "weight_v")]
    plain = [f"conv{n}.{key}" for n in (0, 9) for key in ("weight", "bias")]
    assert set(network.state_dict()) == {*normed, *plain}
    assert network.conv3.weight_orig.shape == (512, 256, 4, 4)
    assert network.conv4.weight_orig.shape == (256, 512, 3, 3)


def test_its_output_is_that_of_the_layers_one_by_one():
    network, images = Discriminator(width=4), photograph(2, 3, 16, 24)
    for _ in range(3):
        network(images)  # finds the norms
    network.eval()
    state = network.state_dict()

    def through(maps, number, stride=1):
        weight = state[f"conv{number}.weight_orig"]
        weight = weight / (state[f"conv{number}.weight_u"] @ weight.flatten(1) @ state[f"conv{number}.weight_v"])
        maps = F.conv2d(maps, weight, stride=stride, padding=1)
        return torch.maximum(maps, 0.2 * maps)

    def doubled(maps):
        return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)

    with torch.no_grad():
        x0 = F.conv2d(images, state["conv0.weight"], state["conv0.bias"], padding=1)
        x0 = torch.maximum(x0, 0.2 * x0)
        x1 = through(x0, 1, 2)
        x2 = through(x1, 2, 2)
        x3 = through(x2, 3, 2)
        x4 = through(doubled(x3), 4) + x2
        x5 = through(doubled(x4), 5) + x1
        x6 = through(doubled(x5), 6) + x0
        wanted = F.conv2d(through(through(x6, 7), 8), state["conv9.weight"], state["conv9.bias"], padding=1)
        torch.testing.assert_close(network(images), wanted)


@pytest.mark.parametrize(("bias", "logit"), [(1.0, 4.0), (-1.0, -0.008333312)])
def test_on_layers_that_pass_on_what_they_are_given_its_output_is_counted_by_hand(bias, logit):
    network = Discriminator(width=8)
    with torch.no_grad():
        network.conv0.weight.zero_()
        network.conv0.bias.fill_(bias)
        for number in range(1, 9):
            weight = getattr(network, f"conv{number}").weight_orig
            weight.zero_()
            for channel in range(8):
                weight[channel, channel, 1, 1] = 7.0  # the norm takes the 7 away
        network.conv9.weight.zero_()
        network.conv9.weight[0, :, 1, 1] = 1 / 8
        network.conv9.bias.zero_()
        # 1: skips add one each; -1: a fifth at each activation, 1/5, 1/25, … and the skips in between
        found = network(photograph(1, 3, 16, 16))
    torch.testing.assert_close(found, torch.full((1, 1, 16, 16), logit))


def test_every_layer_between_the_first_and_the_last_is_normed_to_one():
    network, images = Discriminator(width=4), photograph(1, 3, 8, 8)
    with torch.no_grad():
        for _ in range(300):
            network(images)
    for number in range(1, 9):
        largest = torch.linalg.matrix_norm(getattr(network, f"conv{number}").weight.flatten(1), 2)
        assert largest.item() == pytest.approx(1, rel=0.01)


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.sampled_from([1, 3]))
def test_images_of_any_size_have_a_logit_for_every_pixel(height, width, colours):
    assert Discriminator(colours, width=2)(torch.rand(1, colours, height, width)).shape == (1, 1, height, width)


def test_patches_that_are_too_small_are_refused_in_a_sentence():
    with pytest.raises(
        TrainingError, match=r"takes patches of 8 pixels a side, and those of hr have 7; raise the recipe's patch\."
    ):
        Discriminator(width=2)(torch.rand(1, 3, 7, 9))


def test_half_precision_around_it_still_lets_it_learn():
    network, images = Discriminator(width=4), photograph(1, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        term = gan._entropy(network(images), real=True)
    term.backward()
    assert term.dtype == torch.float32
    assert all(p.grad.any() for p in network.parameters())
    for buffer in network.buffers():
        assert (buffer.dtype, buffer.norm().item()) == (torch.float32, pytest.approx(1, abs=0.01))


# --- the losses ---------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.booleans())
def test_the_entropy_is_torchs_on_probabilities(seed, real):
    logits = 3 * torch.randn(2, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    wanted = nn.BCELoss()(logits.sigmoid(), torch.full_like(logits, real))
    torch.testing.assert_close(gan._entropy(logits, real=real), wanted)


def test_undecided_logits_have_the_entropy_of_a_coin():
    assert gan._entropy(torch.zeros(1, 1, 2, 2), real=True).item() == pytest.approx(math.log(2))


def test_features_are_compared_by_the_published_weights():
    one, other = ([torch.full((1, 2, 3, 3), float(n * k)) for n in range(1, 6)] for k in (1, 2))
    assert perceptual(one, other).item() == pytest.approx(0.1 * 1 + 0.1 * 2 + 3 + 4 + 5)


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


def test_the_students_losses_give_gradients_to_it_alone_and_the_discriminators_to_that_alone():
    method, patches = GAN(setup(edsr())), batch()
    student, critic = method.setup.student.module, method.adversary.discriminator
    optimisers = both(method)
    gradients = {}
    for name, optimiser in optimisers.items():
        other = critic if name == "student" else student
        before = optimiser.step

        def step(name=name, other=other, before=before):
            gradients[name] = [None if p.grad is None else p.grad.clone() for p in other.parameters()]
            before()

        optimiser.step = step
    sr = method.setup.student(patches.lr, 2)
    terms = {"l1": F.l1_loss(sr, patches.hr), "adversarial": 0.1 * F.softplus(-critic.eval()(sr)).mean()}
    wanted = torch.autograd.grad(sum(terms.values()), list(student.parameters()))
    method.step(patches, optimisers, lambda: patches)
    assert gradients["student"] == [None] * len(gradients["student"])
    for mine, theirs in zip(gradients["discriminator"], wanted, strict=True):
        torch.testing.assert_close(mine, theirs)  # of the step before: the discriminator adds nothing
    assert all(p.grad.any() and p.requires_grad for p in critic.parameters())


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
    torch.testing.assert_close(found["perceptual"].detach(), perceptual(encode(sr), encode(sharp)))
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
    assert set(Adversary(setup(edsr()), encoder=untrained).state_dict()) == {
        f"discriminator.{name}" for name in Discriminator().state_dict()
    }
