"""MTKD: an aggregator combines several teachers' outputs, and the student imitates it (Jiang et al., ECCV 2024).

First a network G learns to combine the teachers' images, ``D(G(T_1, …, T_k), hr)``. Then the student imitates it,
``D(S, G(T_1, …, T_k)) + 0.1 * L(S, hr)``, where ``L`` are the recipe's own losses. D compares wavelet coefficients.

Several things are open. The paper's aggregator attends to the DCT of windows; the rest of its structure is our reading,
as is the share of the steps. The release writes D as a loss over four levels, in which the lowest band is compared for
only one image of the batch, and then trains both stages with plain L1. A summary of the paper says that there is one
level, and that training a student on wavelets is unstable: ``mtkd`` compares wavelets in the first stage only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import conv, zeroed
from srbench.networks.wavelets import haar

Distance = Callable[[Tensor, Tensor], Tensor]
"""Takes two images (N, C, H, W) and returns one number."""

TRUTH_WEIGHT = 0.1
"""Weight of the recipe's losses beside the imitation, as in the release."""
AGGREGATE_SHARE = 0.25
"""Share of the steps that train the aggregator, our choice; the release trains it for 500,000."""
AGGREGATOR_WIDTH, AGGREGATOR_DEPTH, AGGREGATOR_HEADS = 24, 4, 2
"""Our choice."""
WINDOW = 8
"""Side in pixels of the windows whose DCT is attended to; our choice."""


def bands(images: Tensor) -> tuple[Tensor, Tensor]:
    """Split images by one level of the Haar transform; odd sides are padded with a row or column of zeros.

    Args:
        images: (N, C, h, w).

    Returns:
        The low band (N, C, ⌈h/2⌉, ⌈w/2⌉), and the three high bands (N, 3C, ⌈h/2⌉, ⌈w/2⌉).
    """
    low, *high = haar(F.pad(images, (0, images.shape[-1] % 2, 0, images.shape[-2] % 2))).chunk(4, dim=1)
    return low, torch.cat(high, dim=1)


def wavelet_distance(one: Tensor, other: Tensor, *, levels: int = 1, low_of_one: bool = False) -> Tensor:
    """Mean absolute difference of wavelet coefficients, summed over the high bands of all levels and the last low band.

    Args:
        one: (N, C, h, w).
        other: Images of the same shape.
        levels: How many times the low band is split.
        low_of_one: Compare the low band of image number ``levels - 1`` only, as the release does by mistake: it indexes
            the batch instead of the levels.

    Raises:
        TrainingError: The batch is too small to have that image.
    """
    terms = []
    for _ in range(levels):
        (one, high), (other, other_high) = bands(one), bands(other)
        terms.append(F.l1_loss(high, other_high))
    if low_of_one:
        if levels > len(one):
            raise srbench.TrainingError(
                f"The release's wavelet loss over {levels} levels compares image {levels} of the batch, and there are "
                f"only {len(one)}; raise the recipe's batch, or choose mtkd_wavelet."
            )
        one, other = one[levels - 1], other[levels - 1]
    return torch.stack([*terms, F.l1_loss(one, other)]).sum()


class FrequencyBlock(nn.Module):
    """Attention between the frequencies of each window, then a perceptron, as a residual.

    Args:
        width: Channels.
        heads: Heads of the attention.
        window: Side of the windows in pixels.
        shift: Offset of the windows from the image's corner in pixels.
    """

    basis: Tensor

    def __init__(self, width: int, *, heads: int = AGGREGATOR_HEADS, window: int = WINDOW, shift: int = 0) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.register_buffer("basis", cosines(window), persistent=False)
        self.place = nn.Parameter(torch.zeros(window**2, width))
        self.before_attention, self.before_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, h, w), whose sides are multiples of the window, to the same shape."""
        count, width, height, across = maps.shape
        side = self.window
        maps = maps.roll((-self.shift, -self.shift), (2, 3))
        cut = maps.reshape(count, width, height // side, side, across // side, side).permute(0, 2, 4, 1, 3, 5)
        tokens = (self.basis @ cut @ self.basis.mT).flatten(-2).flatten(0, 2).mT
        tokens = tokens + self._attention(self.before_attention(tokens) + self.place)
        tokens = tokens + self.perceptron(self.before_perceptron(tokens))
        windows = tokens.mT.reshape(cut.shape)
        cut = (self.basis.mT @ windows @ self.basis).permute(0, 3, 1, 4, 2, 5)
        back: Tensor = cut.reshape(count, width, height, across).roll((self.shift, self.shift), (2, 3))
        return back

    def _attention(self, tokens: Tensor) -> Tensor:
        split = self.queries_keys_values(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*split)
        out: Tensor = self.attended(mixed.transpose(1, 2).flatten(2))
        return out


def cosines(side: int) -> Tensor:
    """The orthonormal DCT-II of ``side`` numbers as a matrix (frequency, place)."""
    place = torch.arange(side, dtype=torch.float64)
    basis = torch.cos(math.pi / side * (place + 0.5) * place[:, None]) * math.sqrt(2 / side)
    basis[0] /= math.sqrt(2)
    return basis.float()


class Aggregator(nn.Module):
    """Combines the images of several teachers; it starts as their mean.

    Args:
        teachers: Number of teachers.
        colours: Channels of an image.
        width: Inner channels.
        depth: Number of blocks; every other one has its windows shifted by half.
    """

    def __init__(
        self, teachers: int, colours: int, *, width: int = AGGREGATOR_WIDTH, depth: int = AGGREGATOR_DEPTH
    ) -> None:
        super().__init__()
        self.head = conv(teachers * colours, width)
        self.body = nn.Sequential(*(FrequencyBlock(width, shift=WINDOW // 2 * (n % 2)) for n in range(depth)))
        self.tail = zeroed(conv(width, colours))

    def forward(self, images: Sequence[Tensor]) -> Tensor:
        """Combine the teachers' images (N, C, H, W) to one of the same shape, in [0, 1] like them."""
        height, across = images[0].shape[-2:]
        mean = torch.stack(tuple(images)).mean(dim=0)
        maps = F.pad(self.head(torch.cat(tuple(images), dim=1)), (0, -across % WINDOW, 0, -height % WINDOW))
        change: Tensor = self.tail((maps + self.body(maps))[..., :height, :across])
        return mean + change


class MTKD(srbench.Distiller):
    """Trains the aggregator in the phase ``aggregate``, and the student in the phase ``imitate``.

    Args:
        setup: The training setup, with one or several teachers.
        aggregation: Distance between the aggregate and the ground truth.
        imitation: Distance between the student's output and the aggregate.
        truth: Weight of the recipe's losses beside the imitation.
        share: Share of the steps that train the aggregator.
        aggregator: Makes the aggregator from the number of teachers and of colours.
    """

    aggregated: Tensor

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        aggregation: Distance = wavelet_distance,
        imitation: Distance = F.l1_loss,
        truth: float = TRUTH_WEIGHT,
        share: float = AGGREGATE_SHARE,
        aggregator: Callable[[int, int], nn.Module] = Aggregator,
    ) -> None:
        super().__init__(setup)
        setup.require_common_colours()
        self.aggregator = aggregator(len(setup.teachers), setup.student.colours)
        self.aggregation, self.imitation, self.truth, self.share = aggregation, imitation, truth, share
        self.register_buffer("aggregated", torch.tensor(data=False))

    def phases(self) -> Sequence[srbench.Phase]:
        """First the aggregator, then the student."""
        return (
            srbench.Phase("aggregate", self.share, {"main": [self.aggregator]}, begin=self._begin_aggregating),
            srbench.Phase(
                "imitate", 1 - self.share, {"main": [self.setup.student.module]}, begin=self._begin_imitating
            ),
        )

    def _begin_aggregating(self) -> None:
        self.aggregated.fill_(value=False)
        self.aggregator.train().requires_grad_()

    def _begin_imitating(self) -> None:
        self.aggregated.fill_(value=True)
        self.aggregator.eval().requires_grad_(requires_grad=False)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``aggregate`` in the first phase; the recipe's terms and ``imitation`` in the second."""
        with torch.no_grad():
            images = [teacher(batch.lr, batch.scale) for teacher in self.setup.teachers]
        if not self.aggregated:
            return {"aggregate": self.aggregation(self.aggregator(images), batch.hr)}
        with torch.no_grad():
            target = self.aggregator(images)
        sr = self.setup.student(batch.lr, batch.scale)
        supervised = self.setup.supervised(sr, batch.hr)
        return {
            **{name: self.truth * term for name, term in supervised.items()},
            "imitation": self.imitation(sr, target),
        }


def _spec(
    name: str,
    label: str,
    notes: str,
    form: Literal["corrected", "official"] = "corrected",
    **options: Any,  # noqa: ANN401 - MTKD's
) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(MTKD, **options),
        several_teachers=True,
        license="unknown (no licence file)",
        reconstruction=True,
        form=form,
        paper=srbench.Paper(
            title="MTKD: Multi-Teacher Knowledge Distillation for Image Super-Resolution",
            venue="ECCV",
            year=2024,
            url="https://github.com/YuxuanJJ/MTKD",
        ),
        notes=f"{notes} The aggregator is our reading of a network that attends to DCTs. A quarter of the steps train "
        "it, the rest train the student.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants that differ in the stages that compare wavelets, and in the wavelet loss."""
    slip = partial(wavelet_distance, levels=4, low_of_one=True)
    return [
        _spec("mtkd", "MTKD", "The aggregator is trained on wavelets of one level, the student on L1."),
        _spec("mtkd_wavelet", "MTKD (wavelets)", "Both train on wavelets of one level.", imitation=wavelet_distance),
        _spec(
            "mtkd_l1", "MTKD (L1)", "Both train on L1, as the release is configured.", "official", aggregation=F.l1_loss
        ),
        _spec(
            "mtkd_official",
            "MTKD (official wavelets)",
            "Both train on the release's wavelet loss as written, which its configuration does not use: four levels, "
            "and the lowest band of only one image of the batch.",
            "official",
            aggregation=slip,
            imitation=slip,
        ),
    ]
