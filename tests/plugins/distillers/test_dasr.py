"""DASR's contrast is MoCo's, its slow copy follows, its queue remembers, and it trains KDSR's student."""

import dataclasses
import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures.kdsr import KDSR
from srbench_plugins.distillers import dasr
from torch.nn import functional as F

from helpers.distilling import RECIPE, assert_resumes_to_the_same_bits, batch, edsr, setup, trained
from srbench.distilling.spec import LossSpec
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec
from srbench.testing import violations_of

SPEC = dasr.register_distillers()[0]
TINY = ArchitectureSpec(
    name="kdsr_tiny", build=partial(KDSR, n_feats=8, n_blocks=2, n_resblocks=1), scales=frozenset({2, 3, 4})
)


def unit(count, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, width, dtype=torch.float64, generator=generator), dim=1)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))
def test_the_contrast_is_equation_1_written_out(count, others, seed):
    queries, keys, negatives = unit(count, 8, seed), unit(count, 8, seed + 1), unit(others, 8, seed + 2)
    wanted = 0.0
    for query, key in zip(queries, keys, strict=True):
        own = math.exp(query @ key / 0.07)
        wanted -= math.log(own / (own + sum(math.exp(query @ other / 0.07) for other in negatives)))
    assert dasr.contrast(queries, keys, negatives).item() == pytest.approx(wanted / count)


def test_equal_vectors_have_the_entropy_of_chance():
    one = unit(1, 8, 0)
    found = dasr.contrast(one.expand(3, -1), one.expand(3, -1), one.expand(7, -1))
    assert found.item() == pytest.approx(math.log(8))


def test_halves_show_every_pixel_of_a_patch_once():
    lr = torch.arange(2 * 3 * 6 * 6.0).view(2, 3, 6, 6)
    seen = set()
    for seed in range(20):
        first, second = dasr.halves(lr, torch.Generator().manual_seed(seed))
        assert first.shape == second.shape
        assert torch.equal(torch.cat((first.flatten(), second.flatten())).sort().values, lr.flatten())
        seen.add((tuple(first.shape[-2:]), first.flatten()[0].item()))
    assert len(seen) == 4


def test_the_slow_copy_follows_and_the_queue_takes_the_newest_keys():
    method = SPEC.build(setup(TINY))
    for phase in method.phases()[:1]:
        phase.begin()
    assert set(method.losses(batch())) == {"contrast"}
    before, keys = method.queue.clone(), method._keys
    with torch.no_grad():
        for weight in method.student.E_st.parameters():
            weight.add_(1.0)
    slow = [p.clone() for p in method.slow_estimator.parameters()]
    with torch.no_grad():
        method.after_step(batch())
    for old, new, fast in zip(slow, method.slow_estimator.parameters(), method.student.E_st.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.9 * (fast - old))
    assert torch.equal(method.queue[: len(keys)], keys)
    assert torch.equal(method.queue[len(keys) :], before[len(keys) :])
    assert not torch.equal(method.queue[: len(keys)], before[: len(keys)])


def test_beside_the_recipes_losses_the_contrast_counts_as_for_images_up_to_255():
    method = SPEC.build(setup(TINY))
    given, counted = [], []
    for phase, terms in zip(method.phases(), (given, counted), strict=True):
        phase.begin()
        terms.append(method.losses(batch())["contrast"].item())
    assert counted[0] == pytest.approx(given[0] / 255)


def test_gradients_reach_the_estimator_and_never_its_slow_copy():
    method = SPEC.build(setup(TINY))
    method.losses(batch())["contrast"].backward()
    assert all(p.grad is not None for part in (method.student.E_st.mlp, method.head) for p in part.parameters())
    slow = (*method.slow_estimator.parameters(), *method.slow_head.parameters(), *method.student.G.parameters())
    assert all(p.grad is None for p in slow)


def test_it_trains_the_estimator_alone_and_then_everything(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 12})
    method = SPEC.build(setup(TINY, recipe=recipe))
    own = {name: p.detach().clone() for name, p in method.student.named_parameters() if p.requires_grad}
    report, learnt = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "contrast"}
    assert all(not torch.equal(weight, learnt[name]) for name, weight in own.items())


def test_it_keeps_its_contract_with_a_small_network():
    spec = dataclasses.replace(SPEC, tried_on=(TINY.name, TINY.name))
    l1 = LossSpec(name="l1", build=lambda: F.l1_loss)
    assert violations_of(spec, SimpleNamespace(networks={TINY.name: TINY}, losses={"l1": l1})) == []


def test_a_student_of_another_kind_is_refused_in_a_sentence():
    with pytest.raises(TrainingError, match="edsr_8_2 has no estimator of the degradation"):
        SPEC.build(setup(edsr()))


@pytest.mark.parametrize("steps", [4, 15])
def test_a_training_stopped_in_any_phase_ends_with_the_same_bits(steps, tmp_path):
    recipe = RECIPE.model_copy(update={"steps": steps})  # the second step is after the first phase, or in it
    assert_resumes_to_the_same_bits(lambda: SPEC.build(setup(TINY, recipe=recipe)), tmp_path)
