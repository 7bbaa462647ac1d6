"""NCNet: seven small convolutions and a fixed nearest-neighbour skip, for 8-bit integers (Luo et al., ECCVW 2022).

Keys and the value range are those of the PyTorch port in the authors' release.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import conv, zero_bias


class NCNet(nn.Module):
    """The network; maps lr in [0, 255] to sr in the same range.

    The skip is a fixed 1x1 convolution that repeats every colour scale² times, so that one shuffle at the end enlarges
    both (Section 3.2): nearest-neighbour interpolation with an operator that every accelerator has. As in the release,
    its weight is a buffer outside the state dict.

    Args:
        scale: 2 or 3 (one shuffle) or 4 (two shuffles of x2, as in the release, whose order of channels differs).
        channels: Channels.
    """

    def __init__(self, scale: int, *, channels: int = 32) -> None:
        super().__init__()
        wide = 3 * scale**2
        sizes = [3, *[channels] * 5, wide, wide]
        layers: list[nn.Module] = []
        for channels_in, channels_out in itertools.pairwise(sizes):
            layers += [conv(channels_in, channels_out), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers[:-1])
        self.nearest: Tensor
        self.register_buffer(
            "nearest", torch.eye(3).repeat_interleave(scale**2, dim=0)[..., None, None], persistent=False
        )
        self.shuffle = nn.Sequential(*[nn.PixelShuffle(2)] * 2) if scale == 4 else nn.PixelShuffle(scale)
        for module in self.body:
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight)
                zero_bias(module)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.shuffle(self.body(lr) + F.conv2d(lr, self.nearest))
        return sr


def read_arrays(path: Path) -> Mapping[str, Tensor]:
    """Read the weights in a NumPy archive, by key.

    Raises:
        CheckpointError: The file cannot be read, or holds pickled objects.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    except (OSError, ValueError) as error:
        raise srbench.CheckpointError(
            f"{path} is damaged or not an archive of plain arrays ({error}); download it again."
        ) from error


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="ncnet",
            label="NCNet",
            build=NCNet,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="Fast Nearest Convolution for Real-Time Efficient Image Super-Resolution",
                venue="ECCV Workshops",
                year=2022,
                url="https://arxiv.org/abs/2208.11609",
            ),
            license="Apache-2.0",
            input_range=255.0,
            taps=("body.3", "body.7", "body.11"),
            recipe=srbench.Recipe(
                name="ncnet_paper",
                datasets=("div2k_train",),
                patch=64,
                batch=64,
                steps=500_000,
                learning_rate=1e-3,
                schedule="multistep",
                milestones=(50_000, 150_000, 300_000, 400_000),
                gamma=0.5,
                losses={"l1": 1.0},
                source="the release's training script: HR patches of 192 at x3; its second factor is 0.4 and its last "
                "rate 5e-5, while here every milestone halves the rate (last 6.25e-5)",
            ),
            checkpoints=(
                srbench.Checkpoint(
                    tag="tflite",
                    scale=3,
                    file="ncnet/ncnet_x3_from_tflite.npz",
                    sha256="619bb7f4f71208a7b17c92c3613553f8d1e146c3ced10c74cb6071fb2ae7a4be",
                    license="Apache-2.0",
                    trained_on=frozenset({"div2k_train"}),
                    read=read_arrays,
                ),
            ),
            reported=(
                srbench.Reported(
                    dataset="div2k_valid",
                    scale=3,
                    metric="psnr_rgb",
                    value=30.27,
                    source="README of the release: whole images, RGB, no border removed",
                    protocol="rgb",
                ),
            ),
            notes="Made for x3 and 8-bit integers; x2 and x4 are from the port. The checkpoint is the released TFLite "
            "file, de-quantised and permuted into PyTorch's order of channels; scores in floating point on Set5, Set14 "
            "and B100 were not published.",
        )
    ]
