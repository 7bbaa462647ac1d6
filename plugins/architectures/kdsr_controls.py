"""What KDSR's student is compared with: its SR network without an estimate of the degradation.

With a constant in place of the estimate the kernels are the same for every image, which makes a plain network of it.
What the student gains over the shallow one is what the estimator brings; over the deep one, what it brings beyond the
parameters that it costs.
"""

from __future__ import annotations

from functools import partial

import torch
from srbench_plugins.architectures.kdsr import PAPER, Restorer
from torch import Tensor, nn

import srbench
from srbench.blocks import thirds


class ConstantKDSR(nn.Module):
    """KDSR's SR network whose kernels come from a learnt constant; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2, 3 or 4.
        n_feats: Channels (C).
        n_blocks: Dynamic blocks.
    """

    def __init__(self, scale: int, *, n_feats: int, n_blocks: int) -> None:
        super().__init__()
        self.G = Restorer(scale, n_feats, n_blocks)
        self.degradation = nn.Parameter(torch.ones(n_feats))

    def forward(self, lr: Tensor) -> Tensor:
        """(N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.G(lr, self.degradation.expand(len(lr), -1))
        return sr


def _spec(name: str, label: str, n_blocks: int, notes: str) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(ConstantKDSR, n_feats=16, n_blocks=n_blocks),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        license="unknown (no licence file)",
        taps=thirds("G.body.0.body", n_blocks),
        notes=f"A control, not of the paper: KDSR's SR network with a learnt constant for the degradation. {notes}",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """For `kdsr_small`: one with its SR network, one with its parameters."""
    return [
        _spec("kdsr_small_constant", "KDSR (small), no estimator", 8, "As many blocks as kdsr_small."),
        _spec(
            "kdsr_small_constant_deep",
            "KDSR (small), no estimator, deeper",
            18,
            "As many parameters as kdsr_small, which spends half of its own on the estimator.",
        ),
    ]
