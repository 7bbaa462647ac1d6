"""MWCNN: a U-Net whose pooling is the Haar transform, on the bicubic image (Liu et al., CVPRW 2018 and Access 2019).

Both networks have the keys of the authors' PyTorch releases.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

import srbench
from srbench.imaging import imresize
from srbench.networks.blocks import conv
from srbench.networks.wavelets import haar, inverse_haar


class Convolutions(nn.Module):
    """3x3 convolutions, each followed by a ReLU; keys ``body.0``, ``body.2`` and so on.

    Args:
        channels_in: Channels that it reads.
        channels_out: Channels that it writes.
        dilations: The dilation of each convolution.
    """

    def __init__(self, channels_in: int, channels_out: int, *dilations: int) -> None:
        super().__init__()
        self.body = nn.Sequential()
        for dilation in dilations:
            self.body.append(nn.Conv2d(channels_in, channels_out, 3, padding=dilation, dilation=dilation))
            self.body.append(nn.ReLU(inplace=True))
            channels_in = channels_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels_in, h, w) to (N, channels_out, h, w)."""
        out: Tensor = self.body(x)
        return out


class MWCNN(nn.Module):
    """The network of the second release: four levels, of which the first is the image itself.

    Args:
        scale: Up-sampling factor of the bicubic image; the weights do not depend on it.
        n_feats: Channels at the first level; each level below has twice as many, and transforms them.
        n_colors: Channels of the image.
    """

    def __init__(self, scale: int, *, n_feats: int = 64, n_colors: int = 1) -> None:
        super().__init__()
        self.scale = scale
        f = n_feats
        self.head = nn.Sequential(Convolutions(n_colors, f, 1))
        self.d_l2 = nn.Sequential(Convolutions(8 * f, 4 * f, 1), Convolutions(4 * f, 4 * f, 2, 1))
        self.d_l1 = nn.Sequential(Convolutions(4 * f, 2 * f, 1), Convolutions(2 * f, 2 * f, 2, 1))
        self.d_l0 = nn.Sequential(Convolutions(f, f, 2, 1))
        self.pro_l3 = nn.Sequential(
            Convolutions(16 * f, 8 * f, 1),
            Convolutions(8 * f, 8 * f, 2, 3),
            Convolutions(8 * f, 8 * f, 3, 2),
            Convolutions(8 * f, 16 * f, 1),
        )
        self.i_l2 = nn.Sequential(Convolutions(4 * f, 4 * f, 2, 1), Convolutions(4 * f, 8 * f, 1))
        self.i_l1 = nn.Sequential(Convolutions(2 * f, 2 * f, 2, 1), Convolutions(2 * f, 4 * f, 1))
        self.i_l0 = nn.Sequential(Convolutions(f, f, 2, 1))
        self.tail = nn.Sequential(conv(f, n_colors))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, n_colors, h, w) to (N, n_colors, scale*h, scale*w), whose sides are multiples of 8."""
        return self.refine(imresize(lr, scale=self.scale))

    def refine(self, enlarged: Tensor) -> Tensor:
        """Add what the network predicts to an enlarged image, (N, n_colors, H, W)."""
        x0 = self.d_l0(self.head(enlarged))
        x1 = self.d_l1(haar(x0))
        x2 = self.d_l2(haar(x1))
        x = inverse_haar(self.pro_l3(haar(x2)))
        x = inverse_haar(self.i_l2(x + x2))
        x = inverse_haar(self.i_l1(x + x1))
        residual: Tensor = self.tail(self.i_l0(x + x0))
        return enlarged + residual


class MWCNNv1(nn.Module):
    """The network of the first release: three levels, of which the first has the sub-bands of the image.

    Args:
        scale: Up-sampling factor of the bicubic image; the weights do not depend on it.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.head = _stack(4, 160)
        self.d_l2 = _stack(640, 256, 256, 256, 256)
        self.d_l1 = _stack(160, 160, 160, 160)
        self.pro_l3 = _stack(1024, *[256] * 7, 1024)
        self.i_l2 = _stack(256, 256, 256, 256, 640)
        self.i_l1 = _stack(160, 160, 160, 160)
        self.tail = nn.Sequential(conv(160, 4))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 1, h, w) to (N, 1, scale*h, scale*w), whose sides are multiples of 8."""
        return self.refine(imresize(lr, scale=self.scale))

    def refine(self, enlarged: Tensor) -> Tensor:
        """Add what the network predicts to an enlarged image, (N, 1, H, W)."""
        x1 = self.d_l1(self.head(haar(enlarged)))
        x2 = self.d_l2(haar(x1))
        x = inverse_haar(self.pro_l3(haar(x2)))
        x = inverse_haar(self.i_l2(x + x2))
        return enlarged + inverse_haar(self.tail(self.i_l1(x + x1)))


def _stack(*channels: int) -> nn.Sequential:
    return nn.Sequential(*(Convolutions(*pair, 1) for pair in itertools.pairwise(channels)))


RECIPE = srbench.Recipe(
    name="mwcnn_paper",
    datasets=("div2k_train",),
    patch=256,
    patch_of="hr",
    batch=8,
    steps=300_000,
    learning_rate=1.024e-4,
    schedule="halve",
    halve_every=100_000,
    losses={"mse": 1.0},
    source="README of the second release: HR patches of 256, batches of 8, Adam at 1.024e-4 that is halved every 100 "
    "epochs, MSE on luma; 1,000 steps an epoch and 300 epochs are the defaults of EDSR's code, on which it builds",
)
REPORTED = srbench.Reported.on_luma(
    "results table of the second release, read from a picture",
    {
        2: {
            "set5": (37.95, 0.9605),
            "set14": (33.71, 0.9182),
            "b100": (32.30, 0.9002),
            "urban100": (32.36, 0.9306),
        },
        3: {
            "set5": (34.21, 0.9273),
            "set14": (30.14, 0.8413),
            "b100": (29.18, 0.8106),
            "urban100": (28.19, 0.8520),
        },
        4: {
            "set5": (32.14, 0.8951),
            "set14": (28.58, 0.7882),
            "b100": (27.67, 0.7357),
            "urban100": (26.37, 0.7891),
        },
    },
)


def _spec(
    name: str,
    label: str,
    build: Callable[..., nn.Module],
    taps: tuple[str, ...],
    notes: str,
    reported: tuple[srbench.Reported, ...] = (),
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=frozenset({2, 3, 4}),
        license="unknown (no licence file)",
        channels="y",
        size_multiple=8,  # what three transforms need at x3; at x2 and x4 some images are padded further
        taps=taps,
        paper=srbench.Paper(
            title="Multi-level Wavelet-CNN for Image Restoration",
            venue="CVPR Workshops",
            year=2018,
            url="https://arxiv.org/abs/1805.07071",
        ),
        recipe=RECIPE,
        reported=reported,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the networks of both releases, and a small one."""
    second, first = ("d_l2", "i_l2", "i_l0"), ("d_l2", "i_l2", "i_l1")
    return [
        _spec(
            "mwcnn", "MWCNN", MWCNN, second, "The second release (Access 2019), whose table is reported here.", REPORTED
        ),
        _spec(
            "mwcnn_v1",
            "MWCNN v1",
            MWCNNv1,
            first,
            "The first release in PyTorch, which has no batch normalisation. It transforms the image first.",
        ),
        _spec(
            "mwcnn_small",
            "MWCNN-small",
            partial(MWCNN, n_feats=8),
            second,
            "Not from the paper: the second release with an eighth of the channels, which a CPU trains in a minute.",
        ),
    ]
