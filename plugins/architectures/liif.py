"""LIIF: a network for every scale, whose decoder computes the colour at any point of an image (Chen et al., CVPR 2021).

``liif:NAME`` has the encoder of NAME, any network that declares one: ``liif:edsr_baseline``, ``liif:rdn``. The paper's
ablations are families too. Keys are those of the authors' release.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.points import PointNetwork, cells_at, look_up, point_spec

CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
"""Where the four LR pixels around a point are, as (row, column)."""
LEAST_AREA = 1e-9


class MLP(nn.Module):
    """Linear layers with ReLUs between; keys ``layers.0``, ``layers.2`` and so on.

    Args:
        sizes: Channels of the input, of each hidden layer, and of the output.
    """

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for few, more in pairwise(sizes):
            layers += [nn.Linear(few, more), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])


class LIIF(PointNetwork):
    """The network; maps lr in [-1, 1] to sr in the same range. Keys ``encoder.*`` and ``imnet.layers.*``.

    A colour is an MLP's function of the features at an LR pixel and of the point's position relative to it. Four of
    them, from the LR pixels around the point, are blended.

    The first layer is linear in the features, so that its share of them is a convolution of the whole image. This is
    the same function as the release's, which unfolds the features at every point first, with far fewer operations.

    Args:
        spec: The network whose encoder it has.
        hidden: Channels of each hidden layer of the MLP.
        unfold: Whether the MLP sees the 3x3 neighbourhood of an LR pixel, or the pixel alone.
        cell: Whether it is given the size of a pixel of sr ("cell decoding").
        ensemble: Whether four colours are blended, or the one of the nearest LR pixel is taken.
    """

    def __init__(
        self,
        spec: srbench.ArchitectureSpec,
        *,
        hidden: tuple[int, ...] = (256,) * 4,
        unfold: bool = True,
        cell: bool = True,
        ensemble: bool = True,
    ) -> None:
        super().__init__(spec)
        self.side, self.cell, self.ensemble = 3 if unfold else 1, cell, ensemble
        self.seen = self.features * self.side**2
        self.imnet = MLP(self.seen + (4 if cell else 2), *hidden, 3)

    def prepare(self, features: Tensor) -> Tensor:
        """Apply the first layer to the neighbourhood of every LR pixel, with zeros beyond the image."""
        weight, bias = self.imnet.layers[0].parameters()
        kernel = weight[:, : self.seen].reshape(-1, self.features, self.side, self.side)
        return F.conv2d(features, kernel, bias, padding=self.side // 2)

    def decode(self, prepared: Tensor, centres: Tensor, pixel: Tensor) -> Tensor:
        """Blend the colours that the LR pixels around each point give; see `PointNetwork.decode`."""
        if not self.ensemble:
            return self._colours(prepared, cells_at(centres, prepared), centres, pixel)
        cells = [cells_at(centres + centres.new_tensor(corner) / 2, prepared) for corner in CORNERS]
        areas = (
            torch.stack([(2 * (centres - cell) - 1).prod(dim=-1, keepdim=True).abs() for cell in cells]) + LEAST_AREA
        )
        shares = areas.flip(0) / areas.sum(0)  # a colour counts as the area towards the opposite corner
        colours = torch.stack([self._colours(prepared, cell, centres, pixel) for cell in cells])
        return (colours * shares.to(colours)).sum(0)

    def _colours(self, prepared: Tensor, cells: Tensor, centres: Tensor, pixel: Tensor) -> Tensor:
        """Return the colours (N, P, 3) at points, as one LR pixel for each gives them."""
        offsets = 2 * (centres - cells) - 1  # in half LR pixels from its centre
        inputs = torch.cat((offsets, 2 * pixel), dim=-1) if self.cell else offsets
        first, *others = self.imnet.layers
        weight, _ = first.parameters()
        hidden = look_up(prepared, cells)
        hidden = hidden + F.linear(inputs.to(hidden), weight[:, self.seen :])
        for layer in others:
            hidden = layer(hidden)
        return hidden


PAPER = srbench.Paper(
    title="Learning Continuous Image Representation with Local Implicit Image Function",
    venue="CVPR",
    year=2021,
    url="https://arxiv.org/abs/2012.09161",
)
RECIPE = srbench.Recipe(
    name="liif_paper",
    datasets=("div2k_train",),
    patch=48,
    scale_range=(1, 4),
    points=2304,
    batch=16,
    steps=1_000_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    source="Section 4.1 of the paper and the release's configuration: 1,000 epochs, in each of which every image comes "
    "20 times",
)
HALF = (0.5, 0.5, 0.5)
"""Mean and divisor of each colour, so that the network sees [-1, 1]."""


_TABLES = "tables in the README of the release"


def on_div2k(*values: float) -> tuple[srbench.Reported, ...]:
    """Make scores from PSNR in dB at x2, x3, x4, x6, x12, x18, x24 and x30 on DIV2K's validation images."""
    return tuple(
        _reported("div2k_valid", scale, "psnr_rgb", value, "liif-div2k")
        for scale, value in zip((2, 3, 4, 6, 12, 18, 24, 30), values, strict=True)
    )


def on_benchmarks(**rows: tuple[float, ...]) -> tuple[srbench.Reported, ...]:
    """Make scores from PSNR in dB at x2, x3, x4, x6 and x8 on luma, by dataset."""
    return tuple(
        _reported(dataset, scale, "psnr_y", value, "liif")
        for dataset, values in rows.items()
        for scale, value in zip((2, 3, 4, 6, 8), values, strict=True)
    )


def _reported(dataset: str, scale: int, metric: str, value: float, protocol: str) -> srbench.Reported:
    degradation = "bicubic" if scale <= 4 else "pil_bicubic"
    return srbench.Reported(
        dataset=dataset, scale=scale, metric=metric, value=value, source=_TABLES, protocol=protocol,
        degradation=degradation,
    )  # fmt: skip


Published = Mapping[str, tuple[srbench.Reported, ...]]
"""Published scores by the network whose encoder was trained."""


def make(
    argument: str,
    others: srbench.SpecMap[srbench.ArchitectureSpec],
    *,
    family: str,
    label: str,
    notes: str,
    published: Published,
    **options: Any,  # noqa: ANN401
) -> srbench.ArchitectureSpec:
    """Make the spec of ``family:argument``.

    Args:
        argument: Name of the network whose encoder it gets.
        others: All architectures.
        family: Name of the family.
        label: Of the family, for tables.
        notes: What is special about it.
        published: Its scores.
        options: Arguments of `LIIF`.
    """
    encoded = others[argument]
    return point_spec(
        family,
        encoded,
        others.code_hash(argument),
        partial(LIIF, **options),
        label=f"{encoded.title}-{label}",
        paper=PAPER,
        license="BSD-3-Clause",
        input_mean=HALF,
        input_std=HALF,
        recipe=RECIPE,
        reported=published.get(argument, ()),
        notes=notes,
    )


class Variant(NamedTuple):
    """A family."""

    family: str
    label: str
    options: dict[str, Any]
    """Arguments of `LIIF`."""
    notes: str = ""
    published: Published = MappingProxyType({})


ABLATION = "The paper's ablation"
VARIANTS = (
    Variant(
        "liif",
        "LIIF",
        {},
        published={
            "edsr_baseline": on_div2k(34.67, 30.96, 29.00, 26.75, 23.71, 22.17, 21.18, 20.48),
            "rdn": (
                *on_div2k(34.99, 31.26, 29.27, 26.99, 23.89, 22.34, 21.31, 20.59),
                *on_benchmarks(
                    set5=(38.17, 34.68, 32.50, 29.15, 27.14),
                    set14=(33.97, 30.53, 28.80, 26.64, 25.15),
                    b100=(32.32, 29.26, 27.74, 25.98, 24.91),
                    urban100=(32.87, 28.82, 26.68, 24.20, 22.79),
                ),
            ),
        },
    ),
    Variant(
        "liif_no_cell",
        "LIIF without cell",
        {"cell": False},
        f"{ABLATION}: the decoder is not given the size of a pixel.",
        {"edsr_baseline": on_div2k(34.53, 30.92, 28.97, 26.73, 23.72, 22.19, 21.19, 20.51)},
    ),
    Variant(
        "liif_no_unfold",
        "LIIF without unfolding",
        {"unfold": False},
        f"{ABLATION}: the decoder sees the features of one LR pixel.",
        {"edsr_baseline": on_div2k(34.64, 30.94, 28.98, 26.73, 23.69, 22.16, 21.17, 20.47)},
    ),
    Variant(
        "liif_no_ensemble",
        "LIIF without ensemble",
        {"ensemble": False},
        f"{ABLATION}: the nearest LR pixel alone decides.",
        {"edsr_baseline": on_div2k(34.63, 30.95, 28.97, 26.72, 23.66, 22.13, 21.14, 20.45)},
    ),
    Variant(
        "liif_shallow",
        "LIIF with two layers",
        {"hidden": (256, 256)},
        f"{ABLATION}: an MLP of two hidden layers.",
        {"edsr_baseline": on_div2k(34.65, 30.94, 28.98, 26.71, 23.64, 22.10, 21.12, 20.42)},
    ),
    Variant(
        "liif_small",
        "LIIF-small",
        {"hidden": (64, 64)},
        "Not from the paper: an MLP of two hidden layers with 64 channels, which a CPU evaluates fast.",
    ),
)


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide LIIF and its variants."""
    return [
        srbench.Family(
            name=variant.family,
            make=partial(
                make,
                family=variant.family,
                label=variant.label,
                notes=variant.notes,
                published=variant.published,
                **variant.options,
            ),
            example=f"{variant.family}:edsr_baseline",
            label=f"a network for every scale: {variant.label} over an encoder",
        )
        for variant in VARIANTS
    ]
