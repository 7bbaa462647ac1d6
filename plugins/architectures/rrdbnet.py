"""RRDBNet: residual in residual dense blocks, the network of ESRGAN (Wang et al., ECCV Workshops 2018).

The keys are BasicSR's. Weights with the keys of the authors' first release (``RRDB_trunk.0.RDB1.conv1``) load too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import conv, shrunk, thirds
from srbench.networks.folding import scale_outputs

RESIDUAL_SCALE = 0.2
NEGATIVE_SLOPE = 0.2
BLOCKS = 23
_FIRST_NAMES = (
    (re.compile(r"^RRDB_trunk\.(\d+)\.RDB(\d)\."), r"body.\1.rdb\2."),
    (re.compile(r"^trunk_conv\."), "conv_body."),
    (re.compile(r"^upconv(\d)\."), r"conv_up\1."),
    (re.compile(r"^HRconv\."), "conv_hr."),
)
"""Keys of the first release, and what BasicSR calls them."""


class DenseBlock(nn.Module):
    """Five convolutions, each of which reads the block's input and what the ones before it returned.

    Args:
        channels: Channels of the block.
        growth: Channels that each of the first four convolutions adds.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        for number in range(5):
            layer = conv(channels + number * growth, growth if number < 4 else channels)
            self.add_module(f"conv{number + 1}", shrunk(layer))
        self.residual_scale = RESIDUAL_SCALE

    def switch_to_deploy(self) -> None:
        """Fold the factor on the residual into the last convolution."""
        *_, last = self.children()
        if isinstance(last, nn.Conv2d):
            scale_outputs(last, self.residual_scale)
            self.residual_scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        *dense, last = self.children()
        features = x
        for layer in dense:
            features = torch.cat((features, _leaky(layer(features))), 1)
        residual: Tensor = last(features)
        return x + (residual if self.residual_scale == 1.0 else residual * self.residual_scale)


class RRDB(nn.Module):
    """Residual in residual dense block: ``x + 0.2 * (three dense blocks of x)``."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(channels, growth)
        self.rdb2 = DenseBlock(channels, growth)
        self.rdb3 = DenseBlock(channels, growth)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return x + RESIDUAL_SCALE * residual


class RRDBNet(nn.Module):
    """The network; maps lr in [0, 1] to sr in the same range.

    It always enlarges by 4. At x2, it reads each 2x2 pixels of lr as the channels of one, as BasicSR's does.

    Args:
        scale: 2 or 4.
        channels: Channels.
        blocks: Number of RRDBs.
        growth: Channels that a convolution of a dense block adds.
    """

    def __init__(self, scale: int, *, channels: int = 64, blocks: int = BLOCKS, growth: int = 32) -> None:
        super().__init__()
        self.fold = 4 // scale
        self.conv_first = conv(3 * self.fold**2, channels)
        self.body = nn.Sequential(*(RRDB(channels, growth) for _ in range(blocks)))
        self.conv_body = conv(channels, channels)
        self.conv_up1 = conv(channels, channels)
        self.conv_up2 = conv(channels, channels)
        self.conv_hr = conv(channels, channels)
        self.conv_last = conv(channels, 3)
        self.register_load_state_dict_pre_hook(_rename)  # type: ignore[no-untyped-call]

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); odd sides are extended by their last pixel at x2."""
        height, width = lr.shape[-2:]
        if self.fold > 1:
            # torch.compile has no modulo of negative numbers where sides are of any size
            right, below = ((self.fold - side % self.fold) % self.fold for side in (width, height))
            lr = F.pad(lr, (0, right, 0, below), mode="replicate")
            lr = F.pixel_unshuffle(lr, self.fold)
        shallow = self.conv_first(lr)
        features = shallow + self.conv_body(self.body(shallow))
        for enlarged in (self.conv_up1, self.conv_up2):
            features = _leaky(enlarged(F.interpolate(features, scale_factor=2.0, mode="nearest")))
        sr: Tensor = self.conv_last(_leaky(self.conv_hr(features)))
        scale = 4 // self.fold
        return sr[..., : scale * height, : scale * width]


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, NEGATIVE_SLOPE, inplace=True)  # in place, as its input is not used elsewhere


def _rename(module: nn.Module, state: dict[str, Tensor], prefix: str, *_others: object) -> None:  # noqa: ARG001
    """Give weights of the first release the keys of BasicSR."""
    for key in [key for key in state if key.startswith(prefix)]:
        name = key.removeprefix(prefix)
        for pattern, replacement in _FIRST_NAMES:
            name = pattern.sub(replacement, name)
        state[prefix + name] = state.pop(key)


PAPER = srbench.Paper(
    title="ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks",
    venue="ECCV Workshops",
    year=2018,
    url="https://arxiv.org/abs/1809.00219",
)
RECIPE = srbench.Recipe(
    name="rrdbnet_paper",
    datasets=("div2k_train", "flickr2k"),
    patch=128,
    patch_of="hr",
    batch=16,
    steps=1_000_000,
    learning_rate=2e-4,
    betas=(0.9, 0.99),
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    source="section 4.1 of the paper: the training for PSNR, from which that of the GAN starts",
)
REPORTED = srbench.Reported.on_luma(
    "README of the authors' release: RRDB trained for PSNR, RRDB_PSNR_x4.pth",
    {
        4: {
            "set5": (32.73, 0.9011),
            "set14": (28.99, 0.7917),
            "b100": (27.85, 0.7455),
            "urban100": (27.03, 0.8153),
            "manga109": (31.66, 0.9196),
        },
    },
)


def _spec(
    name: str,
    label: str,
    build: Callable[..., nn.Module],
    blocks: int,
    notes: str,
    *,
    recipe: srbench.Recipe | None = None,
    reported: tuple[srbench.Reported, ...] = (),
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=frozenset({2, 4}),
        paper=PAPER,
        license="Apache-2.0",
        taps=thirds("body", blocks),
        recipe=recipe,
        reported=reported,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper, and a small one of the same family."""
    return [
        _spec(
            "rrdbnet",
            "RRDBNet",
            RRDBNet,
            BLOCKS,
            "The network of ESRGAN and Real-ESRGAN. Weights with the keys of either release of the authors load. The "
            "distiller esrgan trains it as a GAN.",
            recipe=RECIPE,
            reported=REPORTED,
        ),
        _spec(
            "rrdbnet_small",
            "RRDBNet-small",
            partial(RRDBNet, channels=16, blocks=3, growth=8),
            3,
            "Not from the paper: a network that two CPU cores train in minutes.",
        ),
    ]
