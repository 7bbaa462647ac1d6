"""The costs of a training are counted exactly, for every method, in one process or several."""

import copy
import itertools
import time

import pytest
import torch
from torch import nn

from helpers import training as toys
from srbench.distilling.distiller import Distiller, Phase
from srbench.errors import TrainingInterrupted
from srbench.networks.network import Network
from srbench.training.costs import MIB, LiveBytes


class TwoViews(Distiller):
    """Shows the teacher every patch twice, and its own past once."""

    def __init__(self, setup):
        super().__init__(setup)
        self.past = copy.deepcopy(setup.student.module).requires_grad_(False)

    def losses(self, batch):
        sr = self.setup.student(batch.lr, batch.scale)
        with torch.no_grad():
            views = self.setup.teacher(torch.cat((batch.lr, batch.lr.flip(-1))), batch.scale)
            past = Network(self.setup.student.spec, self.past)(batch.lr, batch.scale)
        return {
            **self.setup.supervised(sr, batch.hr),
            "views": toys.l1(sr, views[: len(sr)]),
            "past": toys.l1(sr, past),
        }


def test_forwards_are_counted_by_image_and_copies_of_the_student_count(tmp_path):
    plain = toys.run(Distiller(toys.make_setup(teachers=(toys.WIDE,))), tmp_path / "plain").costs
    assert (plain.student_forwards, plain.teacher_forwards) == (1.0, 0.0)
    costs = toys.run(TwoViews(toys.make_setup(teachers=(toys.WIDE,))), tmp_path / "views").costs
    assert (costs.student_forwards, costs.teacher_forwards) == (2.0, 2.0)
    assert costs.peak_memory_mib > plain.peak_memory_mib


def test_a_method_that_looks_ahead_is_counted_with_its_second_batch(tmp_path):
    costs = toys.run(toys.InnerOuter(toys.make_setup(teachers=(toys.WIDE,))), tmp_path).costs
    assert costs.student_forwards == 3.0
    assert costs.teacher_forwards == 1.0


def test_a_teacher_of_the_students_form_stays_a_teacher_where_a_method_holds_it(tmp_path):
    class Holding(Distiller):
        def __init__(self, setup):
            super().__init__(setup)
            self.held = setup.teacher.module

        def losses(self, batch):
            sr = self.setup.student(batch.lr, batch.scale)
            with torch.no_grad():
                target = self.setup.teacher(batch.lr, batch.scale)
            return {**self.setup.supervised(sr, batch.hr), "logits": toys.l1(sr, target)}

    costs = toys.run(Holding(toys.make_setup(teachers=(toys.SMALL,))), tmp_path).costs
    assert (costs.student_forwards, costs.teacher_forwards) == (1.0, 1.0)


def test_validation_counts_nowhere(tmp_path):
    recipe = toys.RECIPE.model_copy(update={"validate_every": 1, "ema": 0.9})
    costs = toys.run(Distiller(toys.make_setup(recipe=recipe)), tmp_path).costs
    assert costs.student_forwards == 1.0


def test_phases_count_by_their_lengths(tmp_path):
    class Sometimes(toys.with_phases(Phase("short", 1), Phase("long", 2))):
        def losses(self, batch):
            if batch.steps == 4:
                self.setup.teacher(batch.lr, batch.scale)
                time.sleep(0.05)
            return super().losses(batch)

    costs = toys.run(Sometimes(toys.make_setup(teachers=(toys.WIDE,))), tmp_path).costs
    assert costs.teacher_forwards == pytest.approx(1 / 3)
    assert costs.seconds_per_step >= 0.05 / 3


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only where a method says so."""
    passed = [0.0]
    monkeypatch.setattr("srbench.training.costs._moment", lambda _: passed[0])
    return passed


def seldom(clock):
    """Asks the teacher at every fourth step, which then takes five seconds instead of one; the very first is slow."""

    class Seldom(Distiller):
        def losses(self, batch):
            clock[0] += 100 if batch.step == 0 else 1
            if batch.step % 4 == 3:
                clock[0] += 4
                sr = self.setup.teacher(torch.cat([batch.lr] * 8), batch.scale)
                assert len(sr) == 8 * len(batch.lr)
            return super().losses(batch)

    return Seldom(toys.make_setup(teachers=(toys.WIDE,)))


def test_steps_of_two_kinds_count_by_how_many_there_were_of_each(clock, tmp_path):
    whole = toys.run(seldom(clock), tmp_path / "whole").costs
    assert whole.teacher_forwards == pytest.approx(8 / 4)
    assert whole.seconds_per_step == pytest.approx((3 * 1 + 5) / 4)
    asked = itertools.count(1)
    with pytest.raises(TrainingInterrupted):
        toys.run(seldom(clock), tmp_path / "parts", stop=lambda: next(asked) == 5)
    assert toys.run(seldom(clock), tmp_path / "parts").costs == whole


def test_the_memory_is_that_of_the_kind_of_step_that_needs_most(clock, tmp_path, monkeypatch):
    most = toys.run(seldom(clock), tmp_path / "all").costs.peak_memory_mib
    monkeypatch.setattr("srbench.training.costs.MAX_WEIGHED_STEPS", 1)
    one = toys.run(seldom(clock), tmp_path / "one").costs.peak_memory_mib
    images = 8 * toys.RECIPE.batch
    assert most - one > images * 3 * 16 * 16 * 4 / MIB / 2, "the teacher's output on eight times the patches"


def test_steps_at_several_scales_count_each_by_its_own_median(clock, tmp_path):
    class Scaled(Distiller):
        seen = ()

        def losses(self, batch):
            self.seen = (*self.seen, batch.scale)
            clock[0] += batch.scale**3
            return super().losses(batch)

    method = Scaled(toys.make_setup(toys.ANY_SCALE, scales=(2, 3, 4)))
    costs = toys.run(method, tmp_path, steps=60).costs
    assert set(method.seen) == {2, 3, 4}
    assert costs.seconds_per_step == pytest.approx(sum(scale**3 for scale in method.seen) / 60)


def test_a_resumed_training_reports_the_same_counts_as_an_uninterrupted_one(tmp_path):
    def method():
        return TwoViews(toys.make_setup(teachers=(toys.WIDE,)))

    whole = toys.run(method(), tmp_path / "whole").costs
    asked = itertools.count(1)
    with pytest.raises(TrainingInterrupted):
        toys.run(method(), tmp_path / "parts", stop=lambda: next(asked) == 5)
    parts = toys.run(method(), tmp_path / "parts").costs
    assert parts.model_dump(exclude={"seconds_per_step"}) == whole.model_dump(exclude={"seconds_per_step"})
    assert parts.seconds_per_step > 0


def test_taking_the_memory_changes_no_bit(tmp_path, monkeypatch):
    setups = [toys.make_setup(toys.DROPPING) for _ in range(2)]
    toys.run(Distiller(setups[0]), tmp_path / "taken")
    monkeypatch.setattr("srbench.training.costs.MAX_WEIGHED_STEPS", -1)
    toys.run(Distiller(setups[1]), tmp_path / "not taken")
    assert toys.same(*map(toys.weights, setups))


def test_more_patches_need_more_memory_in_proportion(tmp_path):
    def peak(batch):
        recipe = toys.RECIPE.model_copy(update={"batch": batch})
        return toys.run(Distiller(toys.make_setup(recipe=recipe)), tmp_path / str(batch)).costs.peak_memory_mib

    four, eight, sixteen = map(peak, (4, 8, 16))
    assert (sixteen - eight) / (eight - four) == pytest.approx(2, rel=0.05)
    assert four > 3 * sum(w.numel() * 4 for w in toys.weights(toys.make_setup()).values()) / MIB


def test_live_bytes_are_those_of_what_autograd_keeps_each_memory_once():
    width, side = 8, 16
    network = nn.Sequential(*(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(5)))
    lr = torch.rand(2, width, side, side)
    one, weights = lr.numel() * 4, sum(p.numel() for p in network.parameters()) * 4
    with LiveBytes([*network.parameters(), network[0].weight.view(-1), lr]) as live:
        assert live.peak == weights + one
        out = network(lr)
        assert live.peak == weights + 6 * one
        del out
        with torch.no_grad():
            network(lr)
        assert live.peak == weights + 6 * one, "what is not kept for gradients is freed layer by layer"
