"""The contract of distillers finds what it is there to find, and says it in a sentence."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

import srbench
from helpers.violations import one_violation
from srbench.testing import violations_of


class Idle(srbench.Distiller):
    def step(self, batch, optimisers, next_batch):
        return {"loss": torch.zeros(())}


class Nameless(srbench.Distiller):
    def step(self, batch, optimisers, next_batch):
        super().step(batch, optimisers, next_batch)
        return {}


class Diverging(srbench.Distiller):
    def losses(self, batch):
        return {"l1": sum(super().losses(batch).values()) * math.nan}


class TrainsTeacher(srbench.Distiller):
    def after_step(self, batch):
        with torch.no_grad():
            self.setup.teacher.module.head.bias.add_(1.0)

    def losses(self, batch):
        return super().losses(batch) | {"t": self.setup.teacher(batch.lr, batch.scale).mean()}


class HoldsStudent(srbench.Distiller):
    def __init__(self, setup):
        super().__init__(setup)
        self.student = setup.student.module


class SpareHead(srbench.Distiller):
    def __init__(self, setup):
        super().__init__(setup)
        self.head = nn.Linear(2, 2)


class TwoOwners(srbench.Distiller):
    def phases(self):
        student = self.setup.student.module
        return (srbench.Phase("train", optimise={"main": [student], "other": [student.head]}),)


class Forgetful(srbench.Distiller):
    """A weight that grows with every step, kept in Python alone."""

    def __init__(self, setup):
        super().__init__(setup)
        self.seen = 0

    def losses(self, batch):
        return {"l1": sum(super().losses(batch).values()) * (1 + self.seen)}

    def after_step(self, batch):
        self.seen += 1


class Remembering(srbench.Distiller):
    """A weight that grows with every step, kept in a buffer."""

    seen: Tensor

    def __init__(self, setup):
        super().__init__(setup)
        self.register_buffer("seen", torch.zeros(()))

    def losses(self, batch):
        return {"l1": sum(super().losses(batch).values()) * (1 + self.seen)}

    def after_step(self, batch):
        self.seen += 1


class LateHead(srbench.Distiller):
    """A regressor that begins to learn at the fifth step, in an optimiser of its own."""

    calls: Tensor

    def __init__(self, setup):
        super().__init__(setup)
        self.regressor = nn.Conv2d(8, setup.teacher.module.head.out_channels, 1)
        self.register_buffer("calls", torch.zeros(()))

    def phases(self):
        return (
            srbench.Phase("warm", share=1.0, optimise={"main": [self.setup.student.module]}),
            srbench.Phase("both", optimise={"main": [self.setup.student.module], "head": [self.regressor]}),
        )

    def step(self, batch, optimisers, next_batch) -> Mapping[str, Tensor]:
        terms = dict(super().step(batch, optimisers, next_batch))
        self.calls += 1
        if "head" in optimisers and self.calls > 8:
            student, teacher = self.setup.student, self.setup.teacher
            with torch.no_grad(), srbench.capture(student.module, ("body.1",)) as ours:
                student(batch.lr, batch.scale)
            with torch.no_grad(), srbench.capture(teacher.module, ("body.1",)) as theirs:
                teacher(batch.lr, batch.scale)
            terms["regress"] = (self.regressor(ours["body.1"]) - theirs["body.1"]).abs().mean()
            optimisers["head"].minimise(terms["regress"])
        return terms


def distiller(build, **facts):
    return srbench.DistillerSpec(name="mine", build=build, **{"needs_teacher": False, **facts})


class Soften(srbench.Distiller):
    """A distiller of recognition that others might write."""

    def losses(self, batch):
        embeddings = self.setup.student(batch.lr)
        with torch.no_grad():
            target = self.setup.teacher.logits(self.setup.teacher(batch.for_teacher))
        distance = (self.setup.student.logits(embeddings) - target).square().mean()
        return {**self.setup.supervised(embeddings, batch.target), "distance": distance}


class Grows(srbench.Distiller):
    """Leaves a layer of its own in the student."""

    def finish(self):
        self.setup.student.module.extra = nn.Linear(2, 2)


RECOGNISES = {"needs_teacher": True, "tasks": frozenset({"recognition"})}


@pytest.mark.parametrize("build", [srbench.Distiller, Remembering, Soften])
def test_a_sound_distiller_of_recognition_passes(build):
    assert violations_of(distiller(build, tasks=frozenset({"recognition"}), needs_teacher=build is Soften)) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (distiller(Forgetful, tasks=frozenset({"recognition"})), "does not continue in the same way"),
        (distiller(SpareHead, tasks=frozenset({"recognition"})), "no gradient reaches 2 parameters within 64 steps"),
        (distiller(srbench.Distiller, **RECOGNISES), "says it needs a teacher, and trains without one"),
        (distiller(Grows), "adds or removes weights of the student (first: ['extra.bias'])"),
        (distiller(srbench.Distiller, tasks=frozenset()), "mine serves the tasks []; name at least one of recognition"),
        (distiller(srbench.Distiller, tasks=frozenset({"x"})), "mine serves the tasks ['x']; name at least one"),
    ],
)
def test_a_faulty_distiller_is_found_on_the_tasks_that_it_serves(spec, text):
    one_violation(spec, text)


def test_a_distiller_of_both_tasks_is_reported_once():
    both = distiller(SpareHead, tasks=frozenset({"sr", "recognition"}))
    assert len(violations_of(both)) == 1


def test_helper_networks_are_recognisers_too():
    class Assisted(Soften):
        def __init__(self, setup):
            super().__init__(setup)
            self.helper = setup.build("any").module

    assert len(violations_of(distiller(Assisted, **RECOGNISES))) == 1  # its parameters get no gradient


@pytest.mark.parametrize(
    "spec", [distiller(srbench.Distiller), distiller(Remembering), distiller(LateHead, needs_teacher=True)]
)
def test_a_sound_distiller_passes(spec):
    assert violations_of(spec) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (distiller(Idle), "leaves the student as it was"),
        (distiller(Idle), "no gradient reaches"),
        (distiller(Nameless), "must return named tensors"),
        (distiller(Diverging), "the terms ['l1'] are not finite numbers"),
        (distiller(TrainsTeacher, needs_teacher=True), "touches its teacher: A teacher's weights were changed"),
        (distiller(HoldsStudent), "holds the student as a module of its own"),
        (distiller(SpareHead), "no gradient reaches 2 parameters within 64 steps (first: distiller.head.bias)"),
        (distiller(TwoOwners), "the parameter student.head.weight is in two optimisers, 'main' and 'other'"),
        (distiller(Forgetful), "does not continue in the same way"),
        (distiller(srbench.Distiller, needs_teacher=True), "says it needs a teacher, and trains without one"),
        (distiller(lambda setup: setup.teachers[0]), "Building mine raised IndexError"),
        (distiller(lambda setup: "x"), "gave str; it must give an srbench.Distiller"),
    ],
)
def test_a_faulty_distiller_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)
