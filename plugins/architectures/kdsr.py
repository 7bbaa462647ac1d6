"""KDSR: blind SR with kernels generated for each image from an estimate of its degradation (Xia et al., ICLR 2023).

The student gets lr only. The teacher's estimator also gets hr, so its estimate is better; the student learns to give
the same estimate. The distilled vector, D' in the paper, is the output of the module at the path `idr` of either
network: a distiller captures it there, and builds the teacher with `KDSR.teacher`. Keys and their order are the
release's.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import MeanShift, ResidualBlock, Upsampler, conv, thirds

LEAKY_SLOPE = 0.1
"""Slope of every leaky ReLU."""


WIDE = 32
"""Channels from which a CPU is faster with one image after the other than with copies of all into another layout."""


def per_image_depthwise(x: Tensor, kernels: Tensor) -> Tensor:
    """Convolve every channel of every image with its own kernel; borders are padded with zeros.

    Args:
        x: (N, C, h, w).
        kernels: (N, C, k, k), k odd.

    Returns:
        (N, C, h, w).
    """
    count, channels, height, width = x.shape
    flat, padding = kernels.flatten(0, 1).unsqueeze(1), kernels.shape[-1] // 2
    if count == 1:
        return F.conv2d(x, flat, padding=padding, groups=channels)
    in_pixels = x.is_contiguous(memory_format=torch.channels_last)
    if in_pixels and channels >= WIDE and x.device.type == "cpu" and not torch.compiler.is_compiling():
        images = zip(torch.split(x, 1), torch.split(flat, channels), strict=True)
        return torch.cat([F.conv2d(image, own, padding=padding, groups=channels) for image, own in images])
    folded = x.contiguous().view(1, count * channels, height, width)
    convolved = F.conv2d(folded, flat, padding=padding, groups=count * channels).view_as(x)
    # laid out like x, as what follows would be slower on a mixture
    return convolved.contiguous(memory_format=torch.channels_last) if in_pixels else convolved


class DynamicConvolution(nn.Module):
    """IDR-DDC: a depthwise 3x3 convolution whose kernels are computed from the degradation (Section 3.2).

    Args:
        channels: Channels of the features and of the degradation.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernel = nn.Sequential(
            nn.Linear(channels, channels, bias=False),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Linear(channels, 9 * channels, bias=False),
        )

    def forward(self, x: Tensor, degradation: Tensor) -> Tensor:
        """Map (N, C, h, w) and (N, C) to (N, C, h, w)."""
        kernels: Tensor = self.kernel(degradation)
        return per_image_depthwise(x, kernels.view(*x.shape[:2], 3, 3))


class DynamicBlock(nn.Module):
    """IDR-DCRB: ``x + conv(LeakyReLU(DDC(x, D)))``.

    Args:
        channels: Channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.da_conv1 = DynamicConvolution(channels)
        self.conv1 = conv(channels, channels)

    def forward(self, x: Tensor, degradation: Tensor) -> Tensor:
        """Map (N, C, h, w) and (N, C) to (N, C, h, w)."""
        residual: Tensor = self.conv1(F.leaky_relu(self.da_conv1(x, degradation), LEAKY_SLOPE, inplace=True))
        return x + residual


class Trunk(nn.Module):
    """Blocks in sequence that all get the same degradation.

    Args:
        channels: Channels.
        n_blocks: Number of blocks.
    """

    def __init__(self, channels: int, n_blocks: int) -> None:
        super().__init__()
        self.body = nn.ModuleList(DynamicBlock(channels) for _ in range(n_blocks))

    def forward(self, x: Tensor, degradation: Tensor) -> Tensor:
        """Map (N, C, h, w) and (N, C) to (N, C, h, w)."""
        for block in self.body:
            x = block(x, degradation)
        return x


class Restorer(nn.Module):
    """The SR network, which is EDSR with other blocks; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2, 3 or 4.
        n_feats: Channels (C).
        n_blocks: Dynamic blocks.
    """

    def __init__(self, scale: int, n_feats: int, n_blocks: int) -> None:
        super().__init__()
        self.sub_mean, self.add_mean = MeanShift(1.0, -1), MeanShift(1.0, +1)
        self.head = nn.Sequential(conv(3, n_feats))
        self.body = nn.ModuleList([Trunk(n_feats, n_blocks), conv(n_feats, n_feats)])
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))

    def switch_to_deploy(self) -> None:
        """Fold the mean shift at the end into the convolution before it."""
        self.add_mean.fold_into(self.tail[-1])

    def forward(self, lr: Tensor, degradation: Tensor) -> Tensor:
        """Map (N, 3, h, w) and (N, C) to (N, 3, scale*h, scale*w)."""
        shallow = self.head(self.sub_mean(lr))
        trunk, last = self.body
        sr: Tensor = self.add_mean(self.tail(last(trunk(shallow, degradation)) + shallow))
        return sr


class Estimator(nn.Module):
    """KD-IDE: estimates the degradation of an image as a vector, averaged over the whole image.

    Args:
        colours: Input channels.
        n_feats: C, the channels of the first layers and of the vector.
        n_resblocks: Residual blocks.
    """

    def __init__(self, colours: int, n_feats: int, n_resblocks: int) -> None:
        super().__init__()
        self.E = nn.Sequential(
            conv(colours, n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            *[ResidualBlock(n_feats, slope=LEAKY_SLOPE) for _ in range(n_resblocks)],
            conv(n_feats, 2 * n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            conv(2 * n_feats, 2 * n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            conv(2 * n_feats, 4 * n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.AdaptiveAvgPool2d(1),
        )
        self.mlp = nn.Sequential(
            nn.Linear(4 * n_feats, 4 * n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Linear(4 * n_feats, 4 * n_feats),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
        )
        self.channels = 4 * n_feats  # of the representation
        self.compress = nn.Sequential(nn.Linear(4 * n_feats, n_feats), nn.LeakyReLU(LEAKY_SLOPE, inplace=True))

    def forward(self, seen: Tensor) -> Tensor:
        """Map (N, colours, h, w) to D, (N, C)."""
        degradation: Tensor = self.compress(self.representation(seen))
        return degradation

    def representation(self, seen: Tensor) -> Tensor:
        """Map (N, colours, h, w) to D', (N, 4C), the vector that is distilled and then compressed to D."""
        vector: Tensor = self.mlp(self.E(seen).flatten(1))
        return vector


class KDSR(nn.Module):
    """The student, a blind network; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2, 3 or 4.
        n_feats: Channels (C).
        n_blocks: Dynamic blocks of the SR network.
        n_resblocks: Residual blocks of the estimator.

    Attributes:
        idr: Module path of the implicit degradation representation D', (N, 4C).
    """

    idr = "E_st.mlp"

    def __init__(self, scale: int, *, n_feats: int = 64, n_blocks: int = 53, n_resblocks: int = 9) -> None:
        super().__init__()
        self.G = Restorer(scale, n_feats, n_blocks)
        self.E_st = Estimator(3, n_feats, n_resblocks)
        self._sizes = {"scale": scale, "n_feats": n_feats, "n_blocks": n_blocks, "n_resblocks": n_resblocks}

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.G(lr, self.E_st(lr))
        return sr

    def teacher(self) -> KDSRTeacher:
        """Build a teacher of the same sizes, freshly initialised."""
        return KDSRTeacher(**self._sizes)


class KDSRTeacher(nn.Module):
    """The teacher, whose estimator gets hr; it cannot be measured as an architecture, as hr is unknown then.

    Its SR network has the student's keys ``G.*``, so that the student can start from it; its estimator is ``E``.

    Args:
        scale: 2, 3 or 4.
        n_feats: Channels (C).
        n_blocks: Dynamic blocks of the SR network.
        n_resblocks: Residual blocks of the estimator.

    Attributes:
        idr: Module path of the implicit degradation representation D', (N, 4C).
    """

    idr = "E.mlp"

    def __init__(self, scale: int, *, n_feats: int = 64, n_blocks: int = 53, n_resblocks: int = 9) -> None:
        super().__init__()
        self.scale = scale
        self.G = Restorer(scale, n_feats, n_blocks)
        self.E = Estimator(3 + 3 * scale**2, n_feats, n_resblocks)

    def forward(self, lr: Tensor, hr: Tensor) -> Tensor:
        """Map (N, 3, h, w) and (N, 3, scale*h, scale*w), both in [0, 1], to sr of hr's shape."""
        sr: Tensor = self.G(lr, self.E(self.seen(lr, hr)))
        return sr

    def seen(self, lr: Tensor, hr: Tensor) -> Tensor:
        """Stack the estimator's input: lr and the phases of hr as channels, (N, 3 + 3*scale², h, w)."""
        return torch.cat((lr, F.pixel_unshuffle(hr, self.scale)), dim=1)


PAPER = srbench.Paper(
    title="Knowledge Distillation based Degradation Estimation for Blind Super-Resolution",
    venue="ICLR",
    year=2023,
    url="https://arxiv.org/abs/2211.16928",
)
RECIPE = srbench.Recipe(
    name="kdsr_paper",
    datasets=("div2k_train", "flickr2k"),
    patch=64,
    batch=64,
    steps=1_067_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=266_750,
    losses={"l1": 1.0},
    source="the release's trainers for isotropic blur: 500 epochs of about 970 steps for the teacher, halved every "
    "125, and 600 for the student, halved every 150, as the distiller kdsr divides these steps; degradation "
    "isotropic_batch, as one blur is drawn for all images of a batch; for anisotropic_noise the release has 500 epochs "
    "for each, as kdsr_estimator_first divides them",
)
GAN_RECIPE = srbench.Recipe(
    name="kdsr_gan_paper",
    datasets=("div2k_train", "flickr2k"),
    patch=64,
    batch=72,
    steps=2_400_000,
    learning_rate=2e-4,
    betas=(0.9, 0.99),
    schedule="multistep",
    milestones=(1_440_000,),
    losses={"l1": 1.0},
    ema=0.999,
    source="the release's settings for real images: 1,000,000 steps for the teacher at 1e-4, as many for the student "
    "at 2e-4, halved at 600,000, and 400,000 with an adversary at 1e-4, as the distiller kdsr_gan_vgg divides these "
    "steps; but every stage is halved at the same share of its steps, while the release halves only the second; "
    "degradation realesrgan, with OST in addition to DIV2K and Flickr2K",
)


def _gaussian8(results: dict[str, tuple[float, float]]) -> tuple[srbench.Reported, ...]:
    rows = srbench.Reported.on_luma(_TABLE, {4: results})
    return tuple(dataclasses.replace(row, degradation="gaussian8_kdsr") for row in rows)


_TABLE = "results table of the release; means over eight Gaussian blurs"
REPORTED_M = _gaussian8(
    {
        "set5": (32.02, 0.8892),
        "set14": (28.46, 0.7761),
        "b100": (27.52, 0.7281),
        "urban100": (25.96, 0.7760),
        "manga109": (30.58, 0.9026),
    }
)
REPORTED_L = _gaussian8(
    {
        "set5": (32.11, 0.8933),
        "set14": (28.68, 0.7867),
        "b100": (27.64, 0.7300),
        "urban100": (26.15, 0.7830),
        "manga109": (30.99, 0.9069),
    }
)
_NOTES = (
    "The student; its estimate of the degradation is a mean over the whole image, so tiles change the result. Only the "
    "distilled vector supervises the estimator."
)


def _spec(
    name: str,
    label: str,
    build: partial[KDSR],
    notes: str,
    *,
    scales: frozenset[int] = frozenset({2, 3, 4}),
    recipe: srbench.Recipe = RECIPE,
    reported: tuple[srbench.Reported, ...] = (),
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=scales,
        paper=PAPER,
        license="unknown (no licence file)",
        taps=thirds("G.body.0.body", build.keywords["n_blocks"]),
        representation=KDSR.idr,
        recipe=recipe,
        reported=reported,
        notes=f"{_NOTES} {notes}",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the paper's sizes, two for blurs and noise and one for real images, and a small one for CPUs."""
    return [
        _spec(
            "kdsr_m",
            "KDSR-M",
            partial(KDSR, n_feats=64, n_blocks=53, n_resblocks=9),
            "The paper reports 191.4 GMACs for a 1280x720 output; the published configuration has 228.6.",
            reported=REPORTED_M,
        ),
        _spec(
            "kdsr_l",
            "KDSR-L",
            partial(KDSR, n_feats=128, n_blocks=28, n_resblocks=5),
            "The paper's 623.6 GMACs leave out the per-image convolutions, which add 1.9.",
            reported=REPORTED_L,
        ),
        _spec(
            "kdsr_gan",
            "KDSR-GAN",
            partial(KDSR, n_feats=128, n_blocks=42, n_resblocks=6),
            "The paper reports 640.8 GMACs for a 1280x720 output; the published configuration has 762.3. After the GAN "
            "stage the paper reports LPIPS 0.3758 on AIM 2019 and 0.3198 on NTIRE 2020.",
            scales=frozenset({4}),
            recipe=GAN_RECIPE,
        ),
        _spec(
            "kdsr_small",
            "KDSR (small)",
            partial(KDSR, n_feats=16, n_blocks=8, n_resblocks=1),
            "Not from the paper: small enough to train on a CPU.",
        ),
    ]
