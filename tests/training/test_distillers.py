"""The distiller interface carries what the field's methods need; a resumed training of each ends with the same bits."""

from __future__ import annotations

import pytest
import torch

from helpers.training import (
    ANY_SCALE,
    DROPPING,
    LUMA,
    NOISY,
    RECIPE,
    WIDE,
    Adversarial,
    Bank,
    InnerOuter,
    SeesTruth,
    TeachingAssistant,
    make_setup,
    run,
    same,
    weights,
)
from srbench.distilling.distiller import Distiller
from srbench.errors import TrainingInterrupted

EVERYTHING = RECIPE.model_copy(update={"ema": 0.9, "clip": 0.1, "schedule": "cosine", "warmup": 2})
KINDS = {
    "plain": (Distiller, {}),
    "plain with dropout, moving average, clipping and a schedule": (
        Distiller,
        {"spec": DROPPING, "recipe": EVERYTHING},
    ),
    "sgd": (Distiller, {"recipe": RECIPE.model_copy(update={"optimiser": "sgd", "learning_rate": 0.1})}),
    "bf16": (Distiller, {"recipe": RECIPE.model_copy(update={"precision": "bf16"})}),
    "luma": (Distiller, {"spec": LUMA}),
    "several scales": (Distiller, {"spec": ANY_SCALE, "scales": (2, 3, 4)}),
    "teaching assistant": (TeachingAssistant, {"teachers": (WIDE,), "recipe": EVERYTHING}),
    "adversarial": (Adversarial, {}),
    "inner and outer loop": (InnerOuter, {"teachers": (WIDE,)}),
    "teacher that sees hr": (SeesTruth, {}),
    "memory bank": (Bank, {}),
}


def after(steps: int):
    """Asks to stop after so many steps."""
    asked = iter(range(10**6))
    return lambda: next(asked) == steps - 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_trains_the_student_and_goes_on_to_the_same_bits_when_it_was_stopped(tmp_path, kind):
    method, options = KINDS[kind]
    whole = method(make_setup(**options))
    before = weights(whole.setup)
    report = run(whole, tmp_path / "whole")
    assert report.resumed_at == 0
    assert report.held_out is not None
    assert all(not torch.equal(before[name], w) for name, w in weights(whole.setup).items() if name.endswith("weight"))

    for stop in (1, 4):
        stopped = method(make_setup(**options))
        with pytest.raises(TrainingInterrupted, match="was saved; the same command goes on"):
            run(stopped, tmp_path / "parts", stop=after(stop))
        assert not same(weights(stopped.setup), weights(whole.setup))
    resumed = method(make_setup(**options))
    torch.manual_seed(99)  # the state of the global stream must not matter
    assert run(resumed, tmp_path / "parts").resumed_at == 5
    assert same(weights(resumed.setup), weights(whole.setup))
    assert same(whole.state_dict(), resumed.state_dict())


def test_the_assistant_learns_only_in_the_first_phase_and_hands_its_weights_over(tmp_path):
    heads = []
    batches = []

    class Recorded(TeachingAssistant):
        def _hand_over(self):
            super()._hand_over()
            heads.append((self.assistant.head.weight.clone(), self.setup.student.module.head.weight.clone()))

        def after_step(self, batch):
            batches.append((len(batch.lr), batch.step, batch.steps, round(batch.progress, 3)))

    distiller = Recorded(make_setup(teachers=(WIDE,)))
    fresh = distiller.assistant.head.weight.clone()
    run(distiller, tmp_path)
    [(assistant, student)] = heads
    assert torch.equal(assistant, student)
    assert not torch.equal(assistant, fresh)
    assert torch.equal(assistant, distiller.assistant.head.weight)
    assert batches[:4] == [(2, 0, 4, 0.0), (2, 1, 4, 0.333), (2, 2, 4, 0.667), (2, 3, 4, 1.0)]
    assert batches[4:6] == [(4, 0, 8, 0.0), (4, 1, 8, 0.143)]
    assert len(batches) == 12


def test_critic_and_student_step_at_rates_of_their_own(tmp_path):
    rates = []

    class Recorded(Adversarial):
        def step(self, batch, optimisers, next_batch):
            rates.append({name: o.raw.param_groups[0]["lr"] for name, o in optimisers.items()})
            return super().step(batch, optimisers, next_batch)

    recipe = RECIPE.model_copy(update={"schedule": "halve", "halve_every": 6})
    distiller = Recorded(make_setup(recipe=recipe))
    run(distiller, tmp_path)
    assert rates[0] == pytest.approx({"student": 1e-3, "critic": 3e-3})
    assert rates[11] == pytest.approx({"student": 5e-4, "critic": 15e-4})


def test_the_inner_outer_loop_moves_its_weight_by_a_second_order_gradient(tmp_path):
    distiller = InnerOuter(make_setup(teachers=(WIDE,)))
    run(distiller, tmp_path)
    assert distiller.trust.item() != pytest.approx(0.3, abs=1e-4)


def test_the_memory_bank_fills_in_order_and_its_extra_state_survives(tmp_path):
    distiller = Bank(make_setup())
    with pytest.raises(TrainingInterrupted):
        run(distiller, tmp_path, stop=after(3))
    resumed = Bank(make_setup())
    run(resumed, tmp_path)
    assert resumed.seen == 12 * 4
    assert int(resumed.place) == 12 * 4 % 8
    assert (resumed.bank != 0).all()


def test_one_training_serves_several_scales(tmp_path):
    scales = []

    class Recorded(Distiller):
        def after_step(self, batch):
            assert batch.hr.shape[-1] == batch.scale * batch.lr.shape[-1]
            scales.append(batch.scale)

    distiller = Recorded(make_setup(ANY_SCALE, scales=(2, 3, 4)))
    run(distiller, tmp_path)
    assert set(scales) == {2, 3, 4}


def test_a_stochastic_degradation_is_drawn_again_for_every_patch(tmp_path):
    patches = []

    class Recorded(Distiller):
        def after_step(self, batch):
            patches.append(batch.lr.clone())

    first, second = Recorded(make_setup()), Recorded(make_setup())
    run(first, tmp_path / "1", degradation=NOISY)
    noisy = list(patches)
    patches.clear()
    run(second, tmp_path / "2", degradation=NOISY)
    assert all(torch.equal(a, b) for a, b in zip(noisy, patches, strict=True))
