"""The contracts find what they are there to find, and say it in a sentence."""

import math
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from torch import Tensor, nn

import srbench
from srbench.errors import ContractError, UnavailableError, UnknownNameError
from srbench.specs import DatasetSpec, ImageEntry
from srbench.testing import (
    check_architecture,
    check_dataset,
    check_degradation,
    check_distiller,
    check_executor,
    check_loss,
    check_metric,
    photograph,
    violations_of,
)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def one_violation(kind, spec, text):
    violations = violations_of(kind, spec)
    assert any(text in sentence for sentence in violations), violations
    assert all(spec.name in sentence.lower() for sentence in violations)


# ---------------------------------------------------------------- architectures


class Sound(nn.Module):
    """Keeps every rule; the faulty ones below change one thing each."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.tail = nn.Conv2d(8, 3 * scale**2, 3, padding=1)

    def forward(self, lr):
        return nn.functional.pixel_shuffle(self.tail(self.head(lr).relu()), self.scale)


class MultiScale(nn.Module):
    """One body, one tail for each scale, called with the scale."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.tails = nn.ModuleDict({str(s): nn.Conv2d(8, 3 * s**2, 3, padding=1) for s in (2, 3, 4)})

    def forward(self, lr, scale):
        return nn.functional.pixel_shuffle(self.tails[str(scale)](self.head(lr).relu()), scale)


class SharedTail(MultiScale):
    """Forgets which scale it was asked for."""

    def forward(self, lr, scale):
        return super().forward(lr, 2)


class WrongSize(Sound):
    def forward(self, lr):
        return super().forward(lr)[..., :-1]


class NotANumber(Sound):
    def forward(self, lr):
        return super().forward(lr) / 0.0


class Dropping(Sound):
    def forward(self, lr):
        return nn.functional.dropout(super().forward(lr), 0.1, training=True)


class InPlace(Sound):
    def forward(self, lr):
        return super().forward(lr.mul_(0.5))


class Mixing(Sound):
    def forward(self, lr):
        return super().forward(lr) - lr.mean()


class Loose(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.secret = torch.rand(1)

    def forward(self, lr):
        return super().forward(lr) * self.secret


class Unused(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.spare = nn.Linear(2, 2)


class Chatty(Sound):
    def forward(self, lr):
        print("hello")  # noqa: T201 - the fault
        return super().forward(lr)


class Huge(Sound):
    """Leaves the range of fp16."""

    def forward(self, lr):
        x = self.head(lr) * 1e7
        return nn.functional.pixel_shuffle(self.tail(x) * 1e-7, self.scale)


class Branching(Sound):
    """Decides in Python on a value that the exporter does not know."""

    def forward(self, lr):
        return super().forward(lr * 2 if lr.mean().item() > 0.5 else lr)


class OwnSeed(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.head.bias.data.fill_(random.SystemRandom().random())


def architecture(build, **facts):
    return srbench.ArchitectureSpec(name="mine", build=build, **{"scales": frozenset({2, 3}), **facts})


@pytest.mark.parametrize(
    "spec",
    [
        architecture(Sound),
        architecture(MultiScale, multi_scale=True, scales=frozenset({2, 3, 4})),
        architecture(Sound, size_multiple=4, min_size=8, input_range=255.0, taps=("head", "tail")),
        architecture(Unused, dead_parameters=("spare.*",)),
    ],
)
def test_a_sound_architecture_passes(spec):
    check_architecture(spec)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (architecture(WrongSize), "it must return (1, 3, 2, 2)"),
        (architecture(SharedTail, multi_scale=True), "at x3; it must return"),
        (architecture(NotANumber), "NaN or infinity"),
        (architecture(Dropping), "draws random numbers in eval mode"),
        (architecture(Dropping), "two results for one input"),
        (architecture(InPlace), "changes its input in place"),
        (architecture(Mixing), "another result in a batch than alone"),
        (architecture(Loose), "round trip of its state dict"),
        (architecture(OwnSeed), "not initialised alike from one seed"),
        (architecture(Unused), "No gradient reaches 2 of mine's parameters (first: spare.bias)"),
        (architecture(Sound, dead_parameters=("head.*",)), "declares head.bias dead, and a gradient reaches it"),
        (architecture(Chatty), "printed 'hello'"),
        (architecture(Huge), "leave fp16 out of half_precision"),
        (architecture(Sound, half_precision=frozenset({"int8"})), "there are bf16 and fp16"),
        (architecture(Branching), "Exporting mine with torch.export raised"),
        (architecture(Sound, taps=("body",)), "no module at 'body' to tap"),
        (architecture(lambda scale: nn.Upsample(scale_factor=scale)), "has no trainable parameter"),
        (architecture(lambda scale: "a string"), "gave str; it must give an nn.Module"),
        (architecture(lambda scale: 1 / 0), "Building mine at x2 raised ZeroDivisionError"),
        (architecture(Sound, channels="y"), "Mine at x2 on lr of 1x1 raised RuntimeError"),
    ],
)
def test_a_faulty_architecture_is_told_what_is_wrong(spec, text):
    one_violation("architecture", spec, text)


def test_checks_raise_every_violation_at_once():
    with pytest.raises(ContractError, match=r"'mine' breaks its contract.*random numbers.*two results"):
        check_architecture(architecture(Dropping))


def test_the_global_generator_is_left_alone():
    state = torch.get_rng_state()
    violations_of("architecture", architecture(Sound))
    assert torch.equal(torch.get_rng_state(), state)


def test_an_unknown_kind_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean architecture"):
        violations_of("architectures", architecture(Sound))


# ---------------------------------------------------------------- distillers


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
    """The same, in a buffer."""

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
    check_distiller(spec)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (distiller(Idle), "leaves the student as it was"),
        (distiller(Idle), "no gradient reaches"),
        (distiller(Nameless), "must return named tensors"),
        (distiller(Diverging), "the terms ['l1'] are no finite numbers"),
        (distiller(TrainsTeacher, needs_teacher=True), "touches its teacher: A teacher's weights were changed"),
        (distiller(HoldsStudent), "holds the student as a module of its own"),
        (distiller(SpareHead), "no gradient reaches 2 parameters within 64 steps (first: head.bias)"),
        (distiller(TwoOwners), "a parameter belongs to two optimisers"),
        (distiller(Forgetful), "does not go on alike from its state dict"),
        (distiller(srbench.Distiller, needs_teacher=True), "says it needs a teacher, and trains without one"),
        (distiller(lambda setup: setup.teachers[0]), "Building mine raised IndexError"),
        (distiller(lambda setup: "x"), "gave str; it must give an srbench.Distiller"),
    ],
)
def test_a_faulty_distiller_is_told_what_is_wrong(spec, text):
    one_violation("distiller", spec, text)


# ---------------------------------------------------------------- the other kinds


def subsample(hr, scale, generator):
    return hr[..., ::scale, ::scale].clone()


def noisy(hr, scale, generator):
    return (subsample(hr, scale, generator) + 0.1 * torch.randn(1, generator=generator)).clamp(0, 1)


def degradation(apply, **facts):
    return srbench.DegradationSpec(name="mine", apply=apply, **{"stochastic": False, **facts})


@pytest.mark.parametrize("spec", [degradation(subsample), degradation(noisy, stochastic=True)])
def test_a_sound_degradation_passes(spec):
    check_degradation(spec)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (degradation(lambda hr, s, g: hr), "it must give (2, 3, 25, 29)"),
        (degradation(lambda hr, s, g: subsample(hr, s, g).double()), "keep the dtype"),
        (degradation(lambda hr, s, g: subsample(hr, s, g) * 2), "left [0, 1]"),
        (degradation(lambda hr, s, g: subsample(hr.mul_(0.9), s, g)), "changes hr in place"),
        (degradation(noisy), "says stochastic=False, but its result changes"),
        (degradation(subsample, stochastic=True), "says stochastic=True, but its result does not change"),
        (degradation(lambda hr, s, g: subsample(hr, s, g) * torch.rand(1)), "draws from torch's global generator"),
        (degradation(lambda hr, s, g: subsample(hr, s, g) * 0 + hr.mean()), "mixes the images of a batch"),
        (degradation(subsample, unrounded=lambda hr, s, g: subsample(hr, s, g) * 0.5), "its own unrounded form"),
        (degradation(subsample, unrounded=lambda hr, s, g: subsample(hr.float(), s, g)), "unrounded, gave torch.float"),
    ],
)
def test_a_faulty_degradation_is_told_what_is_wrong(spec, text):
    one_violation("degradation", spec, text)


def mse(sr, hr):
    return (sr - hr).square().mean(dim=(1, 2, 3))


def metric(compute, **facts):
    return srbench.MetricSpec(
        name="mine", load=lambda device: compute, label="m", **{"higher_is_better": False, **facts}
    )


@pytest.mark.parametrize(
    "spec", [metric(mse), metric(mse, channels="y"), metric(lambda sr, hr: sr.mean(dim=(1, 2, 3)), needs_hr=False)]
)
def test_a_sound_metric_passes(spec):
    check_metric(spec)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (metric(lambda sr, hr: mse(sr, hr).mean()), "it must give (3,)"),
        (metric(lambda sr, hr: mse(sr, hr) / 0), "NaN or infinity"),
        (metric(lambda sr, hr: mse(sr.mul_(0.5), hr)), "changes its input in place"),
        (metric(lambda sr, hr: mse(sr, hr) / mse(sr, hr).max()), "in a batch than alone"),
        (metric(mse, higher_is_better=True), "says higher is better, but growing noise gives"),
        (metric(mse, needs_hr=False), "says needs_hr=False and looks at hr"),
        (metric(lambda sr, hr: mse(sr, hr) + torch.rand(1)), "two results for one pair"),
    ],
)
def test_a_faulty_metric_is_told_what_is_wrong(spec, text):
    one_violation("metric", spec, text)


def test_a_metric_that_cannot_be_had_says_so_instead_of_passing():
    def load(device):
        raise UnavailableError("no weights here")

    with pytest.raises(UnavailableError, match="no weights here"):
        check_metric(srbench.MetricSpec(name="mine", load=load, label="m"))


def loss(compute):
    return srbench.LossSpec(name="mine", build=lambda: compute)


def test_a_sound_loss_passes():
    check_loss(loss(nn.functional.huber_loss))


@pytest.mark.parametrize(
    ("compute", "text"),
    [
        (mse, "a loss is one number"),
        (lambda sr, hr: (sr - hr).detach().abs().mean(), "raised RuntimeError"),
        (lambda sr, hr: -(sr - hr).abs().mean(), "it must fall towards hr"),
        (lambda sr, hr: (sr - hr).square().sqrt().mean(), "add an ε under its root"),
        (lambda sr, hr: (sr - hr).abs().mean() * math.inf, "gave inf"),
    ],
)
def test_a_faulty_loss_is_told_what_is_wrong(compute, text):
    one_violation("loss", loss(compute), text)


def test_an_executor_says_honestly_whether_its_jobs_are_apart():
    check_executor(srbench.ExecutorSpec(name="threads", make=ThreadPoolExecutor))
    one_violation(
        "executor",
        srbench.ExecutorSpec(name="mine", make=ThreadPoolExecutor, isolated=True),
        "says isolated=True, but its jobs run in this process",
    )
    one_violation("executor", srbench.ExecutorSpec(name="mine", make=lambda workers: None), "gave NoneType")


def test_a_dataset_counts_and_finds_its_images(tmp_path):
    whole = partial(DatasetSpec, name="mine", label="Mine", split="test", license="CC0-1.0", citation="me")
    entry = ImageEntry(name="a", height=4, width=5)
    (tmp_path / "a.png").touch()
    check_dataset(whole(images=1, entries=(entry,), locate=lambda: {"a": tmp_path / "a.png"}))
    for facts, text in (
        ({"images": 2, "entries": (entry,)}, "says 2 images and lists 1"),
        ({"images": 2, "entries": (entry, entry)}, "lists an image twice"),
        ({"images": 1, "entries": (entry,), "locate": lambda: {"a": tmp_path / "b.png"}}, "files that are not there"),
        ({"images": 1, "entries": (entry,), "locate": dict}, "does not locate it"),
        ({"images": 1, "entries": (entry,), "grey": ("b",)}, "greyscale, which it does not list"),
        ({"images": None, "license": ""}, "state its licence"),
    ):
        one_violation("dataset", whole(**facts), text)


def test_photographs_are_smooth_and_on_the_255_levels():
    image = photograph(2, 3, 40, 50)
    assert torch.equal(image, (image * 255).round() / 255)
    assert 0 <= image.min() < 0.3 < 0.6 < image.max() <= 1
    across = (image[..., 1:] - image[..., :-1]).abs().mean()
    shuffled = image.flatten()[torch.randperm(image.numel(), generator=torch.Generator().manual_seed(0))]
    assert across < 0.5 * shuffled.diff().abs().mean()
    assert not torch.equal(image, photograph(2, 3, 40, 50, seed=1))
