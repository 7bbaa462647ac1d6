"""MKDSR: networks learn which knowledge of a teacher improves a student (Zhu, Chen and Liu, 2022).

A reconstruction from the paper's abstract. KRNets turn intermediate outputs of the teacher into the knowledge that is
transferred, conditioned on the student's features and on the correlation of teacher and student. Dynamic kernels
extract the textures to be improved. The KRNets are trained by meta-learning, so that the transfer improves the
student's reconstruction. We read this as, for each step with patches A and other patches B,

1. look ahead: ``s' = s - alpha * gradient over s of [L(S_s(A), HR_A) + w * D(s, k)]`` for the student's weights s and
   the KRNets' weights k. D is the sum over taps of ``mean over images, kernels, pixels |K * F_S - K * F_T|``, with the
   kernels K from a KRNet;
2. improve the KRNets: a step on k along the gradient of ``L(S_s'(B), HR_B)``, which is of second order;
3. train the student, and the 1x1 convolutions where widths differ, on ``L(S_s(A), HR_A) + w * D`` with the new KRNets.

`Options` has the choices that the abstract leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import srbench
from srbench.distilling.distiller import sum_of
from srbench.networks.blocks import full_precision

Pairs = Sequence[tuple[Tensor, Tensor]]
"""The features of student and teacher at each tap, both (N, C, h, w)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The choices of this reconstruction.

    Raises:
        TrainingError: A value is outside its range.
    """

    kernels: int = 4
    """Kernels that a KRNet generates for each image and tap."""
    size: int = 3
    """Their side in pixels; odd."""
    across: bool = False
    """Whether a kernel sums over the channels, or filters each channel separately."""
    hidden: int = 64
    """Width of a KRNet."""
    distance: Literal["l1", "l2"] = "l1"
    """Distance between textures: mean absolute or mean squared difference."""
    weight: float = 0.3
    """w, for features in units of images in [0, 1]: about 15% of the gradient of L1 in a small EDSR."""
    inner_rate: float = 0.01
    """alpha, the learning rate of the step ahead."""
    outer_rate: float | None = None
    """Learning rate of the KRNets; default: the recipe's. The recipe's schedule scales it."""
    second_order: bool = True
    """Whether the gradient of step 2 is exact, or a central difference that needs no second derivatives."""
    radius: float = 0.01
    """Distance in weight space between the centre and either end of that difference."""

    def __post_init__(self) -> None:
        if self.distance not in ("l1", "l2") or self.size % 2 == 0 or min(self.kernels, self.size, self.hidden) < 1:
            raise srbench.TrainingError(
                f"MKDSR got distance={self.distance!r}, kernels={self.kernels}, size={self.size} and hidden="
                f"{self.hidden}; choose the distance l1 or l2, an odd size, and at least 1 for all numbers."
            )
        if not min(self.weight, self.inner_rate, self.radius, 1 if self.outer_rate is None else self.outer_rate) > 0:
            raise srbench.TrainingError(
                f"MKDSR got weight={self.weight}, inner_rate={self.inner_rate}, outer_rate={self.outer_rate} and "
                f"radius={self.radius}; choose values above 0."
            )


class KRNet(nn.Module):
    """Generates kernels for each image from the features of student and teacher.

    Its inputs are, for every channel, the mean of each network's features over the pixels, divided by their root mean
    square, and the correlation of the two. They are in [-1, 1] for features in any unit. They carry no gradient, so
    that the student cannot influence its kernels.

    Args:
        channels: Channels of the features.
        options: The choices of the reconstruction.
    """

    def __init__(self, channels: int, options: Options) -> None:
        super().__init__()
        self.kernels, elements = options.kernels, channels * options.size**2
        self.rows = 1 if options.across else channels
        self.generate = nn.Sequential(
            nn.Linear(3 * channels, options.hidden),
            nn.ReLU(),
            nn.Linear(options.hidden, options.kernels * elements),
        )

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Map features (N, C, h, w) to kernels (N, C, kernels, size²), or (N, 1, kernels, C*size²) across channels.

        The magnitudes of a kernel sum to 1; otherwise smaller kernels would make the distance small.
        """
        student, teacher = (features.detach().flatten(2) for features in (student, teacher))
        inputs = torch.cat((_relative_mean(student), _relative_mean(teacher), correlation(student, teacher)), dim=1)
        kernels = self.generate(inputs).reshape(len(inputs), self.rows, self.kernels, -1)
        return F.normalize(kernels, p=1, dim=-1)


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson correlation over the pixels of each channel of one with the same channel of the other, (N, C)."""
    return F.cosine_similarity(one - one.mean(dim=2, keepdim=True), other - other.mean(dim=2, keepdim=True), dim=2)


def _relative_mean(features: Tensor) -> Tensor:
    strength = features.square().mean(dim=2).sqrt()
    return features.mean(dim=2) / strength.clamp_min(torch.finfo(features.dtype).eps)


def textures(features: Tensor, kernels: Tensor) -> Tensor:
    """Filter each image with its own kernels; the borders are padded with zeros.

    It is one matrix product on size² copies of the features, because its second derivatives are as fast; those of
    grouped convolutions are computed group by group.

    Args:
        features: (N, C, h, w).
        kernels: Kernels from `KRNet`.

    Returns:
        (N, C, kernels, h*w), or (N, 1, kernels, h*w) across channels.
    """
    count, rows, _, elements = kernels.shape
    size = round((elements * rows / features.shape[1]) ** 0.5)
    patches = F.unfold(features, size, padding=size // 2)
    return kernels @ patches.reshape(count, rows, elements, -1)


def knowledge_distance(pairs: Pairs, kernels: Sequence[Tensor], distance: Literal["l1", "l2"] = "l1") -> Tensor:
    """The difference between the textures of student and teacher, ``mean |K * F_S - K * F_T|`` summed over taps.

    As convolution is linear, it is computed as the texture of the difference.
    """
    magnitude = torch.abs if distance == "l1" else torch.square
    taps = zip(pairs, kernels, strict=True)
    return torch.stack([magnitude(textures(student - teacher, k)).mean() for (student, teacher), k in taps]).sum()


class MKDSR(srbench.Distiller):
    """Adds ``knowledge``, the distance of textures, and logs ``outer``, the loss that trains the KRNets.

    It always trains in single precision, as small second derivatives would be lost in half precision.

    Args:
        setup: The training setup.
        options: The choices of the reconstruction.
        pairs: Taps to compare; default: those that the specs declare.

    Raises:
        TrainingError: ``second_order`` is on and the student has a layer without second derivatives.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        options: Options = Options(),
        pairs: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(setup)
        self.features = srbench.FeaturePairs(setup, pairs)
        self.options = options
        self.krnets = nn.ModuleList(KRNet(width, options) for _, width in self.features.widths)

    def phases(self) -> Sequence[srbench.Phase]:
        """A single phase, with an optimiser for the student and one for the KRNets."""
        rate = self.setup.recipe.learning_rate
        return (
            srbench.Phase(
                "train",
                optimise={"main": (self.setup.student.module, self.features), "krnets": (self.krnets,)},
                learning_rate={
                    "main": rate,
                    "krnets": rate if self.options.outer_rate is None else self.options.outer_rate,
                },
            ),
        )

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],
    ) -> Mapping[str, Tensor]:
        """Take a step of the KRNets, then one of the student; see the module's docstring."""
        with full_precision(batch.lr), self._differentiable_twice():
            sr, student_features = self.features.of_student(batch.lr, batch.scale)
            _, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
            pairs = self.features.matched(student_features, teacher_features)
            supervised = self.setup.supervised(sr, batch.hr)
            kernels = self._kernels(pairs)

            def knowledge_of(weights: Mapping[str, Tensor]) -> Tensor:
                _, moved = self.features.of_student(batch.lr, batch.scale, weights)
                return self._knowledge(self.features.matched(moved, teacher_features), kernels)

            inner = sum_of(supervised) + self._knowledge(pairs, kernels)
            if self.options.second_order:
                outer, slope = self._exact_slope(inner, next_batch())
            else:
                outer, slope = self._difference_slope(inner, next_batch(), knowledge_of)
            # The slope is in proportion to both. Undivided it would be lost in Adam's epsilon.
            optimisers["krnets"].minimise(slope / (self.options.inner_rate * self.options.weight))
            with torch.no_grad():
                kernels = self._kernels(pairs)
            # the student is unchanged, so its forward pass can be used again
            terms = {**supervised, "knowledge": self._knowledge(pairs, kernels)}
            optimisers["main"].minimise(sum_of(terms))
        return {**terms, "outer": outer.detach()}

    def _kernels(self, pairs: Pairs) -> list[Tensor]:
        return [krnet(*pair) for krnet, pair in zip(self.krnets, pairs, strict=True)]

    def _knowledge(self, pairs: Pairs, kernels: Sequence[Tensor]) -> Tensor:
        return self.options.weight * knowledge_distance(pairs, kernels, self.options.distance)

    def _exact_slope(self, inner: Tensor, others: srbench.Batch) -> tuple[Tensor, Tensor]:
        """Return the outer loss, and a number whose gradient over the KRNets is that of the outer loss.

        The optimiser takes such a number like any loss. The outer loss itself cannot be passed, as it would also give
        the student a gradient.
        """
        ahead = self._ahead(inner, create_graph=True)
        outer = self._outer(ahead, others)
        if others.step == 0:
            # Autograd raises an error when it passes a layer that can be differentiated only once. Asked for the
            # KRNets' gradients alone it would silently skip such a layer; asked for all, it passes every layer.
            torch.autograd.backward(outer, retain_graph=True)
        parameters = list(self.krnets.parameters())
        gradients = torch.autograd.grad(outer, parameters)
        return outer, torch.stack([(p * g).sum() for p, g in zip(parameters, gradients, strict=True)]).sum()

    def _difference_slope(
        self, inner: Tensor, others: srbench.Batch, knowledge_of: Callable[[Mapping[str, Tensor]], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Approximate `_exact_slope` by a central difference of first derivatives (Liu et al., DARTS, ICLR 2019).

        If v is the gradient of the outer loss over s', its gradient over k is ``-alpha`` times the derivative along v
        of the gradient of the knowledge over k.
        """
        ahead = {name: w.detach().requires_grad_() for name, w in self._ahead(inner, create_graph=False).items()}
        outer = self._outer(ahead, others)
        slopes = torch.autograd.grad(outer, list(ahead.values()), allow_unused=True)
        direction = {name: v for name, v in zip(ahead, slopes, strict=True) if v is not None}
        length = torch.stack([v.square().sum() for v in direction.values()]).sum().sqrt()
        reach = self.options.radius / length.clamp_min(torch.finfo(length.dtype).tiny)
        weights = self._weights()
        with torch.no_grad():
            forward, back = ({n: weights[n] + sign * reach * v for n, v in direction.items()} for sign in (1, -1))
        difference = knowledge_of(forward) - knowledge_of(back)
        return outer, -self.options.inner_rate * difference / (2 * reach)

    def _weights(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.setup.student.module.named_parameters() if p.requires_grad}

    def _ahead(self, inner: Tensor, *, create_graph: bool) -> dict[str, Tensor]:
        """Return the student's weights after a step of gradient descent on the inner loss."""
        weights = self._weights()
        slopes = torch.autograd.grad(
            inner, list(weights.values()), create_graph=create_graph, retain_graph=True, allow_unused=True
        )
        rate = self.options.inner_rate
        return {name: w if g is None else w - rate * g for (name, w), g in zip(weights.items(), slopes, strict=True)}

    def _outer(self, weights: Mapping[str, Tensor], others: srbench.Batch) -> Tensor:
        return sum_of(self.setup.supervised(self.setup.student(others.lr, others.scale, weights), others.hr))

    @contextmanager
    def _differentiable_twice(self) -> Iterator[None]:
        """Use an attention kernel that has second derivatives, and explain the error of layers that have none."""
        if not self.options.second_order:
            yield
            return
        try:
            with sdpa_kernel(SDPBackend.MATH):
                yield
        except RuntimeError as error:
            if "once_differentiable" not in str(error) and "derivative for" not in str(error):
                raise
            raise srbench.TrainingError(
                f"{self.setup.student.spec.name} has a layer without second derivatives; train it with "
                f"mkdsr_first_order. ({error})"
            ) from error


PAPER = srbench.Paper(
    title="Learning Knowledge Representation with Meta Knowledge Distillation for Single Image Super-Resolution",
    venue="arXiv",
    year=2022,
    url="https://arxiv.org/abs/2207.08356",
)


_READING = partial(srbench.DistillerSpec, paper=PAPER, license="no release", reconstruction=True)
_OURS = "Reconstructed from the abstract; the KRNets, the distance, the weights and the rates are ours."


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide our reading, and a form for students that cannot be differentiated twice."""
    return [
        _READING(
            name="mkdsr",
            label="MKDSR",
            build=MKDSR,
            notes=f"KRNets are trained with the exact second-order gradient. {_OURS}",
        ),
        _READING(
            name="mkdsr_first_order",
            label="MKDSR (first order)",
            build=partial(MKDSR, options=Options(second_order=False)),
            notes="KRNets are trained with a central difference of first derivatives, for networks without second "
            f"ones. {_OURS}",
        ),
    ]
