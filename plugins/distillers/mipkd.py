"""MiPKD: mix the student's features with the teacher's and continue from the mixture in either network (ICLR 2025).

A reconstruction from second-hand descriptions. Encoders map features of student and teacher to one latent space, where
a random mask takes each number from one of the two (the prior mixer of features). A decoder returns the mixture to one
of the two networks, chosen at random, which continues from there (the prior mixer of blocks). There are also losses on
the output and of the autoencoders. We read this as the recipe's losses and, where T is the teacher's output,

``L1(S, T) + a * sum over taps of |D_T(M E_S(F_S) + (1 - M) E_T(F_T)) - F_T| + b * L1(R, T) + autoencoders``

R is the output of the teacher or, with equal probability, of the student, after the features of one tap were replaced
by the mixture; the tap is drawn again for every step. M is drawn for every image, channel and pixel. The term of the
autoencoders, ``|D(E(F)) - F|`` of both networks, trains only them.
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
"""a, our choice; features are in units of images in [0, 1]."""
BLOCK_WEIGHT = 1.0
"""b, our choice."""


class Mixer(nn.Module):
    """Mixes the features of two networks at one tap, in a latent space of the teacher's width.

    Args:
        student: Channels of the student's features.
        teacher: Channels of the teacher's features.
    """

    def __init__(self, student: int, teacher: int) -> None:
        super().__init__()
        self.encode = nn.ModuleList(nn.Sequential(conv(own, teacher), nn.ReLU()) for own in (student, teacher))
        self.decode = nn.ModuleList(conv(teacher, own) for own in (student, teacher))

    def forward(self, student: Tensor, teacher: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return the mixture, decoded to features of the student and of the teacher.

        Args:
            student: Features (N, C, h, w).
            teacher: Features (N, C', h, w).
            generator: On the CPU; draws the network that each number of the latent comes from.
        """
        student_latent, teacher_latent = (
            encode(features) for encode, features in zip(self.encode, (student, teacher), strict=True)
        )
        mask = torch.rand(student_latent.shape, generator=generator).to(student_latent.device) < 0.5
        mixed = torch.where(mask, student_latent, teacher_latent)
        for_student, for_teacher = (decode(mixed) for decode in self.decode)
        return for_student, for_teacher

    def autoencoded(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Mean absolute difference between features and their reconstruction, for both networks; trains the mixer."""
        parts = zip(self.encode, self.decode, (student.detach(), teacher), strict=True)
        return torch.stack([F.l1_loss(decode(encode(features)), features) for encode, decode, features in parts]).sum()


@contextmanager
def replaced(network: srbench.Network, path: str, maps: Tensor, aspect: float) -> Iterator[None]:
    """Replace the features of a network at one tap while the context is open.

    Args:
        network: The network to change.
        path: A tap, see `srbench.capture`.
        maps: The new features (N, C, h, w) in units of images in [0, 1]; they are resized and reshaped to fit.
        aspect: Height of lr divided by its width.
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
        setup: The training setup.
        feature_weight: a.
        block_weight: b.
        pairs: Taps to mix; default: those that the specs declare.
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
        """The recipe's terms and those that the class lists."""
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        target, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
        equal = [to_smaller(*pair) for pair in zip(student_features, teacher_features, strict=True)]
        mixers = list(zip(cast("Iterable[Mixer]", self.mixers), equal, strict=True))
        mixed = [mix(*pair, batch.generator) for mix, pair in mixers]
        imitation = [F.l1_loss(mixture, features) for (_, mixture), (_, features) in zip(mixed, equal, strict=True)]
        rebuilt = [mix.autoencoded(*pair) for mix, pair in mixers]
        return {
            **self.setup.supervised(sr, batch.hr),
            "logits": F.l1_loss(sr, target),
            "features": self.feature_weight * torch.stack(imitation).sum(),
            "blocks": self.block_weight * F.l1_loss(self._continued(batch, mixed), target),
            "autoencoders": torch.stack(rebuilt).sum(),
        }

    def _continued(self, batch: srbench.Batch, mixed: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the output of a random network that continues from the mixture at a random tap."""
        tap, side = (int(torch.randint(count, (), generator=batch.generator)) for count in (len(mixed), 2))
        network = (self.setup.student, self.setup.teacher)[side]
        aspect = batch.lr.shape[-2] / batch.lr.shape[-1]
        with replaced(network, self.features.pairs[tap][side], mixed[tap][side], aspect):
            return network(batch.lr, batch.scale)


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide our reading."""
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
            notes="Reconstructed from second-hand descriptions. Our choices: encoders and decoders of one convolution "
            "each with the teacher's width between them, a mask and a choice of taps and networks with equal "
            "probabilities, and all weights.",
        )
    ]
