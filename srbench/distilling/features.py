"""Features of student and teacher side by side: which to compare, and how to bring them to one shape.

Networks differ in depth, width and resolution. `FeaturePairs` pairs their taps by depth, lets 1x1 convolutions change
the student's channels to the teacher's, and pools the larger map to the smaller. What to compute from the pairs is up
to the method.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srbench.distilling.distiller import Setup
from srbench.errors import TrainingError
from srbench.networks.capture import capture
from srbench.networks.network import Network
from srbench.networks.wanted import Points, Wanted

TRIAL_SIDE = 16
"""Side in pixels of the lr on which channels are counted; networks that need more are padded."""

Pairs = Sequence[tuple[str, str]]
"""Paths of the student's taps, each with the teacher's; "body.4:input" is what the module takes, see `capture`."""


class FeaturePairs(nn.Module):
    """The taps of a student and of its teacher, paired, with what brings each pair to one shape.

    Assign it to an attribute of the distiller, so that its adapters are trained and checkpointed.

    Args:
        setup: The setup of the distiller.
        pairs: Which taps belong together; by default those that the two specs declare, matched by `match_taps`.
        adapt: Whether the student's features are given the teacher's channels. Without it, only sizes are made equal,
            which is what relations between pixels need.
        teacher: Default: the first of the setup. A distiller may pass one that it made.

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
        student_channels = count_channels(self.student, [path for path, _ in self.pairs], setup)
        teacher_channels = count_channels(self.teacher, [path for _, path in self.pairs], setup)
        self.widths = tuple(zip(student_channels, teacher_channels, strict=True))
        self.adapters = nn.ModuleList(
            nn.Conv2d(own, wanted, 1, device=setup.device) if adapt and own != wanted else nn.Identity()
            for own, wanted in self.widths
        )

    def of_student(
        self, lr: Tensor, scale: Wanted, weights: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Run the student.

        Args:
            lr: (N, C, h, w) in [0, 1].
            scale: Up-sampling factor, or `Batch.wanted`.
            weights: Weights to use instead of the student's own; see `Network`.

        Returns:
            sr, and for each pair the student's features as maps (N, C, h', w'), unadapted. They are divided by the
            network's ``input_range``, as images are, so that a weight means the same for all networks.
        """
        return _run(self.student, [path for path, _ in self.pairs], lr, scale, weights)

    @torch.no_grad()
    def of_teacher(self, lr: Tensor, scale: Wanted) -> tuple[Tensor, list[Tensor]]:
        """Run the teacher without gradients; see `of_student`."""
        return _run(self.teacher, [path for _, path in self.pairs], lr, scale)

    def matched(
        self, student_features: Sequence[Tensor], teacher_features: Sequence[Tensor]
    ) -> list[tuple[Tensor, Tensor]]:
        """Bring features from `of_student` and `of_teacher` to one shape, pair by pair.

        Returns:
            Pairs of (N, C, h', w'): equal in size, and in channels unless ``adapt`` is off.
        """
        pooled = [to_smaller(*pair) for pair in zip(student_features, teacher_features, strict=True)]
        return [(adapt(student), teacher) for adapt, (student, teacher) in zip(self.adapters, pooled, strict=True)]


def match_taps(student: Sequence[str], teacher: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pair taps by depth.

    Taps are paths in order of depth; of n taps, the i-th (from 1) is taken to be at depth i/n. Every tap of the network
    that has fewer gets the nearest of the other; so the last are always paired, and equally many are paired in order.

    Returns:
        As many pairs as the network with fewer taps has; none is used twice.
    """
    count = min(len(student), len(teacher))

    def spread(taps: Sequence[str]) -> list[str]:
        return [taps[math.floor((i + 1) * len(taps) / count + 0.5) - 1] for i in range(count)]

    return tuple(zip(spread(student), spread(teacher), strict=True))


def to_smaller(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Average-pool the larger of two maps (N, C, h, w) to the other's height, and to its width."""
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
    network: Network, paths: Sequence[str], lr: Tensor, scale: Wanted, weights: Mapping[str, Tensor] | None = None
) -> tuple[Tensor, list[Tensor]]:
    with capture(network.tapped, tuple(dict.fromkeys(paths))) as features:
        sr = network(lr, scale, weights)
    if missing := [path for path in paths if path not in features]:
        at = "on points" if isinstance(scale, Points) else f"at x{scale}"
        raise TrainingError(
            f"{network.spec.name} does not use its module {missing[0]!r} {at}, so it cannot be tapped; choose "
            "modules that every forward pass goes through."
        )
    aspect, input_range = lr.shape[-2] / lr.shape[-1], network.spec.input_range
    maps = [as_map(features[path], aspect) for path in paths]
    return sr, maps if input_range == 1.0 else [each / input_range for each in maps]


def as_map(features: Tensor, aspect: float = 1.0) -> Tensor:
    """Turn the features of any network into a map.

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
        f"Features of shape {tuple(features.shape)} are not a map (N, C, h, w), tokens (N, h*w, C) of the image or "
        "vectors (N, C); tap another module."
    )


def count_channels(network: Network, paths: Sequence[str], setup: Setup) -> list[int]:
    """Count the channels of some features by a trial run on an image with the colours of the student's.

    Raises:
        TrainingError: The network has no such module or does not use it, or its channels depend on the scale.
    """
    lr = torch.zeros(1, setup.student.colours, TRIAL_SIDE, TRIAL_SIDE, device=setup.device)
    with evaluating(network.module), torch.no_grad():
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
def evaluating(module: nn.Module) -> Iterator[None]:
    """Switch to eval mode, in which a forward pass leaves no trace; restore every module's mode afterwards."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
