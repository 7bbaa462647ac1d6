"""MiPKD: the student's features are mixed with the teacher's, and either network goes on from there (ICLR 2025).

A reconstruction. What is known is told at second hand: encoders bring features of student and teacher to one latent
space, where a random mask takes each number from one of the two (the prior mixer of features); a decoder gives the
mixture back to a network, of which a block of either goes on by chance (the prior mixer of blocks); and there are
losses on the output and of the autoencoders. We read this as the recipe's losses and, T being the teacher's output,

``L1(S, T) + a * sum over taps of |D_T(M E_S(F_S) + (1 - M) E_T(F_T)) - F_T| + b * L1(R, T) + autoencoders``

where R is what the teacher makes of lr if the features of one tap, drawn anew for every step, are replaced by the
mixture; or, as often, the student. M is drawn for every image, channel and pixel. The autoencoders' term,
``|D(E(F)) - F|`` of both networks, trains them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.distilling.features import as_map, to_smaller
from srbench.networks.blocks import conv

FEATURE_WEIGHT = 1.0
"""a, ours; features are in units of images in [0, 1]."""
BLOCK_WEIGHT = 1.0
"""b, ours."""


class Mixer(nn.Module):
    """Mixes one tap's features of two networks in a latent space of the teacher's width.

    Args:
        student: Channels of the student's features.
        teacher: Of the teacher's.
    """

    def __init__(self, student: int, teacher: int) -> None:
        super().__init__()
        self.encode = nn.ModuleList(nn.Sequential(conv(own, teacher), nn.ReLU()) for own in (student, teacher))
        self.decode = nn.ModuleList(conv(teacher, own) for own in (student, teacher))

    def forward(self, student: Tensor, teacher: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """The mixture as features of the student and of the teacher.

        Args:
            student: (N, C, h, w).
            teacher: (N, C', h, w).
            generator: On the CPU; decides which of the two each number of the latent comes from.
        """
        mine, theirs = (encode(features) for encode, features in zip(self.encode, (student, teacher), strict=True))
        mask = torch.rand(mine.shape, generator=generator).to(mine.device) < 0.5
        mixed = torch.where(mask, mine, theirs)
        for_student, for_teacher = (decode(mixed) for decode in self.decode)
        return for_student, for_teacher

    def autoencoded(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Mean absolute difference of what is encoded and decoded to what it was, of both; trains the mixer alone."""
        parts = zip(self.encode, self.decode, (student.detach(), teacher), strict=True)
        return torch.stack([F.l1_loss(decode(encode(features)), features) for encode, decode, features in parts]).sum()


@contextmanager
def replaced(network: srbench.Network, path: str, maps: Tensor, aspect: float) -> Iterator[None]:
    """While it lasts, the network goes on from other features than those it makes.

    Args:
        network: Which.
        path: A tap, see `srbench.capture`.
        maps: (N, C, h, w) in units of images in [0, 1]; they are resized and brought to the form of what they replace.
        aspect: Height of lr by its width.
    """
    name = path.removesuffix(":input")
    module = network.module.get_submodule(name)

    def fitting(features: Tensor) -> Tensor:
        size = as_map(features, aspect).shape[-2:]
        given = maps if maps.shape[-2:] == size else F.interpolate(maps, tuple(size), mode="bilinear")
        given = (given * network.spec.input_range).to(features.dtype)
        if features.dim() == 4:
            return given.clone()  # what follows may add to it in place
        return given.flatten(2).mT.reshape(features.shape).clone()

    def before(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return fitting(args[0]), *args[1:]

    def after(_: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return fitting(output)

    handle = module.register_forward_hook(after) if path == name else module.register_forward_pre_hook(before)
    try:
        yield
    finally:
        handle.remove()


class MiPKD(srbench.Distiller):
    """Adds ``logits``, ``features``, ``blocks`` and ``autoencoders``.

    Args:
        setup: The training's.
        feature_weight: a.
        block_weight: b.
        pairs: Which taps to mix; those that the specs declare if absent.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        feature_weight: float = FEATURE_WEIGHT,
        block_weight: float = BLOCK_WEIGHT,
        pairs: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(setup)
        self.features = srbench.FeaturePairs(setup, pairs, adapt=False)
        self.mixers = nn.ModuleList(Mixer(*widths) for widths in self.features.widths)
        self.feature_weight, self.block_weight = feature_weight, block_weight

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and those of the class."""
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        target, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
        equal = [to_smaller(mine, theirs) for mine, theirs in zip(student_features, teacher_features, strict=True)]
        mixers = list(zip(cast("Iterable[Mixer]", self.mixers), equal, strict=True))
        mixed = [mix(*pair, batch.generator) for mix, pair in mixers]
        follow = [F.l1_loss(mixture, theirs) for (_, mixture), (_, theirs) in zip(mixed, equal, strict=True)]
        rebuilt = [mix.autoencoded(*pair) for mix, pair in mixers]
        return {
            **self.setup.supervised(sr, batch.hr),
            "logits": F.l1_loss(sr, target),
            "features": self.feature_weight * torch.stack(follow).sum(),
            "blocks": self.block_weight * F.l1_loss(self._gone_on(batch, mixed), target),
            "autoencoders": torch.stack(rebuilt).sum(),
        }

    def _gone_on(self, batch: srbench.Batch, mixed: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """What one of the networks, by chance, makes of the mixture at one tap."""
        tap, side = (int(torch.randint(count, (), generator=batch.generator)) for count in (len(mixed), 2))
        network = (self.setup.student, self.setup.teacher)[side]
        aspect = batch.lr.shape[-2] / batch.lr.shape[-1]
        with replaced(network, self.features.pairs[tap][side], mixed[tap][side], aspect):
            return network(batch.lr, batch.scale)


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Our reading of it."""
    return [
        srbench.DistillerSpec(
            name="mipkd",
            label="MiPKD",
            build=MiPKD,
            reconstruction=True,
            license="unknown (no release found)",
            paper=srbench.Paper(
                title="Knowledge Distillation with Multi-granularity Mixture of Priors for Image Super-Resolution",
                venue="ICLR",
                year=2025,
                url="https://arxiv.org/abs/2404.02573",
            ),
            notes="From second-hand descriptions. Ours are the layers of encoders and decoders (one convolution each, "
            "the teacher's width between them), the even mask, the even draw of taps and networks, and all weights.",
        )
    ]
