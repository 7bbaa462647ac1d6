"""Frozen networks that turn images into maps at several levels, for losses that compare what a network sees in them.

Contrastive and perceptual losses compare images by the features of a fixed network. Papers use VGG19 or VQGAN, whose
weights do not come with srbench, so a distiller takes a `MakeEncoder`: `untrained`, which needs no weights and is the
same on every machine; `alexnet`, `vgg16` or `vgg19`, where the weights of ImageNet are there; or one of its own.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.errors import TrainingError, UnknownNameError
from srbench.networks.imagenet import find_lpips_trunk, find_vgg19
from srbench.networks.weights import load_state_dict

LEVEL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Weights that contrastive losses give to five levels, from the finest to the coarsest."""
VGG19_LAYERS = {"conv1_2": 2, "conv2_2": 7, "conv3_4": 16, "conv4_4": 25, "conv5_4": 34}
"""Names of the convolutions that `vgg19` gives, and their indices in torchvision's ``features``."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """A frozen network that maps images to features at several levels.

    It is not a module, so that a distiller that holds it does not write it into checkpoints.
    """

    name: str
    """Name for people, for `Distiller.notes`."""
    levels: nn.ModuleList
    """Each takes the output of the one before it."""
    mean: Tensor
    """(3, 1, 1); subtracted from images."""
    std: Tensor
    """(3, 1, 1); divides the difference."""
    least: int = 1
    """Shortest side of an image, in pixels, for which every level has an output."""
    codes: Tensor | None = None
    """(K, C): a codebook for the maps of the last level, as VQGAN has it."""

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 1 or 3, H, W) in [0, 1] to one map (N, C, h, w) per level.

        Raises:
            TrainingError: The images are smaller than ``least``.
        """
        if (side := min(images.shape[-2:])) < self.least:
            raise TrainingError(
                f"{self.name} needs images of at least {self.least} pixels a side, and patches of hr have {side}; "
                "raise the recipe's patch."
            )
        maps = (images.expand(-1, 3, -1, -1) - self.mean) / self.std
        features = []
        for level in self.levels:
            maps = level(maps)
            features.append(maps)
        return features

    @property
    def weights_sha256(self) -> str:
        """Hash of its weights, in order, as they are on this machine."""
        digest = hashlib.sha256()
        for weight in self.levels.state_dict().values():
            digest.update(weight.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def description(self) -> str:
        """Its name and the first digits of the hash of its weights, for `Distiller.notes`."""
        return f"{self.name} (sha256 of its weights: {self.weights_sha256[:12]}…)"


MakeEncoder = Callable[[torch.device], Encoder]
"""Makes an encoder on a device."""


def untrained(device: torch.device) -> Encoder:
    """Make an encoder of random weights, by He et al.'s rule, that are the same every time.

    Its five levels are a 3x3 convolution and a ReLU each, on the maxima of 2x2 pixels of the level before.
    """
    generator = torch.Generator().manual_seed(0)
    widths = (3, 16, 32, 64, 64, 64)
    levels = nn.ModuleList()
    for number, (before, width) in enumerate(itertools.pairwise(widths)):
        layer = nn.Conv2d(before, width, 3, padding=1, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * math.sqrt(2 / (9 * before)))
        pool = nn.MaxPool2d(2, ceil_mode=True) if number else nn.Identity()
        levels.append(nn.Sequential(pool, layer, nn.ReLU()))
    half = torch.full((3, 1, 1), 0.5, device=device)
    return Encoder("an untrained network of five convolutions", _frozen(levels, device), half, half)


def alexnet(device: torch.device) -> Encoder:
    """Make an encoder of AlexNet as trained on ImageNet, at its five ReLUs.

    Raises:
        UnavailableError: Its weights are not on this machine; the error says how to get them.
    """
    features = _rounding_up(_convolutions("alexnet", find_lpips_trunk("alex")))
    return _imagenet("AlexNet", features, (1, 4, 7, 9, 11), device, least=19)


def vgg16(device: torch.device) -> Encoder:
    """Make an encoder of VGG-16 as trained on ImageNet, at the first ReLU after each pooling; see `alexnet`."""
    features = _rounding_up(_convolutions("vgg16", find_lpips_trunk("vgg")))
    return _imagenet("VGG-16", features, (1, 6, 11, 18, 25), device, least=1)


def vgg19(device: torch.device) -> Encoder:
    """Make an encoder of VGG19 as trained on ImageNet, at five convolutions, before their ReLUs; see `alexnet`."""
    features = _convolutions("vgg19", find_vgg19())
    for layer in features:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # its input is a level's output, which is compared later
    return _imagenet("VGG19", features, tuple(VGG19_LAYERS.values()), device, least=16)


ENCODERS: Mapping[str, MakeEncoder] = {
    "untrained": untrained,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "vgg19": vgg19,
}
"""Encoders by the names that families of distillers and losses take: ``esrgan_with:alexnet``."""


def encoder_named(name: str) -> MakeEncoder:
    """Return what makes an encoder, by its name in `ENCODERS`.

    Raises:
        UnknownNameError: There is no such encoder.
    """
    if name not in ENCODERS:
        raise UnknownNameError.among("encoder", name, ENCODERS)
    return ENCODERS[name]


def _convolutions(name: str, weights: Path) -> nn.Sequential:
    from torchvision import models  # type: ignore[import-untyped]

    with torch.device("meta"):  # only the convolutions are wanted, and only with these weights
        features: nn.Sequential = getattr(models, name)(weights=None).features
    state = load_state_dict(weights).state
    features.load_state_dict({key.removeprefix("features."): weight for key, weight in state.items()}, assign=True)
    return features


def _rounding_up(features: nn.Sequential) -> nn.Sequential:
    """Let poolings keep incomplete windows, so that small patches leave something to the last levels."""
    for layer in features:
        if isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = True
    return features


def _imagenet(
    name: str, features: nn.Sequential, ends: tuple[int, ...], device: torch.device, *, least: int
) -> Encoder:
    """Cut a network of ImageNet into levels; ``ends`` are the indices of their last layers."""
    starts = (0, *(end + 1 for end in ends))
    levels = nn.ModuleList(features[start : end + 1] for start, end in zip(starts, ends, strict=False))
    mean, std = torch.tensor(((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), device=device).view(2, 3, 1, 1)
    return Encoder(f"{name} of ImageNet", _frozen(levels, device), mean, std, least)


def _frozen(levels: nn.ModuleList, device: torch.device) -> nn.ModuleList:
    return levels.to(device).eval().requires_grad_(requires_grad=False)
