"""What a training costs is counted exactly, by every method alike, in one process or several."""

import copy
import itertools
import time

import pytest
import torch
import training_toys as toys
from torch import nn

from srbench.distilling import Distiller, Phase
from srbench.errors import TrainingInterrupted
from srbench.networks import Network
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


def test_a_resumed_training_tells_the_same_counts_as_one_in_one_go(tmp_path):
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
    monkeypatch.setattr("srbench.training.costs.WEIGHED", -1)
    toys.run(Distiller(setups[1]), tmp_path / "not taken")
    assert toys.same(*map(toys.weights, setups))


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


def test_more_patches_need_more_memory_in_proportion(tmp_path):
    def peak(batch):
        recipe = toys.RECIPE.model_copy(update={"batch": batch})
        return toys.run(Distiller(toys.make_setup(recipe=recipe)), tmp_path / str(batch)).costs.peak_memory_mib

    four, eight, sixteen = map(peak, (4, 8, 16))
    assert (sixteen - eight) / (eight - four) == pytest.approx(2, rel=0.05)
    assert four > 3 * sum(w.numel() * 4 for w in toys.weights(toys.make_setup()).values()) / MIB
