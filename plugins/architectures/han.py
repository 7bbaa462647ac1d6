"""HAN: RCAN with attention across layers, and across channels and positions (Niu et al., ECCV 2020).

Keys, their order and the value range are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.rcan import residual_group
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import MeanShift, Upsampler, conv, full_precision


class LayerAttention(nn.Module):
    """LAM: every layer's features, plus gamma times a mixture of all layers' features (section 3.2).

    The release takes the softmax of the row's largest correlation minus the correlation, so the least similar layer
    gets the largest weight. Correlations sum over all values of a layer and would overflow half precision, so they are
    computed in single precision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, layers: Tensor) -> Tensor:
        """Map (N, layers, C, h, w) to (N, layers*C, h, w)."""
        flat = layers.flatten(2)
        with full_precision(flat):
            wide = flat.to(torch.promote_types(flat.dtype, torch.float32))
            energy = wide @ wide.mT
            weights = torch.softmax(energy.amax(dim=2, keepdim=True) - energy, dim=2)
            itself = torch.eye(weights.shape[1], dtype=weights.dtype, device=weights.device)
            mixed = (self.gamma * weights + itself) @ wide
        return mixed.to(layers.dtype).view_as(layers).flatten(1, 2)


class ChannelSpatialAttention(nn.Module):
    """CSAM: ``x + gamma * x * sigmoid(conv3d(x))``, a convolution over channels, rows and columns (section 3.3).

    A 3-D convolution of one volume is slow. The same sum is faster as a 2-D convolution that makes three planes from
    every channel: for the next channel, for itself and for the previous one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.conv = nn.Conv3d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        planes = F.conv2d(x.flatten(0, 1).unsqueeze(1), self.conv.weight[0].transpose(0, 1), padding=1)
        for_next, for_itself, for_previous = planes.view(*x.shape[:2], 3, *x.shape[2:]).unbind(2)
        convolved = for_itself if self.conv.bias is None else for_itself + self.conv.bias
        convolved[:, 1:] += for_next[:, :-1]
        convolved[:, :-1] += for_previous[:, 1:]
        gate = torch.sigmoid(convolved)
        return x * (self.gamma * gate) + x


class HANEncoder(nn.Module):
    """HAN without its upsampler; maps normalised lr to features.

    The mean shifts are there for their keys; the caller normalises.

    Args:
        n_resgroups: RCAN's residual groups; the release's layer attention works only with 10.
        n_resblocks: Residual channel attention blocks in each group.
        n_feats: Channels.
        reduction: Factor by which the channel attention reduces the channels.
        rgb_range: Value of white.
    """

    def __init__(
        self,
        *,
        n_resgroups: int = 10,
        n_resblocks: int = 20,
        n_feats: int = 64,
        reduction: int = 16,
        rgb_range: float = 255.0,
    ) -> None:
        super().__init__()
        self.sub_mean = MeanShift(rgb_range, -1)
        self.add_mean = MeanShift(rgb_range, +1)
        self.head = nn.Sequential(conv(3, n_feats))
        groups = [residual_group(n_feats, n_resblocks, reduction) for _ in range(n_resgroups)]
        self.body = nn.Sequential(*groups, conv(n_feats, n_feats))
        self.csa = ChannelSpatialAttention()
        self.la = LayerAttention()
        self.last_conv = conv(n_feats * (n_resgroups + 1), n_feats)
        self.last = conv(n_feats * 2, n_feats)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, n_feats, h, w)."""
        shallow: Tensor = self.head(lr)
        deepest = shallow
        layers = []
        for layer in self.body:
            deepest = layer(deepest)
            layers.append(deepest)
        across_layers = self.last_conv(self.la(torch.stack(layers[::-1], dim=1)))  # newest first
        attended: Tensor = self.last(torch.cat((self.csa(deepest), across_layers), dim=1))
        return attended + shallow


class HAN(HANEncoder):
    """The network; maps lr in [0, rgb_range] to sr in the same range.

    Args:
        scale: 2, 3, 4 or 8.
        n_feats: See `HANEncoder`.
        sizes: Its other arguments.
    """

    def __init__(self, scale: int, *, n_feats: int = 64, **sizes: Any) -> None:  # noqa: ANN401
        super().__init__(n_feats=n_feats, **sizes)
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))

    def switch_to_deploy(self) -> None:
        """Fold the mean shift at the end into the convolution before it."""
        self.add_mean.fold_into(self.tail[-1])

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.add_mean(self.tail(super().forward(self.sub_mean(lr))))
        return sr


RECIPE = srbench.Recipe(
    name="han_paper",
    datasets=("div2k_train",),
    patch=48,
    batch=16,
    steps=1_000_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    start_from="rcan",
    start_from_scale=2,
    source="patch, batch and RCAN's x2 weights, from which every scale starts, from the release's commands; L1, "
    "the halving of the rate and the length are RCAN's, as none was found for HAN",
)

_TABLE = "comparison table of the SwinIR paper"
REPORTED = srbench.Reported.on_luma(
    _TABLE,
    {
        2: {
            "set5": (38.27, 0.9614),
            "set14": (34.16, 0.9217),
            "b100": (32.41, 0.9027),
            "urban100": (33.35, 0.9385),
            "manga109": (39.46, 0.9785),
        },
        3: {
            "set5": (34.75, 0.9299),
            "set14": (30.67, 0.8483),
            "b100": (29.32, 0.8110),
            "urban100": (29.10, 0.8705),
            "manga109": (34.48, 0.9500),
        },
        4: {
            "set5": (32.64, 0.9002),
            "set14": (28.90, 0.7890),
            "b100": (27.80, 0.7442),
            "urban100": (26.85, 0.8094),
            "manga109": (31.42, 0.9177),
        },
    },
)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="han",
            label="HAN",
            build=HAN,
            encoder=HANEncoder,
            scales=frozenset({2, 3, 4, 8}),
            paper=srbench.Paper(
                title="Single Image Super-Resolution via a Holistic Attention Network",
                venue="ECCV",
                year=2020,
                url="https://arxiv.org/abs/2008.08767",
            ),
            license="Apache-2.0",
            input_range=255.0,
            taps=("body.2", "body.6", "body.10"),
            recipe=RECIPE,
            reported=REPORTED,
            notes="The correlations of layers are always computed in single precision. The release was measured with "
            "chopped inference: four overlapping quarters, each with its own attention.",
        )
    ]
