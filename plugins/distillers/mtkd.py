"""MTKD: several teachers' images are put together first, and the student learns from that (Jiang et al., ECCV 2024).

First a network puts the teachers' images together, ``D(G(T_1, …, T_k), hr)``; then the student follows it,
``D(S, G(T_1, …, T_k)) + 0.1 * L(S, hr)``, where ``L`` are the recipe's own losses. D compares wavelet coefficients.

Several things are open. The paper attends to the DCT of windows; how its aggregator is built beyond that is our
reading, as is how the steps are shared. The release writes D as a loss over four levels in which the lowest band is
compared for one image of the batch alone, and then trains both stages by plain L1. A summary of the paper says one
level, and that a student which learns by wavelets trains unstably: ``mtkd`` compares wavelets in the first stage only.
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

Distance = Callable[[Tensor, Tensor], Tensor]
"""Of two images (N, C, H, W), one number."""

TRUTH = 0.1
"""Weight of the recipe's losses beside the aggregate's, as in the release."""
AGGREGATE_SHARE = 0.25
"""Of the steps, ours; the release trains the aggregator for 500,000."""
WIDTH, DEPTH, HEADS = 24, 4, 2
"""Of the aggregator, ours."""
WINDOW = 8
"""Side of the windows whose DCT is attended to; ours."""


def haar(images: Tensor) -> tuple[Tensor, Tensor]:
    """One level of the orthonormal Haar transform.

    Args:
        images: (N, C, h, w); an odd side gets a row or column of zeros.

    Returns:
        The low band (N, C, ⌈h/2⌉, ⌈w/2⌉) and the three others (N, C, 3, ⌈h/2⌉, ⌈w/2⌉): differences down, across, both.
    """
    images = F.pad(images, (0, images.shape[-1] % 2, 0, images.shape[-2] % 2))
    above, below = images[..., 0::2, :], images[..., 1::2, :]
    sums, differences = above + below, above - below
    left, right = (slice(0, None, 2), slice(1, None, 2))
    bands = [
        sums[..., left] + sums[..., right],
        differences[..., left] + differences[..., right],
        sums[..., left] - sums[..., right],
        differences[..., left] - differences[..., right],
    ]
    low, *high = (band / 2 for band in bands)
    return low, torch.stack(high, dim=2)


def wavelet_distance(one: Tensor, other: Tensor, *, levels: int = 1, low_of_one: bool = False) -> Tensor:
    """Mean absolute difference of wavelet coefficients: of each level's high bands and of the last low band, summed.

    Args:
        one: (N, C, h, w).
        other: The same.
        levels: How often the low band is split again.
        low_of_one: Compare the low band of image number ``levels - 1`` alone, as the release does by a slip: it indexes
            the batch where it means the levels.

    Raises:
        TrainingError: That image is beyond the batch.
    """
    terms = []
    for _ in range(levels):
        (one, high), (other, other_high) = haar(one), haar(other)
        terms.append(F.l1_loss(high, other_high))
    if low_of_one:
        if levels > len(one):
            raise srbench.TrainingError(
                f"The release's wavelet loss over {levels} levels compares image {levels} of the batch and there are "
                f"only {len(one)}; raise the recipe's batch, or take the corrected loss."
            )
        one, other = one[levels - 1], other[levels - 1]
    return torch.stack([*terms, F.l1_loss(one, other)]).sum()


class FrequencyBlock(nn.Module):
    """Attention between the frequencies of each window, then a perceptron, as a residual.

    Args:
        width: Channels.
        heads: Of the attention.
        window: Side of the windows, in pixels.
        shift: How far the windows are moved against the image's corner.
    """

    basis: Tensor

    def __init__(self, width: int, *, heads: int = HEADS, window: int = WINDOW, shift: int = 0) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.register_buffer("basis", cosines(window), persistent=False)
        self.place = nn.Parameter(torch.zeros(window**2, width))
        self.before_attention, self.before_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, h, w), the sides multiples of the window, to the same shape."""
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
    """Puts the images of several teachers together; it starts as their mean.

    Args:
        teachers: How many.
        colours: Channels of an image.
        width: Channels within.
        depth: How many blocks; every other one has its windows shifted by half.
    """

    def __init__(self, teachers: int, colours: int, *, width: int = WIDTH, depth: int = DEPTH) -> None:
        super().__init__()
        self.head = conv(teachers * colours, width)
        self.body = nn.Sequential(*(FrequencyBlock(width, shift=WINDOW // 2 * (n % 2)) for n in range(depth)))
        self.tail = zeroed(conv(width, colours))

    def forward(self, images: Sequence[Tensor]) -> Tensor:
        """The teachers' images, (N, C, H, W) each, to one in [0, 1] like them."""
        height, across = images[0].shape[-2:]
        mean = torch.stack(tuple(images)).mean(dim=0)
        maps = F.pad(self.head(torch.cat(tuple(images), dim=1)), (0, -across % WINDOW, 0, -height % WINDOW))
        change: Tensor = self.tail((maps + self.body(maps))[..., :height, :across])
        return mean + change


class MTKD(srbench.Distiller):
    """A phase ``aggregate``, in which the aggregator learns, and a phase ``imitate``, in which the student does.

    Args:
        setup: The training's; with one teacher or several.
        aggregation: How the aggregate is compared with the truth.
        imitation: How the student is compared with the aggregate.
        truth: Weight of the recipe's losses beside it.
        share: Of the steps that go into the aggregator.
        aggregator: Makes it from the number of teachers and of colours.
    """

    aggregated: Tensor

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        aggregation: Distance = wavelet_distance,
        imitation: Distance = F.l1_loss,
        truth: float = TRUTH,
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
        notes=f"{notes} The aggregator is our reading of a network that attends to DCTs, and takes a quarter of the "
        "steps; the student has the rest.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """What is compared by wavelets, and how, tells them apart."""
    slip = partial(wavelet_distance, levels=4, low_of_one=True)
    return [
        _spec("mtkd", "MTKD", "The aggregator learns by wavelets of one level, the student by L1."),
        _spec("mtkd_wavelet", "MTKD (wavelets)", "Both learn by wavelets of one level.", imitation=wavelet_distance),
        _spec(
            "mtkd_l1", "MTKD (L1)", "Both learn by L1, as the release is configured.", "official", aggregation=F.l1_loss
        ),
        _spec(
            "mtkd_official",
            "MTKD (official wavelets)",
            "Both learn by the release's wavelet loss as it is written, which its configuration leaves unused: four "
            "levels, and the lowest band of one image of the batch alone.",
            "official",
            aggregation=slip,
            imitation=slip,
        ),
    ]
