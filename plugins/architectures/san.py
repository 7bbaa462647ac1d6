"""SAN: channel attention from second-order statistics, and non-local attention in regions (Dai et al., CVPR 2019).

Keys, their order and the value range are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import (
    MeanShift,
    Upsampler,
    conv,
    conv_relu_conv,
    full_precision,
    squeeze_gate,
    thirds,
    zeroed,
)

LARGEST_SIDE = 1000
"""Second-order statistics of larger images are taken from their centre."""
LEAST_TRACE = 1e-12
"""Lower bound of a covariance's trace, so that constant features are not divided by zero."""


def covariance(x: Tensor) -> Tensor:
    """Covariance of the channels over all positions, dividing by their number (equation 3): (N, C, h, w) to (N, C, C).

    Centring the features replaces the paper's matrix of positions times positions.
    """
    features = x.flatten(2)
    centred = features - features.mean(dim=2, keepdim=True)
    return centred @ centred.mT / features.shape[2]


def square_root(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Compute square roots of symmetric matrices by the Newton-Schulz iteration (equations 9 to 11).

    The iteration converges for matrices divided by their trace; the result is multiplied by the root of the trace.

    Args:
        matrices: (N, C, C), positive semi-definite.
        iterations: Steps of the iteration.

    Returns:
        (N, C, C); zeros for zeros, for which the release divides by zero.
    """
    identity = torch.eye(matrices.shape[1], dtype=matrices.dtype, device=matrices.device).expand_as(matrices)
    trace = (matrices * identity).sum(dim=(1, 2), keepdim=True).clamp_min(LEAST_TRACE)
    root = matrices / trace
    inverse = identity
    for step in range(iterations):
        correction = torch.baddbmm(identity, inverse, root, beta=1.5, alpha=-0.5)  # (3 I - Z Y) / 2
        root = root @ correction
        if step < iterations - 1:
            inverse = correction @ inverse
    return root * trace.sqrt()


class SecondOrderChannelAttention(nn.Module):
    """SOCA: scales every channel by a gate computed from the square root of the channels' covariance (section 3.3)."""

    def __init__(self, n_feats: int, reduction: int) -> None:
        super().__init__()
        self.conv_du = squeeze_gate(n_feats, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        with full_precision(x):
            centre = _centre(x).to(torch.promote_types(x.dtype, torch.float32))
            statistics = square_root(covariance(centre)).mean(dim=1)
        gate: Tensor = self.conv_du(statistics.to(x.dtype)[:, :, None, None])
        return x * gate


def _centre(x: Tensor) -> Tensor:
    # The release tests for sides below and above the limit, so a side of exactly 1000 pixels beside a shorter one
    # matches neither and is cut from a negative start. Here such a side is kept whole, like shorter ones.
    margins: list[Any] = []  # numbers, or symbols of torch.export
    for side in (x.shape[3], x.shape[2]):
        cut = side - torch.sym_min(side, LARGEST_SIDE)
        margins += [-(cut // 2), cut // 2 - cut]
    return F.pad(x, margins)  # negative padding crops; unlike a slice it keeps both sides dynamic in torch.export


class NonLocal(nn.Module):
    """Embedded Gaussian attention among all positions of a region (Wang et al., CVPR 2018): ``x + W(attention)``.

    As in the release, but not stated in the paper, keys and values are max-pooled to half the size.
    """

    def __init__(self, n_feats: int, inner: int) -> None:
        super().__init__()
        self.g = nn.Sequential(conv(n_feats, inner, 1), nn.MaxPool2d(2))
        self.W = zeroed(conv(inner, n_feats, 1))
        self.theta = conv(n_feats, inner, 1)
        self.phi = nn.Sequential(conv(n_feats, inner, 1), nn.MaxPool2d(2))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape; both sides at least 2."""
        query, key, value = self.theta(x), self.phi(x), self.g(x)
        with full_precision(x):
            # The products are not scaled down and have a wide range: half precision would change the softmax.
            values = F.scaled_dot_product_attention(_tokens(query), _tokens(key), _tokens(value), scale=1.0)
        values = values.squeeze(1).mT.to(query.dtype).reshape(query.shape)
        attended: Tensor = self.W(values)
        return x + attended


def _tokens(x: Tensor) -> Tensor:
    """Map (N, C, h, w) to (N, 1, h*w, C), contiguous, as other layouts use a kernel that stores every product."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return wide.flatten(2).mT.unsqueeze(1).contiguous()


class RegionalNonLocal(nn.Module):
    """RL-NL: non-local attention within each quarter of the image (section 3.2).

    The release builds ``soca`` but never calls it.
    """

    def __init__(self, n_feats: int) -> None:
        super().__init__()
        self.soca = SecondOrderChannelAttention(n_feats, reduction=8)
        self.non_local = NonLocal(n_feats, n_feats // 8)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape; both sides at least 4."""
        height, width = x.shape[2] // 2, x.shape[3] // 2
        upper, lower = x[:, :, :height], x[:, :, height:]
        halves = [
            torch.cat((self.non_local(half[..., :width]), self.non_local(half[..., width:])), dim=3)
            for half in (upper, lower)
        ]
        return torch.cat(halves, dim=2)


class SimplifiedResidualBlock(nn.Module):
    """``x + conv(relu(conv(x)))``, under the release's key."""

    def __init__(self, n_feats: int) -> None:
        super().__init__()
        self.conv_first = conv_relu_conv(n_feats)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.conv_first(x)
        return x + residual


class SourceResidualGroup(nn.Module):
    """LSRAG: residual blocks, then second-order attention and a convolution, with a local skip (equation 6).

    The release builds ``gamma`` but never uses it.
    """

    def __init__(self, n_feats: int, n_resblocks: int, reduction: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.rcab = nn.Sequential(*(SimplifiedResidualBlock(n_feats) for _ in range(n_resblocks)))
        self.soca = SecondOrderChannelAttention(n_feats, reduction)
        self.conv_last = conv(n_feats, n_feats)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.conv_last(self.soca(self.rcab(x)))
        return x + residual


class SANEncoder(nn.Module):
    """SAN without its upsampler; maps normalised lr to features.

    The mean shifts are there for their keys; the caller normalises.

    Args:
        n_resgroups: Groups with a share-source skip (G in the paper).
        n_resblocks: Residual blocks in each group.
        n_feats: Channels (C).
        reduction: Factor by which the second-order attention reduces the channels (r).
        rgb_range: Value of white.
    """

    def __init__(
        self,
        *,
        n_resgroups: int = 20,
        n_resblocks: int = 10,
        n_feats: int = 64,
        reduction: int = 16,
        rgb_range: float = 255.0,
    ) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.sub_mean = MeanShift(rgb_range, -1)
        groups = [SourceResidualGroup(n_feats, n_resblocks, reduction) for _ in range(n_resgroups)]
        self.RG = nn.ModuleList(groups)
        self.conv_last = conv(n_feats, n_feats)  # unused in the release
        self.add_mean = MeanShift(rgb_range, +1)
        self.non_local = RegionalNonLocal(n_feats)
        self.head = nn.Sequential(conv(3, n_feats))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, n_feats, h, w); both sides at least 4."""
        shallow: Tensor = self.head(lr)
        source = deep = self.non_local(shallow)
        for group in self.RG:
            deep = group(deep) + self.gamma * source  # the share-source skip
        refined: Tensor = self.non_local(deep)  # the same weights as before the groups
        return shallow + refined


class SAN(SANEncoder):
    """The network; maps lr in [0, rgb_range] to sr in the same range.

    Args:
        scale: 2, 3, 4 or 8.
        n_feats: See `SANEncoder`.
        sizes: Its other arguments.
    """

    def __init__(self, scale: int, *, n_feats: int = 64, **sizes: Any) -> None:  # noqa: ANN401
        super().__init__(n_feats=n_feats, **sizes)
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))

    def switch_to_deploy(self) -> None:
        """Fold the mean shift at the end into the convolution before it."""
        self.add_mean.fold_into(self.tail[-1])

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); both sides at least 4."""
        sr: Tensor = self.add_mean(self.tail(super().forward(self.sub_mean(lr))))
        return sr


RECIPE = srbench.Recipe(
    name="san_paper",
    datasets=("div2k_train",),
    patch=48,
    batch=16,
    steps=1_000_000,
    learning_rate=1e-4,
    betas=(0.9, 0.99),
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    source="L1, batch and Adam's betas from the release; the rate halved every 200 epochs as in RCAN "
    "(its training code multiplies by 0.6 every 50 epochs, for up to 3,000); patch and length are RCAN's",
)

_TABLE = "comparison table of the SwinIR paper"
REPORTED = srbench.Reported.on_luma(
    _TABLE,
    {
        2: {
            "set5": (38.31, 0.9620),
            "set14": (34.07, 0.9213),
            "b100": (32.42, 0.9028),
            "urban100": (33.10, 0.9370),
            "manga109": (39.32, 0.9792),
        },
        3: {
            "set5": (34.75, 0.9300),
            "set14": (30.59, 0.8476),
            "b100": (29.33, 0.8112),
            "urban100": (28.93, 0.8671),
            "manga109": (34.30, 0.9494),
        },
        4: {
            "set5": (32.64, 0.9003),
            "set14": (28.92, 0.7888),
            "b100": (27.78, 0.7436),
            "urban100": (26.79, 0.8068),
            "manga109": (31.18, 0.9169),
        },
    },
)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="san",
            label="SAN",
            build=SAN,
            encoder=SANEncoder,
            scales=frozenset({2, 3, 4, 8}),
            paper=srbench.Paper(
                title="Second-Order Attention Network for Single Image Super-Resolution",
                venue="CVPR",
                year=2019,
                url="https://openaccess.thecvf.com/content_CVPR_2019/html/"
                "Dai_Second-Order_Attention_Network_for_Single_Image_Super-Resolution_CVPR_2019_paper.html",
            ),
            license="unknown (no licence file)",
            input_range=255.0,
            min_size=4,  # each quarter's keys are pooled 2x2
            taps=thirds("RG", 20),
            dead_parameters=("RG.*.gamma", "conv_last.*", "non_local.soca.*"),
            recipe=RECIPE,
            reported=REPORTED,
            notes="The release intends to freeze its mean shifts but does not; here they are constants, with the "
            "values of the checkpoint. It differs from the paper's figure (each group ends with a convolution, the "
            "body does not), and its users report about 37.98 dB on Set5 at x2. It was measured with chopped "
            "inference. Constant features, which give NaN in the release, are gated by the biases; a side of exactly "
            "1000 pixels, which the release cuts wrongly, is kept.",
        )
    ]
