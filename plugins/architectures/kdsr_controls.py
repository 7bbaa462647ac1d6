"""Controls for KDSR's student: its SR network without an estimate of the degradation.

With a constant in place of the estimate, the kernels are the same for every image, as in a plain network. The student's
gain over the shallow control is the benefit of the estimator; its gain over the deep control is the benefit beyond its
cost in parameters. A network that gets the true kernel and noise shows the value of a perfect estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.kdsr import LEAKY_SLOPE, PAPER, DynamicConvolution, Restorer, Trunk
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import thirds


class FixedConvolution(nn.Module):
    """A depthwise convolution in place of a dynamic one whose kernels are always the same.

    Args:
        kernels: (C, 3, 3).
    """

    def __init__(self, kernels: Tensor) -> None:
        super().__init__()
        self.kernels = nn.Parameter(kernels.unsqueeze(1))

    def forward(self, x: Tensor, degradation: Tensor) -> Tensor:  # noqa: ARG002 - what the dynamic one is called with
        """Map (N, C, h, w) to the same shape."""
        return F.conv2d(x, self.kernels, padding=1, groups=len(self.kernels))


class ConstantKDSR(nn.Module):
    """KDSR's SR network with kernels from a trained constant; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2, 3 or 4.
        n_feats: Channels (C).
        n_blocks: Dynamic blocks.
    """

    def __init__(self, scale: int, *, n_feats: int, n_blocks: int) -> None:
        super().__init__()
        self.G = Restorer(scale, n_feats, n_blocks)
        self.degradation = nn.Parameter(torch.ones(n_feats))

    @torch.no_grad()
    def switch_to_deploy(self) -> None:
        """Compute the kernels of the constant once and for all."""
        for block in cast("Trunk", self.G.body[0]).body:
            kernels = cast("DynamicConvolution", block.da_conv1).kernel(self.degradation)
            block.da_conv1 = FixedConvolution(kernels.view(-1, 3, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.G(lr, self.degradation.repeat(len(lr), 1))
        return sr


class ConditionedKDSR(nn.Module):
    """KDSR's SR network with kernels from the true blur and noise; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2, 3 or 4.
        n_feats: Channels (C).
        n_blocks: Dynamic blocks.
    """

    CONDITIONS = ("blur_xx", "blur_xy", "blur_yy", "noise")
    """Covariance of the kernel in px² of hr, and standard deviation of the noise in levels."""

    span: Tensor
    usual: Tensor

    def __init__(self, scale: int, *, n_feats: int, n_blocks: int) -> None:
        super().__init__()
        self.G = Restorer(scale, n_feats, n_blocks)
        self.mlp = nn.Sequential(
            nn.Linear(len(self.CONDITIONS), 4 * n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Linear(4 * n_feats, 4 * n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Linear(4 * n_feats, n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
        )
        widest = (scale**2, scale**2, scale**2, 25.0)  # the widest blur and strongest noise that DASR and KDSR train on
        self.register_buffer("span", torch.tensor(widest), persistent=False)
        self.register_buffer("usual", torch.tensor((0.5, 0.0, 0.5, 0.5)), persistent=False)

    def forward(self, lr: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Map (N, 3, h, w) and (N, 4) to (N, 3, scale*h, scale*w); without conditions, half of each is assumed."""
        relative = self.usual.expand(len(lr), -1) if conditions is None else conditions / self.span
        sr: Tensor = self.G(lr, self.mlp(relative.to(lr.dtype)))
        return sr


def _spec(
    name: str, label: str, build: Callable[..., nn.Module], n_blocks: int, notes: str, conditions: tuple[str, ...] = ()
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(build, n_feats=16, n_blocks=n_blocks),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        license="unknown (no licence file)",
        taps=thirds("G.body.0.body", n_blocks),
        conditions=conditions,
        notes=f"A control, not from the paper: KDSR's SR network {notes}",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide controls for `kdsr_small`: one with as many blocks, one with as many parameters, one non-blind."""
    return [
        _spec(
            "kdsr_small_constant",
            "KDSR (small), no estimator",
            ConstantKDSR,
            8,
            "with a trained constant for the degradation, and as many blocks as kdsr_small.",
        ),
        _spec(
            "kdsr_small_constant_deep",
            "KDSR (small), no estimator, deeper",
            ConstantKDSR,
            18,
            "with a trained constant for the degradation, and as many parameters as kdsr_small, half of which are in "
            "the estimator.",
        ),
        _spec(
            "kdsr_small_nonblind",
            "KDSR (small), non-blind",
            ConditionedKDSR,
            8,
            "driven by the true blur and noise: non-blind, an upper bound for estimating them.",
            conditions=ConditionedKDSR.CONDITIONS,
        ),
    ]
