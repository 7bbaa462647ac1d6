"""FID and KID: distances between the features of all sr and those of all hr of a dataset.

``fid`` and ``kid`` compare features of the Inception network of the papers, resized as clean-fid does (Parmar et al.,
CVPR 2022): bicubic with antialiasing, to 299 x 299. ``fid_alexnet`` and ``kid_alexnet`` compare AlexNet's last
convolution, averaged over positions, which needs no further weights than LPIPS; they compare with each other only. All
are biased or noisy for few images: FID of a hundred says little, and KID, which is unbiased, is noisy there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

import srbench
from srbench.measuring.metrics.sets import frechet_distance, kernel_distance
from srbench.networks.inception import DIGITS, find_inception

if TYPE_CHECKING:
    from pathlib import Path

INCEPTION_SIDE = 299
ALEXNET_SIDE = 64
"""Shortest side of an image whose last convolution still has a position."""
ALEXNET_DIGITS = "7be5be79"
"""The first digits of the sha256 of torchvision's file; `srbench.find_lpips_trunk` verifies every tensor of it."""
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's images, by which AlexNet's input is normalised."""


class InceptionFeatures(nn.Module):
    """The 2,048 features of Inception's last average pool.

    Args:
        state: The network's weights, or None for random ones.

    Raises:
        UnavailableError: pyiqa, which has the blocks of this variant, or torchvision is not installed.
    """

    def __init__(self, state: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        try:
            from pyiqa.archs import inception as blocks
            from torchvision.models import inception_v3  # type: ignore[import-untyped]
        except ImportError as error:
            raise srbench.UnavailableError("FID needs the package pyiqa; install srbench[perceptual].") from error
        net = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=state is None)
        net.Mixed_5b = blocks.FIDInceptionA(192, pool_features=32)
        net.Mixed_5c = blocks.FIDInceptionA(256, pool_features=64)
        net.Mixed_5d = blocks.FIDInceptionA(288, pool_features=64)
        for name, channels in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
            setattr(net, name, blocks.FIDInceptionC(768, channels_7x7=channels))
        net.Mixed_7b, net.Mixed_7c = blocks.FIDInceptionE_1(1280), blocks.FIDInceptionE_2(2048)
        if state is not None:
            net.load_state_dict(state)
        net.fc = nn.Identity()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 2048) for images (N, 3, H, W) in [0, 1]."""
        levels = images.float() * 255
        size = (INCEPTION_SIDE, INCEPTION_SIDE)
        resized = functional.interpolate(levels, size, mode="bicubic", antialias=True).clamp(0, 255)
        features: Tensor = self.net((resized - 128) / 128)
        return features


class AlexNetFeatures(nn.Module):
    """The 256 features of AlexNet's last convolution, averaged over positions.

    Args:
        weights: torchvision's AlexNet, or only its convolutions.

    Raises:
        UnavailableError: torchvision is not installed.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        try:
            from torchvision.models import alexnet
        except ImportError as error:
            raise srbench.UnavailableError("AlexNet needs the package torchvision; install it.") from error
        with torch.random.fork_rng(devices=[]):
            self.features = alexnet(weights=None).features[:12]  # without the last pool
        self.load_state_dict(dict(srbench.load_state_dict(weights).state))

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 256) for images (N, 3, H, W) in [0, 1].

        Raises:
            ShapeError: A side is shorter than `ALEXNET_SIDE`.
        """
        if min(images.shape[-2:]) < ALEXNET_SIDE:
            raise srbench.ShapeError(
                f"AlexNet's features need images of at least {ALEXNET_SIDE} pixels a side, not {tuple(images.shape)}."
            )
        mean, deviation = (images.new_tensor(own)[:, None, None] for own in (MEAN, DEVIATION))
        features: Tensor = self.features(((images - mean) / deviation).float())
        return features.mean(dim=(2, 3))


def load_inception(device: torch.device) -> nn.Module:
    """Load Inception with weights from this machine.

    Raises:
        UnavailableError: The weights or a package are missing.
    """
    network = InceptionFeatures(dict(srbench.load_state_dict(find_inception()).state))
    return network.to(device).eval().requires_grad_(False)


def load_alexnet(device: torch.device) -> nn.Module:
    """Load AlexNet's convolutions with weights from this machine.

    Raises:
        UnavailableError: The weights or torchvision are missing.
    """
    return AlexNetFeatures(srbench.find_lpips_trunk("alex")).to(device).eval().requires_grad_(False)


def _reason(find: Callable[[], Path]) -> str | None:
    try:
        find()
    except srbench.UnavailableError as error:
        return str(error)
    return None


@srbench.hookimpl
def register_metrics() -> list[srbench.SetMetricSpec]:
    """Provide both distances over both networks, on whole RGB images; the version is the hash of the weights."""
    networks = (
        ("", "", DIGITS, load_inception, find_inception),
        ("_alexnet", " (AlexNet)", ALEXNET_DIGITS, load_alexnet, partial(srbench.find_lpips_trunk, "alex")),
    )
    distances = (("fid", "FID", frechet_distance), ("kid", "KID", kernel_distance))
    return [
        srbench.SetMetricSpec(
            name=name + ending, label=label + network, higher_is_better=False, shaved=False,
            load=load, score=score, unavailable=partial(_reason, find), version=digits,
        )
        for ending, network, digits, load, find in networks
        for name, label, score in distances
    ]  # fmt: skip
