"""DWSR: convolutions predict what the Haar sub-bands of the bicubic image lack (Guo et al., CVPRW 2017)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.imaging import imresize
from srbench.networks.blocks import conv
from srbench.networks.folding import mix_inputs, mix_outputs
from srbench.networks.wavelets import haar, haar_matrix, inverse_haar


class DWSR(nn.Module):
    """The network: a 5x5 convolution of the sub-bands, 3x3 convolutions, and one that predicts their residual.

    Args:
        scale: Up-sampling factor of the bicubic image; the weights do not depend on it.
        layers: Convolutions between the first and the last.
        channels: Channels.
        colours: Channels of the image; each has four sub-bands.
    """

    def __init__(self, scale: int, *, layers: int = 8, channels: int = 64, colours: int = 1) -> None:
        super().__init__()
        self.scale = scale
        self.body = nn.Sequential(conv(4 * colours, channels, 5), nn.ReLU(inplace=True))
        for _ in range(layers):
            self.body += nn.Sequential(conv(channels, channels), nn.ReLU(inplace=True))
        self.body.append(conv(channels, 4 * colours))
        self.colours, self.in_bands = colours, True

    def switch_to_deploy(self) -> None:
        """Fold both transforms, which are linear, into the first and the last convolution."""
        first, last = self.body[0], self.body[-1]
        if self.in_bands and isinstance(first, nn.Conv2d) and isinstance(last, nn.Conv2d):
            matrix = haar_matrix(self.colours).to(first.weight)
            mix_inputs(first, matrix)
            mix_outputs(last, matrix.mT)
            self.in_bands = False

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, colours, h, w) to (N, colours, scale*h, scale*w), whose sides are even."""
        return self.refine(imresize(lr, scale=self.scale))

    def refine(self, enlarged: Tensor) -> Tensor:
        """Add the predicted sub-bands to those of an enlarged image, (N, colours, H, W)."""
        if not self.in_bands:
            return enlarged + F.pixel_shuffle(self.body(F.pixel_unshuffle(enlarged, 2)), 2)
        bands = haar(enlarged)
        return inverse_haar(bands + self.body(bands))


RECIPE = srbench.Recipe(
    name="dwsr_adapted",
    datasets=("div2k_train",),
    patch=48,
    patch_of="hr",
    batch=64,
    steps=100_000,
    learning_rate=1e-3,
    schedule="multistep",
    milestones=(20_000, 40_000, 60_000, 80_000),
    gamma=0.75,
    losses={"mse": 1.0},
    weight_decay=1e-4,
    clip=0.4,
    source="ours: the paper's squared error, which is the same on pixels as on orthonormal sub-bands, a weak weight "
    "decay and the five rates of a reimplementation, three quarters of each other; that one starts Adam at 0.01",
)


def _spec(
    name: str,
    label: str,
    build: Callable[..., nn.Module],
    layers: int,
    notes: str,
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=frozenset({2, 3, 4}),
        channels="y",
        size_multiple=2,  # at x3
        taps=tuple(f"body.{2 * (layers * part // 3) + 1}" for part in (1, 2, 3)),
        paper=srbench.Paper(
            title="Deep Wavelet Prediction for Image Super-Resolution",
            venue="CVPR Workshops",
            year=2017,
            url="https://openaccess.thecvf.com/content_cvpr_2017_workshops/w12/html/"
            "Guo_Deep_Wavelet_Prediction_CVPR_2017_paper.html",
        ),
        recipe=RECIPE,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper's table, and a small one."""
    return [
        _spec(
            "dwsr",
            "DWSR",
            DWSR,
            8,
            "Written from the paper. A reimplementation in PyTorch differs in three places, which are corrected here: "
            "a ReLU after the last convolution, so that no predicted sub-band is negative; PyTorch's bicubic "
            "interpolation instead of MATLAB's; and four fixed channels, although it reads RGB.",
        ),
        _spec(
            "dwsr_small",
            "DWSR-small",
            partial(DWSR, layers=4, channels=16),
            4,
            "Not from the paper: a network that a CPU trains in a minute.",
        ),
    ]
