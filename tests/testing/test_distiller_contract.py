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
