"""MiPKD mixes features number by number, and either network goes on from the mixture as from its own."""

import pytest
import torch
from srbench_plugins.distillers.mipkd import MiPKD, Mixer, register_distillers, replaced
from torch import Generator, nn

from helpers.distilling import PAIRS, assert_resumes_to_the_same_bits, batch, edsr, setup, trained
from srbench.errors import TrainingError
from srbench.networks.capture import capture
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec

(SPEC,) = register_distillers()
TERMS = {"l1", "logits", "features", "blocks", "autoencoders"}


class Passing(nn.Module):
    """Gives what it takes."""

    def forward(self, features):
        return features


def passing_mixer(width):
    mixer = Mixer(width, width)
    mixer.encode = nn.ModuleList(Passing() for _ in range(2))
    mixer.decode = nn.ModuleList(Passing() for _ in range(2))
    return mixer


def test_every_number_of_a_mixture_is_one_of_the_two_as_often_as_the_other():
    mine, theirs = torch.zeros(2, 4, 50, 50), torch.ones(2, 4, 50, 50)
    for_student, for_teacher = passing_mixer(4)(mine, theirs, Generator().manual_seed(0))
    assert torch.equal(for_student, for_teacher)
    assert for_student.unique().tolist() == [0, 1]
    assert for_student.mean().item() == pytest.approx(0.5, abs=0.02)
    assert for_student.mean(dim=(2, 3)).std() < 0.02  # in every image and channel
    assert passing_mixer(4).autoencoded(mine, theirs) == 0


def test_autoencoders_train_the_mixer_and_not_the_student():
    mixer = Mixer(3, 5)
    mine = torch.rand(1, 3, 6, 6, requires_grad=True)
    mixer.autoencoded(mine, torch.rand(1, 5, 6, 6)).backward()
    assert mine.grad is None
    assert all(p.grad is not None and p.grad.any() for p in mixer.parameters())


@pytest.mark.parametrize("path", ["body.0", "body.1:input", "tail:input"])
def test_a_network_goes_on_from_its_own_features_as_if_nothing_had_been_replaced(path):
    given = setup(*PAIRS["equal"])
    student, lr = given.student, batch().lr
    with torch.no_grad(), capture(student.module, (path,)) as features:
        wanted = student(lr, 2)
    with torch.no_grad(), replaced(student, path, features[path] / 255, 1.0):
        torch.testing.assert_close(student(lr, 2), wanted)
    with torch.no_grad(), replaced(student, path, torch.zeros(3, 8, 2, 2), 1.0):
        assert not torch.allclose(student(lr, 2), wanted)
    with torch.no_grad():
        assert torch.equal(student(lr, 2), wanted)


class Tokens(nn.Module):
    """A network of tokens (N, h*w, C) within."""

    def __init__(self, scale):
        super().__init__()
        self.embed, self.layer = nn.Linear(3, 6), nn.Linear(6, 6)
        self.tail = nn.Sequential(nn.Conv2d(6, 3 * scale**2, 1), nn.PixelShuffle(scale))

    def forward(self, lr):
        tokens = self.layer(self.embed(lr.flatten(2).mT))
        return self.tail(tokens.mT.unflatten(2, lr.shape[2:]))


def test_tokens_are_replaced_as_well():
    spec = ArchitectureSpec(name="tokens", build=Tokens, scales=frozenset({2}), taps=("layer",))
    network = Network(spec, Tokens(2))
    lr = torch.rand(2, 3, 4, 6)
    with torch.no_grad(), capture(network.module, ("layer",)) as features:
        wanted = network(lr, 2)
    maps = features["layer"].mT.unflatten(2, (4, 6))
    with torch.no_grad(), replaced(network, "layer", maps, 4 / 6):
        torch.testing.assert_close(network(lr, 2), wanted)
    method = MiPKD(setup(spec, edsr()))
    assert all(term.isfinite() for term in method.losses(batch()).values())


def test_both_networks_go_on_from_every_tap_in_turn(monkeypatch):
    method = MiPKD(setup(*PAIRS["RCAN to EDSR"]))
    seen = set()

    def watched(network, path, maps, aspect):
        seen.add((network.spec.name, path))
        return replaced(network, path, maps, aspect)

    monkeypatch.setattr("srbench_plugins.distillers.mipkd.replaced", watched)
    for step in range(24):
        method.losses(batch(step=step))
    student, teacher = (network.spec.name for network in (method.setup.student, method.setup.teacher))
    assert seen == {pair for mine, theirs in method.features.pairs for pair in ((student, mine), (teacher, theirs))}


def test_a_mixture_is_what_the_student_is_asked_for_too():
    method = MiPKD(setup(*PAIRS["wider teacher"]))
    terms = method.losses(batch())
    assert set(terms) == TERMS
    weights = list(method.setup.student.module.parameters())
    for name in ("features", "blocks"):
        gradients = torch.autograd.grad(terms[name], weights, retain_graph=True, allow_unused=True)
        assert any(gradient is not None and gradient.any() for gradient in gradients)


@pytest.mark.parametrize("pair", PAIRS)
def test_it_trains_students_of_any_width_depth_and_family(pair, tmp_path):
    method = SPEC.build(setup(*PAIRS[pair]))
    before = [p.detach().clone() for p in method.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == TERMS
    assert all(value > 0 for value in report.terms.values())
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPEC.build(setup(*PAIRS["RCAN to EDSR"])), tmp_path)


def test_without_a_teacher_it_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        SPEC.build(setup(edsr()))
