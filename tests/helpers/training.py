"""Small networks, images and recipes, and distillers that use every part of the interface."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Batch, Distiller, Phase, Setup, sum_of
from srbench.imaging import imresize
from srbench.networks.capture import capture
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe
from srbench.training.group import ALONE, Group
from srbench.training.loop import TrainingReport, train
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.build import source_for
from srbench.training.patches.images import TrainingImages
from srbench.training.patches.source import PatchSource
from srbench.training.progress import Oversight


class Small(nn.Module):
    """Convolution, ReLU, dropout, batch norm, pixel shuffle: everything that has a state of its own."""

    def __init__(self, scale: int, width: int = 6, colours: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.head = nn.Conv2d(colours, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.drop = nn.Dropout(dropout)
        self.tail = nn.Conv2d(width, colours * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, lr: Tensor) -> Tensor:
        return self.shuffle(self.tail(self.drop(self.norm(self.head(lr)).relu())))


class AnyScale(nn.Module):
    """One body, a tail for each scale."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, padding=1)
        self.tails = nn.ModuleDict(
            {str(s): nn.Sequential(nn.Conv2d(4, 3 * s * s, 1), nn.PixelShuffle(s)) for s in (2, 3, 4)}
        )

    def forward(self, lr: Tensor, scale: int) -> Tensor:
        return self.tails[str(scale)](self.body(lr).relu())


SMALL = ArchitectureSpec(name="small", build=Small, scales=frozenset({2, 3, 4}), taps=("head",))
WIDE = ArchitectureSpec(name="wide", build=lambda scale: Small(scale, 12), scales=frozenset({2, 3, 4}), taps=("head",))
DROPPING = ArchitectureSpec(name="dropping", build=lambda scale: Small(scale, 6, 3, 0.3), scales=frozenset({2}))
LUMA = ArchitectureSpec(name="luma", build=lambda scale: Small(scale, 6, 1), scales=frozenset({2}), channels="y")
ANY_SCALE = ArchitectureSpec(name="any_scale", build=AnyScale, scales=frozenset({2, 3, 4}), multi_scale=True)


def bicubic(hr: Tensor, scale: int, generator: torch.Generator) -> Tensor:
    return imresize(hr, scale=1 / scale)


def noisy(hr: Tensor, scale: int, generator: torch.Generator) -> Tensor:
    lr = hr[..., ::scale, ::scale]
    return lr + 0.05 * torch.randn(lr.shape, generator=generator)


BICUBIC = DegradationSpec(name="bicubic", apply=bicubic, stochastic=False)
NOISY = DegradationSpec(name="noisy", apply=noisy, stochastic=True)


def photographs(count: int = 5, height: int = 62, width: int = 70) -> list[np.ndarray]:
    """Smooth, different images of slightly different sizes."""
    images = []
    for n in range(count):
        y, x = np.mgrid[: height + n, : width + 2 * n]
        planes = [np.sin(x / (3 + n) + c) + np.cos(y / (4 + c) + n) for c in range(3)]
        images.append(np.uint8(127.5 + 63 * np.stack(planes, axis=-1)))
    return images


RECIPE = Recipe(
    name="toy", datasets=("toy",), patch=8, batch=4, steps=12, learning_rate=1e-3, validate_every=6, checkpoint_every=3
)


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    return (sr - hr).abs().mean()


def make_setup(
    spec: ArchitectureSpec = SMALL,
    *,
    teachers: tuple[ArchitectureSpec, ...] = (),
    scales: tuple[int, ...] = (2,),
    recipe: Recipe = RECIPE,
    losses: Mapping[str, Callable[[Tensor, Tensor], Tensor]] | None = None,
) -> Setup:
    torch.manual_seed(0)
    frozen = [build_network(t, scales[0]) for t in teachers]
    for network in frozen:
        network.module.eval().requires_grad_(False)
    return Setup(
        student=build_network(spec, scales[0]),
        teachers=tuple(frozen),
        scales=scales,
        recipe=recipe,
        losses=losses or {"l1": l1},
        device=torch.device("cpu"),
        build=lambda name: build_network({"small": SMALL, "wide": WIDE}[name], scales[0]),
    )


def run(
    distiller: Distiller,
    folder: Path,
    *,
    seed: int = 1,
    degradation: DegradationSpec = BICUBIC,
    images: list[np.ndarray] | None = None,
    steps: int | None = None,
    group: Group = ALONE,
    **oversight: object,
) -> TrainingReport:
    """Train on the toy photographs; checkpoints in ``folder / "checkpoints"``."""
    setup = distiller.setup
    decoded = TrainingImages(folder / "cache", photographs() if images is None else images)

    def data(index: int, phase: Phase, length: int) -> PatchSource:
        other = NOISY if phase.degradation == "noisy" else degradation
        aligned = AlignedImages([decoded], setup.scales, other, luma=setup.student.colours == 1)
        return source_for(setup.recipe, phase, aligned, index=index, length=length, seed=seed)

    return train(
        distiller,
        data,
        seed=seed,
        checkpoints=folder / "checkpoints",
        steps=steps,
        oversight=Oversight(**oversight),
        group=group,
    )


class TeachingAssistant(Distiller):
    """The teacher trains an assistant, which trains the student; the student starts from the assistant's head."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.middle = setup.build("small")
        self.assistant = self.middle.module
        self.teaching = False

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("assistant", share=1, optimise={"main": [self.assistant]}, learning_rate=2e-3, batch=2),
            Phase(
                "student",
                share=2,
                optimise={"main": [self.setup.student.module]},
                begin=self._hand_over,
                degradation="noisy",
            ),
        )

    def _hand_over(self) -> None:
        self.teaching = True
        self.assistant.requires_grad_(False)
        self.setup.student.module.head.load_state_dict(self.assistant.head.state_dict())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        if not self.teaching:
            return {"teach": l1(self.middle(batch.lr, batch.scale), self.setup.teacher(batch.lr, batch.scale))}
        self.assistant.eval()
        sr = self.setup.student(batch.lr, batch.scale)
        return {**self.setup.supervised(sr, batch.hr), "logits": l1(sr, self.middle(batch.lr, batch.scale))}


class Adversarial(Distiller):
    """A critic and the student, each with an optimiser and a learning rate of its own, in turns."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.critic = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))

    def phases(self) -> tuple[Phase, ...]:
        optimise = {"student": [self.setup.student.module], "critic": [self.critic]}
        return (Phase("train", optimise=optimise, learning_rate={"student": 1e-3, "critic": 3e-3}),)

    def step(self, batch, optimisers, next_batch) -> dict[str, Tensor]:
        sr = self.setup.student(batch.lr, batch.scale)
        real, fake = self.critic(batch.hr), self.critic(sr.detach())
        critic = (1 - real).relu().mean() + (1 + fake).relu().mean()
        optimisers["critic"].minimise(critic)
        terms = self.setup.supervised(sr, batch.hr)
        if batch.step % 2:
            terms["fool"] = -0.01 * self.critic(sr).mean()
        optimisers["student"].minimise(sum_of(terms))
        return {**terms, "critic": critic}


class InnerOuter(Distiller):
    """Learns the weight of the teacher's term by differentiating through a step of the student."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.trust = nn.Parameter(torch.tensor(0.3))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("train", optimise={"main": [self.setup.student.module], "trust": [self.trust]}),)

    def step(self, batch, optimisers, next_batch) -> dict[str, Tensor]:
        module = self.setup.student.module
        weights = dict(module.named_parameters())
        outer = next_batch()
        assert outer.scale == batch.scale
        assert not torch.equal(outer.lr, batch.lr)
        truth = self.setup.teacher(batch.lr, batch.scale)

        def inner_loss(trust: Tensor) -> Tensor:
            sr = torch.func.functional_call(module, weights, batch.lr)
            return l1(sr, batch.hr) + trust * l1(sr, truth)

        slopes = torch.autograd.grad(inner_loss(self.trust), list(weights.values()), create_graph=True)
        ahead = {name: w - 0.05 * g for (name, w), g in zip(weights.items(), slopes, strict=True)}
        meta = l1(torch.func.functional_call(module, ahead, outer.lr), outer.hr)
        optimisers["trust"].zero_grad()
        optimisers["main"].zero_grad()
        optimisers["trust"].backward(meta)
        optimisers["trust"].step()
        inner = inner_loss(self.trust.detach())
        optimisers["main"].minimise(inner)
        return {"inner": inner, "meta": meta}


class SeesTruth(Distiller):
    """A teacher that is jointly trained and sees HR; the student follows its features through a regressor."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.encoder = nn.Sequential(nn.Conv2d(3, 6, 4, stride=2, padding=1), nn.ReLU())
        self.regressor = nn.Conv2d(6, 6, 1)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        truth = self.encoder(batch.hr)
        with capture(self.setup.student.module, ("head",)) as features:
            sr = self.setup.student(batch.lr, batch.scale)
        return {**self.setup.supervised(sr, batch.hr), "follow": l1(self.regressor(features["head"]), truth)}


class Bank(Distiller):
    """A first-in-first-out bank of negatives, a history copy of the student, noise from the distiller's stream."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.register_buffer("bank", torch.zeros(8, 3))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))
        self.history = copy.deepcopy(setup.student.module).requires_grad_(False)
        self.seen = 0

    def get_extra_state(self) -> dict[str, int]:
        return {"seen": self.seen}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.seen = state["seen"]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        noise = 0.01 * torch.randn(batch.lr.shape, generator=batch.generator)
        sr = self.setup.student(batch.lr + noise, batch.scale)
        away = (sr.mean(dim=(2, 3))[:, None] - self.bank).abs().mean()
        past = Network(self.setup.student.spec, self.history)(batch.lr, batch.scale)
        return {**self.setup.supervised(sr, batch.hr), "away": -0.01 * away, "past": 0.1 * l1(sr, past.detach())}

    def after_step(self, batch: Batch) -> None:
        self.seen += len(batch.lr)
        rows = (self.place + torch.arange(len(batch.lr))) % len(self.bank)
        self.bank[rows] = batch.lr.mean(dim=(2, 3))
        self.place.copy_((self.place + len(batch.lr)) % len(self.bank))
        for old, new in zip(self.history.parameters(), self.setup.student.module.parameters(), strict=True):
            old.lerp_(new, 0.1)


def with_phases(*phases: Phase, extra: nn.Module | None = None) -> type[Distiller]:
    """Plain training in other phases, with an extra module."""

    class Phased(Distiller):
        def __init__(self, setup: Setup) -> None:
            super().__init__(setup)
            self.extra = extra

        def phases(self) -> tuple[Phase, ...]:
            return tuple(replace(p, optimise=p.optimise and p.optimise(self)) for p in phases)

    return Phased


def weights(setup: Setup) -> dict[str, Tensor]:
    return {name: w.detach().clone() for name, w in setup.student.module.state_dict().items()}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    def equal(a: object, b: object) -> bool:
        return torch.equal(a, b) if isinstance(a, Tensor) else a == b  # a distiller's extra state is no tensor

    return first.keys() == second.keys() and all(equal(first[k], second[k]) for k in first)
