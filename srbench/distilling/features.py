"""Features of student and teacher side by side: which to compare, how to bring them to one shape, how they relate.

Networks differ in depth, width and resolution. `FeaturePairs` pairs their taps by depth, lets 1x1 convolutions change
the student's channels to the teacher's, and pools the larger map to the smaller. What a method makes of the pairs is
its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from srbench.distilling.distiller import Setup
from srbench.errors import TrainingError
from srbench.naming import Scale
from srbench.networks.capture import capture
from srbench.networks.network import Network

TRIAL_SIDE = 16
"""Side in pixels of the lr on which channels are counted; networks that need more are padded."""
STRIP_ELEMENTS = 2**22
"""Numbers of an affinity map that are held at once: 16 MB in single precision."""

Pairs = Sequence[tuple[str, str]]
"""Paths of the student's taps, each with the teacher's; "body.4:input" is what the module takes, see `capture`."""


class FeaturePairs(nn.Module):
    """The taps of a student and of its teacher, paired, with what brings each pair to one shape.

    Assign it to an attribute of the distiller, so that its adapters are trained and checkpointed.

    Args:
        setup: The distiller's.
        pairs: Which taps belong together; by default those that the two specs declare, matched by `match_taps`.
        adapt: Whether the student's features are given the teacher's channels. Without, only sizes are made equal, as
            relations between pixels want it.
        teacher: The setup's first if absent; it may be one that the distiller makes.

    Attributes:
        pairs: Paths of the student's taps, each with the teacher's, in order of depth.
        widths: Channels of the student's features and of the teacher's, for each pair.
        adapters: For each pair, the identity where channels are equal, or a 1x1 convolution.

    Raises:
        TrainingError: A spec declares no taps, a network has no such module or does not use it, or the student works
            on luma and the teacher on RGB.
    """

    def __init__(
        self, setup: Setup, pairs: Pairs | None = None, *, adapt: bool = True, teacher: Network | None = None
    ) -> None:
        super().__init__()
        self.student, self.teacher = setup.student, teacher or setup.teacher
        setup.require_common_colours((self.teacher,))
        self.pairs = tuple(pairs) if pairs else match_taps(_declared(self.student), _declared(self.teacher))
        mine, theirs = ([pair[side] for pair in self.pairs] for side in (0, 1))
        lr = torch.zeros(1, self.student.colours, TRIAL_SIDE, TRIAL_SIDE, device=setup.device)
        counts = _channels(self.student, mine, lr, setup), _channels(self.teacher, theirs, lr, setup)
        self.widths = tuple(zip(*counts, strict=True))
        self.adapters = nn.ModuleList(
            nn.Conv2d(own, wanted, 1, device=setup.device) if adapt and own != wanted else nn.Identity()
            for own, wanted in self.widths
        )

    def of_student(
        self, lr: Tensor, scale: Scale, weights: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Run the student.

        Args:
            lr: (N, C, h, w) in [0, 1].
            scale: Up-sampling factor.
            weights: Taken instead of the student's own; see `Network`.

        Returns:
            sr, and for each pair the student's features as maps (N, C, h', w'), unadapted. They are divided by the
            network's ``input_range``, as images are, so that a weight means the same for all networks.
        """
        return _run(self.student, [mine for mine, _ in self.pairs], lr, scale, weights)

    @torch.no_grad()
    def of_teacher(self, lr: Tensor, scale: Scale) -> tuple[Tensor, list[Tensor]]:
        """Run the teacher without gradients; see `of_student`."""
        return _run(self.teacher, [theirs for _, theirs in self.pairs], lr, scale)

    def matched(self, learnt: Sequence[Tensor], known: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Bring the student's and the teacher's features to one shape, pair by pair.

        Args:
            learnt: From `of_student`.
            known: From `of_teacher`.

        Returns:
            Pairs of (N, C, h', w'): equal in size, and in channels unless ``adapt`` is off.
        """
        pooled = [to_smaller(mine, theirs) for mine, theirs in zip(learnt, known, strict=True)]
        return [(adapt(mine), theirs) for adapt, (mine, theirs) in zip(self.adapters, pooled, strict=True)]


def match_taps(student: Sequence[str], teacher: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pair taps by depth.

    Of n taps, the i-th (from 1) is taken to lie at depth i/n. Every tap of the network that has fewer gets the
    other's that is nearest; so the last are always paired, and equally many are paired in order.

    Args:
        student: Paths in order of depth.
        teacher: Paths in order of depth.

    Returns:
        As many pairs as the network with fewer taps has; none is used twice.
    """
    count = min(len(student), len(teacher))

    def spread(taps: Sequence[str]) -> list[str]:
        return [taps[math.floor((i + 1) * len(taps) / count + 0.5) - 1] for i in range(count)]

    return tuple(zip(spread(student), spread(teacher), strict=True))


def to_smaller(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Average-pool whichever of two (N, C, h, w) is larger to the other's height, and to its width."""
    height, width = (min(one.shape[axis], other.shape[axis]) for axis in (-2, -1))
    return _pooled(one, height, width), _pooled(other, height, width)


def _pooled(features: Tensor, height: int, width: int) -> Tensor:
    fits = features.shape[-2:] == (height, width)
    return features if fits else F.adaptive_avg_pool2d(features, (height, width))


def _declared(network: Network) -> tuple[str, ...]:
    if not network.spec.taps:
        raise TrainingError(
            f'{network.spec.name} declares no taps, so its features cannot be compared; add taps=("path.of.module", …) '
            "to its ArchitectureSpec, or give the distiller pairs of paths."
        )
    return network.spec.taps


def _run(
    network: Network, paths: Sequence[str], lr: Tensor, scale: Scale, weights: Mapping[str, Tensor] | None = None
) -> tuple[Tensor, list[Tensor]]:
    with capture(network.module, tuple(dict.fromkeys(paths))) as features:
        sr = network(lr, scale, weights)
    if missing := [path for path in paths if path not in features]:
        raise TrainingError(
            f"{network.spec.name} does not use its module {missing[0]!r} at x{scale}, so it cannot be tapped; choose "
            "modules that every forward pass goes through."
        )
    aspect, white = lr.shape[-2] / lr.shape[-1], network.spec.input_range
    maps = [as_map(features[path], aspect) for path in paths]
    return sr, maps if white == 1.0 else [each / white for each in maps]


def as_map(features: Tensor, aspect: float = 1.0) -> Tensor:
    """Features of any network as a map.

    Args:
        features: (N, C, h, w), a transformer's tokens (N, h*w, C) in rows, or vectors (N, C).
        aspect: Height of the image by its width, for tokens.

    Returns:
        (N, C, h, w); (N, C, 1, 1) for vectors.

    Raises:
        TrainingError: They have another number of axes, or the tokens fill no rectangle of that aspect.
    """
    if features.dim() == 4:
        return features
    if features.dim() == 2:
        return features[..., None, None]
    if features.dim() == 3:
        height = round(math.sqrt(features.shape[1] * aspect))
        if features.shape[1] % max(height, 1) == 0:
            return features.mT.reshape(len(features), features.shape[2], height, -1)
    raise TrainingError(
        f"Features of shape {tuple(features.shape)} are no map (N, C, h, w), no tokens (N, h*w, C) of the image and no "
        "vectors (N, C); tap another module."
    )


def _channels(network: Network, paths: Sequence[str], lr: Tensor, setup: Setup) -> list[int]:
    """How many channels the taps have, which must not depend on the scale."""
    with _evaluating(network.module), torch.no_grad():
        runs = [_run(network, paths, lr, scale)[1] for scale in setup.scales]
    widths = [[features.shape[1] for features in run] for run in runs]
    for path, *counts in zip(paths, *widths, strict=True):
        if len(set(counts)) > 1:
            raise TrainingError(
                f"Tap {path!r} of {network.spec.name} has {counts} channels at the scales {list(setup.scales)}; choose "
                "one whose channels are the same at every scale."
            )
    return widths[0]


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode, in which nothing is remembered of a forward pass; every module's own mode afterwards."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def affinity_distance(student: Tensor, teacher: Tensor, *, elements: int = STRIP_ELEMENTS) -> Tensor:
    """Mean absolute difference of the spatial affinities, mean |A_S - A_T|, in bounded memory.

    The affinity A = F'^T F' holds the cosine of every pixel's features with every other's: (N, hw, hw), a gigabyte for
    a few patches. It is formed strip by strip, and the gradient along with the value, so that nothing of its size is
    kept for the backward pass. FAKD (He et al., ICIP 2020).

    Args:
        student: (N, C, h, w).
        teacher: (N, C', h, w); C' may differ.
        elements: How many numbers of the affinities are held at once.

    Returns:
        One number in [0, 2]. It can be differentiated once.
    """
    with torch.autocast(student.device.type, enabled=False):  # differences of cosines drown in half precision
        mine, theirs = (unit_pixels(features).flatten(2) for features in (student, teacher))
        rows = max(1, elements // (len(mine) * mine.shape[2]))
        distance: Tensor = _StripwiseL1.apply(mine, theirs, rows)
    return distance


def unit_pixels(features: Tensor) -> Tensor:
    """(N, C, h, w) with every pixel divided by its norm over C plus 1e-8; single precision at least."""
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    norms: Tensor = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    return features / (norms + 1e-8)


class _StripwiseL1(torch.autograd.Function):
    """mean |XᵀX - YᵀY| for X (N, C, P) and Y (N, C', P).

    With D the symmetric sign of the difference over the number of its elements, the gradients are 2XD and -2YD.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, student: Tensor, teacher: Tensor, rows: int) -> Tensor:
        count, _, pixels = student.shape
        elements = count * pixels**2
        total = student.new_zeros(())
        wanted = ctx.needs_input_grad[:2]  # type: ignore[attr-defined]
        gradients = [
            (2.0 * sign / elements, side, torch.empty_like(side)) if needed else None
            for sign, side, needed in zip((1, -1), (student, teacher), wanted, strict=True)
        ]
        for at in range(0, pixels, rows):
            strip = slice(at, at + rows)
            difference = torch.baddbmm(student[..., strip].mT @ student, teacher[..., strip].mT, teacher, alpha=-1)
            total += difference.abs().sum()
            difference.sign_()
            for found in gradients:
                if found is not None:
                    factor, side, gradient = found
                    gradient[..., strip] = factor * (side @ difference.mT)
        ctx.save_for_backward(*(found[2] if found else None for found in gradients))  # type: ignore[arg-type]
        return total / elements

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        mine, theirs = ctx.saved_tensors  # type: ignore[attr-defined]
        return (None if mine is None else upstream * mine), (None if theirs is None else upstream * theirs), None
