"""Networks that learn to distinguish hr from sr, for adversarial training: the VGG-style one and the U-Net.

Their keys are those of BasicSR. A discriminator maps images to logits, positive where an image looks like one of hr.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

from srbench.distilling.distiller import Setup
from srbench.errors import TrainingError
from srbench.networks.blocks import conv
from srbench.scales import hr_side

NEGATIVE_SLOPE = 0.2
LEAST_SIDE = 8
"""Shortest side of an image, in pixels, that a discriminator takes."""
_HIDDEN = 100
"""Units of the VGG-style discriminator's second last layer."""


class UNetDiscriminator(nn.Module):
    """A U-Net whose weights have a spectral norm of 1, which judges every pixel (Real-ESRGAN).

    Three convolutions halve the image; three more follow the enlargements, each added to the earlier map of its size.

    Args:
        colours: Channels of an image.
        width: Channels at the image's own size.
    """

    def __init__(self, colours: int = 3, *, width: int = 64) -> None:
        super().__init__()
        self.conv0 = conv(colours, width)
        self.conv1 = _normed(width, 2 * width, 4, 2)
        self.conv2 = _normed(2 * width, 4 * width, 4, 2)
        self.conv3 = _normed(4 * width, 8 * width, 4, 2)
        self.conv4 = _normed(8 * width, 4 * width)
        self.conv5 = _normed(4 * width, 2 * width)
        self.conv6 = _normed(2 * width, width)
        self.conv7 = _normed(width, width)
        self.conv8 = _normed(width, width)
        self.conv9 = conv(width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to logits (N, 1, H, W).

        Raises:
            TrainingError: A side is shorter than 8.
        """
        if (side := min(images.shape[-2:])) < LEAST_SIDE:
            raise TrainingError(
                f"The discriminator halves images three times, which takes patches of {LEAST_SIDE} pixels a side, and "
                f"those of hr have {side}; raise the recipe's patch."
            )
        maps = [_active(self.conv0(images))]
        for shrink in (self.conv1, self.conv2, self.conv3):
            maps.append(_active(shrink(maps[-1])))
        merged = maps.pop()
        for grow in (self.conv4, self.conv5, self.conv6):
            skip = maps.pop()
            # to the skip's size: twice that of the enlarged map, or one more where an odd side was halved
            merged = _active(grow(F.interpolate(merged, skip.shape[-2:], mode="bilinear"))) + skip
        logits: Tensor = self.conv9(_active(self.conv8(_active(self.conv7(merged)))))
        return logits


class VGGDiscriminator(nn.Module):
    """Pairs of convolutions that halve a patch to about 4 pixels a side, and two layers that judge it (SRGAN, ESRGAN).

    The published networks take patches of 128 pixels, which are halved five times, or of 256, six times. Others are
    halved as often as leaves them nearest to 4 pixels.

    Args:
        side: Height and width of every image.
        colours: Channels of an image.
        width: Channels at the image's own size; they double with every halving, to at most eight times as many.

    Raises:
        TrainingError: The side is shorter than 8.
    """

    def __init__(self, side: int = 128, colours: int = 3, *, width: int = 64) -> None:
        super().__init__()
        if side < LEAST_SIDE:
            raise TrainingError(
                f"The discriminator takes patches of at least {LEAST_SIDE} pixels a side, and those of hr have {side}; "
                "raise the recipe's patch."
            )
        self.side, self.halvings = side, round(math.log2(side / 4))
        channels = colours
        for level in range(self.halvings):
            wide = width * min(2**level, 8)
            self.add_module(f"conv{level}_0", conv(channels, wide, bias=level == 0))
            if level:
                self.add_module(f"bn{level}_0", nn.BatchNorm2d(wide))
            self.add_module(f"conv{level}_1", nn.Conv2d(wide, wide, 4, stride=2, padding=1, bias=False))
            self.add_module(f"bn{level}_1", nn.BatchNorm2d(wide))
            channels = wide
        self.linear1 = nn.Linear(channels * (side >> self.halvings) ** 2, _HIDDEN)
        self.linear2 = nn.Linear(_HIDDEN, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, side, side) to logits (N, 1).

        Raises:
            TrainingError: The images have another size.
        """
        if set(images.shape[-2:]) != {self.side}:
            raise TrainingError(
                f"The discriminator was built for patches of {self.side} pixels a side, and got "
                f"{images.shape[-2]}x{images.shape[-1]}; train at one scale, with patches of one size."
            )
        maps = images
        for level in range(self.halvings):
            for name in (f"{level}_0", f"{level}_1"):
                maps = self.get_submodule(f"conv{name}")(maps)
                if name != "0_0":
                    maps = self.get_submodule(f"bn{name}")(maps)
                maps = _active(maps)
        logits: Tensor = self.linear2(_active(self.linear1(maps.flatten(1))))
        return logits


def vgg_discriminator(setup: Setup) -> VGGDiscriminator:
    """Make the VGG-style discriminator for the patches of a training.

    Raises:
        TrainingError: Its HR patches are too small, or of several sizes.
    """
    sides = sorted({hr_side(setup.recipe.lr_size(scale)[0], scale) for scale in setup.scales})
    if len(sides) > 1:
        raise TrainingError(
            f"The VGG-style discriminator takes HR patches of one size, and the scales of this training have patches "
            f"of {' and '.join(map(str, sides))} pixels; set patch_of = 'hr' in the recipe, or train at one scale."
        )
    return VGGDiscriminator(sides[0], setup.student.colours)


def _normed(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> nn.Module:
    # torch has two forms; the keys of this one are those of published discriminators
    return spectral_norm(nn.Conv2d(channels_in, channels_out, kernel, stride, padding=1, bias=False))


def _active(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, NEGATIVE_SLOPE)
