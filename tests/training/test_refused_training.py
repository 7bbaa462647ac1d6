"""What training refuses rather than going on wrongly, and says in a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from helpers.training import (
    SMALL,
    WIDE,
    Small,
    l1,
    make_setup,
    run,
    same,
    with_phases,
)
from srbench.distilling.distiller import Distiller, Phase
from srbench.errors import TrainingError


def test_a_parameter_in_two_optimisers_is_refused_by_name(tmp_path):
    phase = Phase("p", optimise=lambda d: {"a": [d.setup.student.module], "b": [d.setup.student.module.tail]})
    with pytest.raises(TrainingError, match=r"student\.tail\.weight is in two optimisers, 'a' and 'b'"):
        run(with_phases(phase)(make_setup()), tmp_path)


@pytest.mark.parametrize("optimise", [lambda d: {"main": []}, lambda d: {"main": [d.setup.teacher.module]}])
def test_an_optimiser_with_nothing_to_train_is_refused(tmp_path, optimise):
    with pytest.raises(TrainingError, match="'main' has no parameter to train"):
        run(with_phases(Phase("p", optimise=optimise))(make_setup(teachers=(WIDE,))), tmp_path)


def test_a_parameter_without_gradient_is_refused_by_name(tmp_path):
    distiller = with_phases(Phase("p", gradient_within=3), extra=nn.Linear(2, 2))(make_setup())
    with pytest.raises(TrainingError, match=r"2 parameters received no gradient in 3 steps .*distiller\.extra\.weight"):
        run(distiller, tmp_path)


def test_a_parameter_without_gradient_is_refused_even_in_a_short_phase(tmp_path):
    with pytest.raises(TrainingError, match="no gradient in 12 steps"):
        run(with_phases(Phase("p"), extra=nn.Linear(2, 2))(make_setup()), tmp_path)


def test_a_parameter_may_wait_for_its_gradient(tmp_path):
    class Late(Distiller):
        def __init__(self, setup):
            super().__init__(setup)
            self.gain = nn.Parameter(torch.ones(()))

        def losses(self, batch):
            sr = self.setup.student(batch.lr, batch.scale)
            return {"l1": l1(sr * self.gain if batch.step >= 10 else sr, batch.hr)}

    distiller = Late(make_setup())
    run(distiller, tmp_path)
    assert distiller.gain.item() != 1


def test_dead_parameters_that_a_spec_names_need_no_gradient_and_the_watch_leaves_no_hook(tmp_path):
    class Unused(Small):
        def __init__(self, scale):
            super().__init__(scale)
            self.unused = nn.Conv2d(1, 1, 1)

    dead = ArchitectureWith(Unused, ("unused.weight", "unused.b*"))
    setup = make_setup(dead)
    run(Distiller(setup), tmp_path / "named")
    assert not any(p._post_accumulate_grad_hooks for p in setup.student.module.parameters())
    with pytest.raises(TrainingError, match=r"student\.unused\.weight, student\.unused\.bias"):
        run(Distiller(make_setup(ArchitectureWith(Unused, ()))), tmp_path / "unnamed")


def ArchitectureWith(build, dead):
    return replace(SMALL, name="unused", build=build, dead_parameters=dead)


def spoil_weights(module):
    with torch.no_grad():
        module.head.weight.add_(1)


@pytest.mark.parametrize(
    "spoil",
    [spoil_weights, lambda m: m.train(), lambda m: m.requires_grad_(True)],
    ids=["weights", "mode", "gradients"],
)
def test_a_touched_teacher_ends_the_training(tmp_path, spoil):
    class Careless(Distiller):
        def after_step(self, batch):
            if batch.step == 5:
                spoil(self.setup.teacher.module)

    with pytest.raises(TrainingError, match="teachers stay frozen"):
        run(Careless(make_setup(teachers=(WIDE,))), tmp_path)


def test_a_teacher_kept_as_an_attribute_stays_frozen(tmp_path):
    class Keeps(Distiller):
        def __init__(self, setup):
            super().__init__(setup)
            self.teacher = setup.teacher.module

        def losses(self, batch):
            return {"logits": l1(self.setup.student(batch.lr, batch.scale), self.setup.teacher(batch.lr, batch.scale))}

    setup = make_setup(teachers=(WIDE,))
    before = {name: w.clone() for name, w in setup.teacher.module.state_dict().items()}
    run(Keeps(setup), tmp_path)
    assert same(before, setup.teacher.module.state_dict())


def test_a_helper_that_the_distiller_set_to_eval_mode_stays_in_it(tmp_path):
    class Helped(Distiller):
        def __init__(self, setup):
            super().__init__(setup)
            self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval().requires_grad_(False)

        def losses(self, batch):
            sr = self.setup.student(batch.lr, batch.scale)
            assert self.setup.student.module.training
            assert not self.encoder.training
            return {"features": l1(self.encoder(sr), self.encoder(batch.hr))}

    distiller = Helped(make_setup())
    run(distiller, tmp_path)
    assert distiller.encoder[1].num_batches_tracked == 0


def test_a_loss_that_is_not_finite_names_the_step_the_terms_and_what_to_do(tmp_path):
    class Diverges(Distiller):
        def losses(self, batch):
            terms = dict(super().losses(batch))
            terms["odd"] = terms["l1"] * (float("nan") if batch.step == 6 else 1)
            return terms

    with pytest.raises(TrainingError, match=r"at step 7 of 12 of phase 'train' \(l1 = 0\.\d+, odd = nan\); lower"):
        run(Diverges(make_setup()), tmp_path)
    newest = max((tmp_path / "checkpoints").iterdir())
    assert newest.name.startswith("step-0000000006"), "nothing is saved of a training that failed"


def test_weights_that_are_not_finite_are_not_handed_out(tmp_path):
    class Breaks(Distiller):
        def finish(self):
            self.setup.student.module.tail.bias.data[0] = float("inf")

    with pytest.raises(TrainingError, match=r"not finite \(tail.bias\)"):
        run(Breaks(make_setup()), tmp_path)


@pytest.mark.parametrize(("terms", "sentence"), [({}, "no loss term"), ({"map": torch.ones(2, 2)}, "shape")])
def test_losses_that_are_not_numbers_are_refused(tmp_path, terms, sentence):
    class Wrong(Distiller):
        def step(self, batch, optimisers, next_batch):
            super().step(batch, optimisers, next_batch)
            return terms or self.nothing(optimisers)

        def nothing(self, optimisers):
            from srbench.distilling.distiller import sum_of

            return {"sum": sum_of({})}

    with pytest.raises(TrainingError, match=sentence):
        run(Wrong(make_setup()), tmp_path)


def test_learning_rates_must_be_given_for_the_optimisers_there_are(tmp_path):
    phase = Phase("p", learning_rate={"other": 1e-3})
    with pytest.raises(TrainingError, match=r"learning rates for \['other'\] but has the optimisers \['main'\]"):
        run(with_phases(phase)(make_setup()), tmp_path)
