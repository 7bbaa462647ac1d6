"""MKDSR's KRNets learn by the derivative of the loss after a step of the student."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.distillers import mkdsr
from srbench_plugins.distillers.mkdsr import MKDSR, KRNet, Options, correlation, knowledge_distance, textures
from torch import nn
from torch.nn import functional as F

from helpers.distilling import (
    PAIRS,
    RECIPE,
    assert_equal_to,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    setup,
    trained,
)
from srbench.distilling.distiller import Batch, Optimiser
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec

SPECS = {spec.name: spec for spec in mkdsr.register_distillers()}


class Curved(nn.Module):
    """Smooth in its weights, so that differences have the derivative as their limit."""

    def __init__(self, scale, width):
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.Tanh())
        self.tail = nn.Sequential(nn.Conv2d(width, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr):
        return self.tail(self.body(torch.tanh(self.head(lr))))


def curved(width):
    build = partial(Curved, width=width)
    return ArchitectureSpec(name="curved", build=build, scales=frozenset({2}), taps=("head", "body"))


def doubles(method):
    """The method with its networks in double precision."""
    for module in (method, method.setup.student.module, method.setup.teacher.module):
        module.double()
    return method


def patches(seed):
    found = batch(seed=seed)
    return Batch(found.lr.double(), found.hr.double(), 2, 0, 1, found.generator)


class Recorded(Optimiser):
    """Keeps gradients, and trains nothing."""

    def __init__(self, parameters):
        super().__init__(torch.optim.SGD(parameters, 0.0), torch.autograd.backward, lambda raw: None)


def slopes(method):
    """The gradients that a step gives to the KRNets and to the student."""
    optimisers = {
        name: Recorded([p for member in members for p in member.parameters()])
        for name, members in method.phases()[0].optimise.items()
    }
    method.step(patches(1), optimisers, lambda: patches(2))
    parts = method.krnets.parameters(), method.setup.student.module.parameters()
    krnets, student = (torch.cat([p.grad.flatten() for p in part]) for part in parts)
    return method.options.inner_rate * method.options.weight * krnets, student


def outer_loss(method):
    """The loss on other patches after a step on these, by copying weights instead of differentiating through them."""
    module, first, second = method.setup.student.module, patches(1), patches(2)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    sr, learnt = method.features.of_student(first.lr, 2)
    _, known = method.features.of_teacher(first.lr, 2)
    pairs = method.features.matched(learnt, known)
    kernels = [krnet(*pair) for krnet, pair in zip(method.krnets, pairs, strict=True)]
    knowledge = knowledge_distance(pairs, kernels, method.options.distance)
    inner = method.setup.losses["l1"](sr, first.hr) + method.options.weight * knowledge
    gradients = torch.autograd.grad(inner, list(module.parameters()))
    with torch.no_grad():
        for p, g in zip(module.parameters(), gradients, strict=True):
            p.sub_(method.options.inner_rate * g)
        loss = method.setup.losses["l1"](method.setup.student(second.lr, 2), second.hr).item()
        for name, p in module.named_parameters():
            p.copy_(before[name])
    return loss


def smooth_setup():
    given = setup(curved(5), curved(7))
    given.losses["l1"] = F.mse_loss
    return given


@pytest.mark.parametrize("distance", ["l1", "l2"])
@pytest.mark.parametrize("across", [False, True])
def test_the_krnets_gradient_is_the_derivative_of_the_loss_after_the_step(distance, across):
    options = Options(distance=distance, across=across, weight=3.0, inner_rate=0.5, hidden=6, kernels=2)
    method = doubles(MKDSR(smooth_setup(), options=options))
    found, _ = slopes(method)
    generator = torch.Generator().manual_seed(0)
    at = nn.utils.parameters_to_vector(method.krnets.parameters()).detach()
    way = torch.randn(at.shape, dtype=torch.float64, generator=generator)
    losses = []
    for moved in (at + 1e-5 * way, at - 1e-5 * way):
        nn.utils.vector_to_parameters(moved, method.krnets.parameters())
        losses.append(outer_loss(method))
    assert (losses[0] - losses[1]) / 2e-5 == pytest.approx((way @ found).item(), rel=1e-3)


def test_without_second_derivatives_the_gradient_is_nearly_the_same():
    given = partial(Options, distance="l2", weight=3.0, inner_rate=0.5)
    exact, student = slopes(doubles(MKDSR(smooth_setup(), options=given())))
    near, same = slopes(doubles(MKDSR(smooth_setup(), options=given(second_order=False, radius=1e-3))))
    assert_equal_to(same, student)
    assert (near - exact).norm() < 1e-3 * exact.norm()


def test_absolute_differences_give_about_the_same_direction_without_second_derivatives():
    given = partial(Options, weight=3.0, inner_rate=0.5)
    exact, _ = slopes(doubles(MKDSR(smooth_setup(), options=given())))
    near, _ = slopes(doubles(MKDSR(smooth_setup(), options=given(second_order=False))))
    assert F.cosine_similarity(near, exact, dim=0) > 0.5


def test_the_student_is_trained_on_its_loss_and_the_knowledge_alone():
    method = doubles(MKDSR(smooth_setup(), options=Options(weight=2.0)))
    _, found = slopes(method)
    first = patches(1)
    sr, learnt = method.features.of_student(first.lr, 2)
    _, known = method.features.of_teacher(first.lr, 2)
    pairs = method.features.matched(learnt, known)
    with torch.no_grad():
        kernels = [krnet(*pair) for krnet, pair in zip(method.krnets, pairs, strict=True)]
    loss = F.mse_loss(sr, first.hr) + 2 * knowledge_distance(pairs, kernels)
    wanted = torch.autograd.grad(loss, list(method.setup.student.module.parameters()))
    assert_equal_to(found, torch.cat([g.flatten() for g in wanted]))


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_textures_are_convolutions_with_each_images_own_kernels(across, size):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 4, 6, 5, dtype=torch.float64, generator=generator)
    rows, elements = (1, 4 * size**2) if across else (4, size**2)
    kernels = torch.randn(2, rows, 3, elements, dtype=torch.float64, generator=generator)
    found = textures(features, kernels).unflatten(-1, (6, 5))
    for image in range(2):
        for row in range(rows):
            channels = features[image : image + 1] if across else features[image : image + 1, row : row + 1]
            bank = kernels[image, row].reshape(3, -1, size, size)
            wanted = F.conv2d(channels, bank, padding=size // 2)[0]
            assert_equal_to(found[image, row], wanted)


def test_knowledge_is_the_difference_of_textures_summed_over_taps():
    pairs = [tuple(torch.randn(2, 4, 6, 6, dtype=torch.float64) for _ in range(2)) for _ in range(2)]
    kernels = [torch.randn(2, 4, 3, 9, dtype=torch.float64) for _ in range(2)]
    gaps = [textures(mine, k) - textures(theirs, k) for (mine, theirs), k in zip(pairs, kernels, strict=True)]
    assert_equal_to(knowledge_distance(pairs, kernels), sum(gap.abs().mean() for gap in gaps))
    assert_equal_to(knowledge_distance(pairs, kernels, "l2"), sum(gap.square().mean() for gap in gaps))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.01, 100), st.booleans())
def test_kernels_depend_on_no_unit_and_their_magnitudes_sum_to_one(seed, factor, across):
    torch.manual_seed(seed)
    krnet = KRNet(4, Options(across=across)).double()
    mine, theirs = (torch.randn(3, 4, 5, 5, dtype=torch.float64) + 0.3 for _ in range(2))
    kernels = krnet(mine, theirs)
    assert_equal_to(kernels.abs().sum(dim=-1), torch.ones(3, 1 if across else 4, 4, dtype=torch.float64))
    assert_equal_to(krnet(factor * mine, factor * theirs), kernels)
    assert not torch.equal(kernels[0], kernels[1])
    assert not torch.equal(krnet(theirs, mine), kernels)


def test_correlation_is_pearsons():
    one, other = (torch.randn(1, 2, 50, dtype=torch.float64) for _ in range(2))
    wanted = [torch.corrcoef(torch.stack([one[0, c], other[0, c]]))[0, 1] for c in range(2)]
    assert_equal_to(correlation(one, other)[0], torch.stack(wanted))
    assert correlation(one, -3 * one + 1)[0].tolist() == pytest.approx([-1, -1])


def test_flat_features_have_finite_kernels_and_gradients():
    krnet = KRNet(2, Options())
    kernels = krnet(torch.zeros(1, 2, 4, 4), torch.ones(1, 2, 4, 4))
    kernels.square().sum().backward()
    assert kernels.isfinite().all()
    assert all(p.grad.isfinite().all() for p in krnet.parameters())


@pytest.mark.parametrize(
    ("build", "pair"),
    [
        *((SPECS["mkdsr"].build, pair) for pair in PAIRS),
        (SPECS["mkdsr_first_order"].build, "RCAN to EDSR"),
        (partial(MKDSR, options=Options(across=True, size=1, distance="l2", outer_rate=1e-2)), "RCAN to EDSR"),
    ],
)
def test_it_trains_students_of_any_width_depth_and_family(build, pair, tmp_path):
    method = build(setup(*PAIRS[pair]))
    before = [p.detach().clone() for p in method.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "knowledge", "outer"}
    assert all(math.isfinite(value) and value > 0 for value in report.terms.values())
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_krnets_learn_at_a_rate_of_their_own():
    given = setup(*PAIRS["equal"])
    rates = [MKDSR(given, options=Options(outer_rate=rate)).phases()[0].learning_rate for rate in (None, 0.5)]
    assert rates == [{"main": 1e-3, "krnets": 1e-3}, {"main": 1e-3, "krnets": 0.5}]


def test_krnets_come_to_find_what_helps(tmp_path):
    """On one pair of batches, over and over, the loss after the step falls, though the student stands still."""
    method = doubles(MKDSR(smooth_setup(), options=Options(weight=10.0, inner_rate=1.0)))
    before = outer_loss(method)
    learn = Optimiser(
        torch.optim.Adam(method.krnets.parameters(), 1e-2), torch.autograd.backward, lambda raw: raw.step()
    )
    still = Recorded([*method.setup.student.module.parameters(), *method.features.parameters()])
    for _ in range(15):
        method.step(patches(1), {"main": still, "krnets": learn}, lambda: patches(2))
    assert outer_loss(method) < before


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        return 2 * ctx.saved_tensors[0] * upstream


class Attentive(Curved):
    """Before its body, a layer that is differentiated once, or attention, whose fast form is."""

    def __init__(self, scale, attention):
        super().__init__(scale, 4)
        self.attention = attention

    def forward(self, lr):
        shallow = self.head(lr)
        words = shallow.flatten(2).mT[:, None]
        found = F.scaled_dot_product_attention(words, words, words) if self.attention else Once.apply(words)
        return self.tail(self.body(found[:, 0].mT.reshape(shallow.shape)))


def attentive(attention):
    build = partial(Attentive, attention=attention)
    return ArchitectureSpec(name="attentive", build=build, scales=frozenset({2}), taps=("head", "body"))


def test_attention_is_differentiated_twice(tmp_path):
    report, _ = trained(SPECS["mkdsr"].build(setup(attentive(True), curved(5))), tmp_path)
    assert report.terms["knowledge"] > 0


def test_a_layer_without_second_derivatives_is_refused_and_trained_by_first_ones(tmp_path):
    with pytest.raises(
        TrainingError, match="attentive has a layer without second derivatives; train it with mkdsr_first"
    ):
        trained(SPECS["mkdsr"].build(setup(attentive(False), curved(5))), tmp_path / "second")
    trained(SPECS["mkdsr_first_order"].build(setup(attentive(False), curved(5))), tmp_path / "first")


@pytest.mark.parametrize(
    "wrong",
    [
        {"distance": "l3"},
        {"size": 2},
        {"kernels": 0},
        {"hidden": 0},
        {"inner_rate": 0.0},
        {"outer_rate": 0.0},
        {"weight": 0.0},
    ],
)
def test_a_choice_without_meaning_is_refused(wrong):
    with pytest.raises(TrainingError, match="MKDSR"):
        Options(**wrong)


def test_it_says_that_it_is_a_reconstruction():
    assert all(spec.reconstruction and "from the abstract" in spec.notes for spec in SPECS.values())


@pytest.mark.parametrize("name", SPECS)
def test_a_stopped_training_ends_with_the_same_bits(name, tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS[name].build(setup(edsr(), edsr(width=12))), tmp_path)


def test_half_precision_leaves_it_in_single(tmp_path):
    recipe = RECIPE.model_copy(update={"precision": "bf16"})
    reports = []
    for each in (RECIPE, recipe):
        method = SPECS["mkdsr"].build(setup(*PAIRS["wider teacher"], recipe=each))
        reports.append(trained(method, tmp_path / each.precision)[0])
    assert reports[1].terms == pytest.approx(reports[0].terms, rel=1e-4)
