"""Meta-SR: a network for every scale, whose decoder computes the filter of each pixel (Hu et al., CVPR 2019).

``metasr:NAME`` has the encoder of NAME, any network that declares one, and is the authors' own; ``liif_metasr:NAME`` is
the form that LIIF's authors trained and compared with. They differ in keys, in the order of inputs and in the range of
colours.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import torch
import torch.nn.functional as F
from srbench_plugins.architectures import liif
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import DIV2K_MEAN
from srbench.networks.points import PointNetwork, cells_at, look_up, point_spec

HIDDEN = 256
ROUNDING = 1e-9
"""Far more than the rounding error of a position, so that a corner on the border of two LR pixels is in the second."""


class FilterNetwork(PointNetwork):
    """A network whose pixels are filters of 3x3 LR pixels, which depend on the offset in the LR pixel and on the scale.

    Both linear layers commute: here the features of the whole image are multiplied by the last layer first, as one
    convolution, and by the hidden values at each point then. This is the same function as the releases', which compute
    a filter at each point, with far fewer operations. An LR pixel takes 3 KiB of memory.
    """

    @property
    @abstractmethod
    def layers(self) -> nn.Sequential:
        """The layers from three inputs to `HIDDEN` values to the 9C*3 weights of a filter."""

    @abstractmethod
    def inputs(self, offsets: Tensor, pixel: Tensor) -> Tensor:
        """Return the inputs (N, P, 3).

        Args:
            offsets: (N, P, 2), from the corner of the LR pixel to that of the pixel of sr, in LR pixels.
            pixel: (N, P, 2), one over the scale.
        """

    def prepare(self, features: Tensor) -> Tensor:
        """Multiply each 3x3 neighbourhood, zero beyond the image, by the last layer: 3 * (`HIDDEN` + 1) channels."""
        weight, bias = self.layers[-1].parameters()
        kernels = torch.cat((weight, bias[:, None]), dim=1).view(self.features, 3, 3, 3, HIDDEN + 1)
        return F.conv2d(features, kernels.permute(3, 4, 0, 1, 2).flatten(0, 1), padding=1)

    def decode(self, prepared: Tensor, centres: Tensor, pixel: Tensor) -> Tensor:
        """Apply the filter of each point; see `PointNetwork.decode`."""
        corners = centres - pixel / 2
        cells = cells_at(corners + ROUNDING, prepared)
        hidden = self.layers[:-1](self.inputs(corners - cells, pixel).to(prepared))
        by_hidden = look_up(prepared, cells).view(*cells.shape[:2], 3, HIDDEN + 1)
        colours: Tensor = (by_hidden @ F.pad(hidden, (0, 1), value=1.0).unsqueeze(-1)).squeeze(-1)
        return colours


class MetaSR(FilterNetwork):
    """The authors' network, on colours from 0 to 255 less their mean. Keys ``encoder.*`` and ``P2W.meta_block.*``.

    Args:
        spec: The network whose encoder it has.
    """

    def __init__(self, spec: srbench.ArchitectureSpec) -> None:
        super().__init__(spec)
        block = nn.Sequential(nn.Linear(3, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, self.features * 27))
        self.P2W = nn.ModuleDict({"meta_block": block})

    @property
    def layers(self) -> nn.Sequential:
        """See `FilterNetwork.layers`."""
        return cast("nn.Sequential", self.P2W["meta_block"])

    def inputs(self, offsets: Tensor, pixel: Tensor) -> Tensor:
        """Return one over the scale of rows, and the offsets."""
        return torch.cat((pixel[..., :1], offsets), dim=-1)


class LIIFMetaSR(FilterNetwork):
    """LIIF's authors' network, on colours from -1 to 1. Keys ``encoder.*`` and ``imnet.layers.*``.

    Args:
        spec: The network whose encoder it has.
    """

    def __init__(self, spec: srbench.ArchitectureSpec) -> None:
        super().__init__(spec)
        self.imnet = liif.MLP(3, HIDDEN, self.features * 27)

    @property
    def layers(self) -> nn.Sequential:
        """See `FilterNetwork.layers`."""
        return self.imnet.layers

    def inputs(self, offsets: Tensor, pixel: Tensor) -> Tensor:
        """Return the offsets, and one over the scale of rows."""
        return torch.cat((offsets, pixel[..., :1]), dim=-1)


PAPER = srbench.Paper(
    title="Meta-SR: A Magnification-Arbitrary Network for Super-Resolution",
    venue="CVPR",
    year=2019,
    url="https://arxiv.org/abs/1903.00875",
)


REPORTED = {
    "edsr_baseline": liif.on_div2k(34.64, 30.93, 28.92, 26.61, 23.55, 22.03, 21.06, 20.37),
    "rdn": (
        *liif.on_div2k(35.00, 31.27, 29.25, 26.88, 23.73, 22.18, 21.17, 20.47),
        *liif.on_benchmarks(
            set5=(38.22, 34.63, 32.38, 29.04, 26.96),
            set14=(33.98, 30.54, 28.78, 26.51, 24.97),
            b100=(32.33, 29.26, 27.71, 25.90, 24.83),
            urban100=(32.92, 28.82, 26.55, 23.99, 22.59),
        ),
    ),
}
"""Published scores of LIIF's form, by the network whose encoder was trained."""
RECIPE = srbench.Recipe(
    name="metasr_paper",
    datasets=("div2k_train",),
    patch=50,
    scale_range=(1.1, 4),
    points=2500,
    batch=16,
    steps=1_000_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    source="the release's options, but each patch has a scale of its own and 2,500 of its pixels are trained on; the "
    "release trains on whole patches, at one of the scales 1.1, 1.2, … 4.0 in a step",
)


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of ``metasr:argument``."""
    encoded = others[argument]
    return point_spec(
        "metasr",
        encoded,
        others.code_hash(argument),
        MetaSR,
        label=f"{encoded.title}-MetaSR",
        paper=PAPER,
        input_range=255.0,
        recipe=RECIPE,
        input_mean=DIV2K_MEAN,
        notes="The release's keys of the encoder have no prefix. It computes positions from a scale of its own; here "
        "the scale is the ratio of the sizes, which is the same where the scaled size is whole.",
    )


def make_liif_form(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of ``liif_metasr:argument``."""
    encoded = others[argument]
    return point_spec(
        "liif_metasr",
        encoded,
        others.code_hash(argument),
        LIIFMetaSR,
        label=f"{encoded.title}-MetaSR (LIIF's)",
        paper=PAPER,
        license="BSD-3-Clause",
        input_mean=liif.HALF,
        input_std=liif.HALF,
        recipe=liif.RECIPE,
        reported=REPORTED.get(argument, ()),
        notes="Meta-SR as LIIF's authors wrote and trained it for their comparison.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide both forms of Meta-SR."""
    label = "a network for every scale: Meta-SR over an encoder"
    return [
        srbench.Family(name="metasr", make=make, example="metasr:edsr_baseline", label=label),
        srbench.Family(
            name="liif_metasr", make=make_liif_form, example="liif_metasr:edsr_baseline", label=f"{label}, LIIF's form"
        ),
    ]
