"""Building blocks that many published networks share, with the state-dict keys of their official releases.

For authors of architectures: ``from srbench.networks.blocks import Upsampler, conv``. A block is here if several papers
use it as it is; what only one paper has is in that network's file.

No block draws its own initial weights. Convolutions start as PyTorch starts them (He et al.'s uniform rule with
a = √5), as in releases that say nothing else. `zeroed` is for branches that papers start at zero, `shrunk` for those
that they start near zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srbench.errors import ShapeError
from srbench.networks.folding import mix_outputs, scale_outputs

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean colour of DIV2K's training images, in [0, 1]."""

Weighted = TypeVar("Weighted", nn.Conv2d, nn.Linear)


def conv(channels_in: int, channels_out: int, kernel: int = 3, *, bias: bool = True) -> nn.Conv2d:
    """Make a convolution that keeps the size, with zeros beyond the border.

    Args:
        channels_in: Channels it reads.
        channels_out: Channels it writes.
        kernel: Side of the kernel; odd.
        bias: Whether it adds a bias.
    """
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=bias)


def conv_relu_conv(channels: int, kernel: int = 3, *, slope: float = 0.0) -> nn.Sequential:
    """Make two convolutions with a ReLU between, the usual residual branch; keys ``0`` and ``2``.

    Args:
        channels: Channels.
        kernel: Side of both kernels.
        slope: Slope of the ReLU below zero; any but 0 makes it a leaky one.
    """
    relu = nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)
    return nn.Sequential(conv(channels, channels, kernel), relu, conv(channels, channels, kernel))


def zero_bias(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> None:
    """Set the bias of a layer to zero, if it has one."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def zeroed(layer: Weighted) -> Weighted:
    """Set weight and bias of a layer to zero, so that the branch that it ends starts at zero, and return it."""
    nn.init.zeros_(layer.weight)
    zero_bias(layer)
    return layer


def shrunk(layer: Weighted, factor: float = 0.1) -> Weighted:
    """Draw the weight of a layer by He et al.'s normal rule, times ``factor``, set its bias to zero, and return it.

    It is the smaller initialisation of ESRGAN (Wang et al., ECCVW 2018, section 3.1), with BasicSR's factor.
    """
    nn.init.kaiming_normal_(layer.weight)
    with torch.no_grad():
        layer.weight.mul_(factor)
    zero_bias(layer)
    return layer


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which autocast lowers no precision, for sums and softmaxes that need more than 8 or 11 bits.

    It raises no precision either: convert tensors that may be in half precision already with
    ``x.to(torch.promote_types(x.dtype, torch.float32))``.

    Args:
        x: A tensor on the device that computes.
    """
    kind = x.device.type if torch.amp.is_autocast_available(x.device.type) else "cpu"
    if not torch.is_autocast_enabled(kind):
        return nullcontext()  # converting to ONNX takes long for each autocast in a network
    return torch.autocast(kind, enabled=False)


def thirds(path: str, count: int) -> tuple[str, ...]:
    """Return the module paths of the blocks that end a third, two thirds and all of a body: taps for distillers.

    Args:
        path: The path of the blocks: "body".
        count: How many there are.

    Returns:
        ``("body.4", "body.9", "body.15")`` for 16.
    """
    return tuple(f"{path}.{count * part // 3 - 1}" for part in (1, 2, 3))


class MeanShift(nn.Module):
    """Subtracts the mean colour (``sign`` -1) or adds it (+1), as a frozen 1x1 convolution of colours.

    Keys ``weight`` and ``bias`` are those of the EDSR family. They are buffers here, so that checkpoints load and
    optimisers and counts of parameters ignore them. The sum is taken in the input's own precision, also under autocast:
    half precision would round away the last bits of a picture that spans 0 to 255.

    Args:
        rgb_range: The value of white.
        sign: -1 before the network, +1 after it.
        mean: Mean colour, in [0, 1].
    """

    def __init__(self, rgb_range: float, sign: int, mean: Sequence[float] = DIV2K_MEAN) -> None:
        super().__init__()
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", torch.eye(3).view(3, 3, 1, 1))
        self.register_buffer("bias", sign * rgb_range * torch.tensor(mean))
        self.folded = False

    def fold_into(self, layer: nn.Module) -> None:
        """Let the layer before do its work for deployment, and return the input from now on.

        Args:
            layer: What makes the colours; anything but a plain convolution stays as it is.
        """
        if isinstance(layer, nn.Conv2d) and layer.groups == 1 and not self.folded:
            mix_outputs(layer, self.weight[..., 0, 0], self.bias)
            self.folded = True

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, h, w) to the same shape."""
        if self.folded:
            return x
        columns = self.weight.transpose(0, 1).unsqueeze(1)  # what each colour adds to all, (1, 3, 1, 1)
        shifted = torch.addcmul(self.bias.view(1, 3, 1, 1), x[:, :1], columns[0])
        for colour in (1, 2):
            shifted.addcmul_(x[:, colour : colour + 1], columns[colour])
        return shifted


class Upsampler(nn.Sequential):
    """Convolutions and sub-pixel shuffles: one of x3, or as many of x2 as make up the scale; no activation.

    Keys ``0``, ``2`` and ``4``, as in the EDSR family.

    Args:
        scale: 1, 2, 3, 4, 8 or another power of two.
        channels: Channels before and after.
        bias: Whether the convolutions add a bias.
        widen: ``widen(channels, more)`` makes the layers before a shuffle, if they are not one convolution; keys count
            them too.

    Raises:
        ShapeError: For any other scale.
    """

    def __init__(
        self,
        scale: int,
        channels: int,
        *,
        bias: bool = True,
        widen: Callable[[int, int], Sequence[nn.Module]] | None = None,
    ) -> None:
        if scale != 3 and (scale < 1 or scale & (scale - 1)):
            raise ShapeError(f"Sub-pixel shuffles of x2 and x3 cannot enlarge x{scale}; ask for 2, 3, 4 or 8.")
        layers: list[nn.Module] = []
        for factor in [3] if scale == 3 else [2] * (scale.bit_length() - 1):
            more = channels * factor**2
            layers += [conv(channels, more, bias=bias)] if widen is None else widen(channels, more)
            layers.append(nn.PixelShuffle(factor))
        super().__init__(*layers)


class ResidualBlock(nn.Module):
    """``x + res_scale * attention(conv(relu(conv(x))))``; keys ``body.0``, ``body.2`` and ``body.3`` for the attention.

    Args:
        channels: Channels.
        kernel: Side of both kernels.
        res_scale: Factor on the residual; 0.1 keeps wide networks stable.
        attention: The module that weighs the residual; none if absent.
        slope: Slope of the ReLU below zero; any but 0 makes it a leaky one.
    """

    def __init__(
        self,
        channels: int,
        kernel: int = 3,
        *,
        res_scale: float = 1.0,
        attention: nn.Module | None = None,
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.body = conv_relu_conv(channels, kernel, slope=slope)
        if attention is not None:
            self.body.append(attention)
        self.res_scale = res_scale

    def switch_to_deploy(self) -> None:
        """Fold the factor into the convolution that ends the residual, if one does."""
        last = self.body[-1]
        if isinstance(last, nn.Conv2d):
            scale_outputs(last, self.res_scale)
            self.res_scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.body(x)
        return x + (residual if self.res_scale == 1.0 else residual * self.res_scale)


class ResidualGroup(nn.Module):
    """``x + conv(blocks(x))``, the residual in residual of RCAN; keys ``body.0``, ``body.1``, … and the last one's.

    Args:
        channels: Channels.
        blocks: What comes before the convolution.
    """

    def __init__(self, channels: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.body = nn.Sequential(*blocks, conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.body(x)
        return x + residual


def squeeze_gate(channels: int, reduction: int) -> nn.Sequential:
    """Make 1x1 convolutions to ``channels // reduction`` and back, with ReLU and sigmoid; keys ``0`` and ``2``."""
    squeezed = channels // reduction
    return nn.Sequential(conv(channels, squeezed, 1), nn.ReLU(inplace=True), conv(squeezed, channels, 1), nn.Sigmoid())


class ChannelAttention(nn.Module):
    """Scales every channel by a gate computed from the channels' means (RCAN, equations 7 and 8); keys ``conv_du.*``.

    Args:
        channels: Channels.
        reduction: How many times fewer channels the gate has in between.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.conv_du = squeeze_gate(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        gate: Tensor = self.conv_du(x.mean((2, 3), keepdim=True))
        return x * gate


class PixelAttention(nn.Module):
    """Scales every value by a gate of its own, from a 1x1 convolution and a sigmoid (PAN); key ``conv``.

    Args:
        channels: Channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        return x * torch.sigmoid(self.conv(x))


def mean_and_deviation(x: Tensor, dims: tuple[int, ...], *, correction: int = 0) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation over some dimensions, which are kept, in single precision at least.

    On a CPU, two passes over the values take a tenth of the time of ``torch.var_mean``.

    Args:
        x: Any tensor.
        dims: The dimensions.
        correction: 1 for the deviation of a sample, 0 for that of the values themselves.

    Returns:
        Two tensors; a deviation is at least 1e-8, since a root has no slope at 0.
    """
    with full_precision(x):
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        mean = wide.mean(dims, keepdim=True)
        centred = wide - mean
        variance = (centred * centred).mean(dims, keepdim=True)
        if correction:
            count = x.numel() / mean.numel()
            variance = variance * (count / (count - correction))
        return mean, variance.clamp_min(1e-16).sqrt()


class ContrastAttention(nn.Module):
    """Scales every channel by a gate computed from its mean plus its standard deviation (IMDN, equation 6).

    Keys ``conv_du.*``.

    Args:
        channels: Channels.
        reduction: How many times fewer channels the gate has in between.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.conv_du = squeeze_gate(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        mean, deviation = mean_and_deviation(x, (2, 3))
        gate: Tensor = self.conv_du((mean + deviation).to(x.dtype))
        return x * gate


class SpatialAttention(nn.Module):
    """Scales every value by a gate computed at about a sixth of the resolution: the ESA of RFANet, as in RFDN and RLFN.

    Keys ``conv1``, ``conv_f``, ``conv2``, ``conv3`` and ``conv4``.

    Args:
        channels: Channels.
        inner: Channels of the gate in between.
    """

    conv1: nn.Module
    conv_f: nn.Module
    conv2: nn.Module
    conv3: nn.Module
    conv4: nn.Module

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, inner, 1)
        self.conv_f = conv(inner, inner, 1)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=2)
        self.conv3 = conv(inner, inner)
        self.conv4 = conv(inner, channels, 1)

    def coarse(self, pooled: Tensor) -> Tensor:
        """Compute at the lowest resolution; maps (N, inner, h', w') to the same shape."""
        refined: Tensor = self.conv3(pooled)
        return refined

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape; h and w are at least 15."""
        squeezed = self.conv1(x)
        coarse = self.coarse(F.max_pool2d(self.conv2(squeezed), 7, stride=3))
        enlarged = F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return x * torch.sigmoid(self.conv4(enlarged + self.conv_f(squeezed)))
