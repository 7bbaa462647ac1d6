"""Light networks, and those on an enlarged image, as their papers and releases write them; see `plain_residual`."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.blocks_modulation import as_released
from benchmarks.blocks_paths import explored, gated
from benchmarks.plain_residual import leaky, relu
from srbench.imaging import imresize

Module = Any


def in_sequence(layers: Module, x: Tensor) -> Tensor:
    """Compute layers one after the other."""
    for layer in layers:
        x = layer(x)
    return x


def sequence(network: Module, lr: Tensor) -> Tensor:
    """Compute a network that is a sequence of sequences: ESPCN, FSRCNN."""
    for part in network.children():
        lr = in_sequence(part, lr) if isinstance(part, nn.Sequential) else part(lr)
    return lr


def srcnn(network: Module, lr: Tensor) -> Tensor:
    """SRCNN, on borders that are repeated first."""
    x = imresize(lr, scale=network.scale)
    for layer in (network.conv1, network.conv2, network.conv3):
        side = layer.kernel_size[0] // 2
        x = F.conv2d(F.pad(x, [side] * 4, mode="replicate"), layer.weight, layer.bias)
        x = x if layer is network.conv3 else relu(x)
    return x


def vdsr(network: Module, lr: Tensor) -> Tensor:
    """VDSR at x2."""
    enlarged = imresize(lr, scale=2).clamp(16 / 255, 235 / 255)
    return in_sequence(network.body, enlarged) + enlarged


def ncnet(network: Module, lr: Tensor) -> Tensor:
    """NCNet with its nearest convolution."""
    sr: Tensor = network.shuffle(in_sequence(network.body, lr) + F.conv2d(lr, network.nearest))
    return sr


def imdn(network: Module, lr: Tensor) -> Tensor:
    """IMDN."""

    def contrast(layer: Module, x: Tensor) -> Tensor:
        mean = x.sum(3, keepdim=True).sum(2, keepdim=True) / (x.shape[2] * x.shape[3])
        variance = (x - mean).pow(2).sum(3, keepdim=True).sum(2, keepdim=True) / (x.shape[2] * x.shape[3])
        squeeze, _, expand, _ = layer.conv_du
        gate = torch.sigmoid(expand(relu(squeeze(variance.pow(0.5) + F.adaptive_avg_pool2d(x, 1)))))
        return x * gate

    shallow = x = network.fea_conv(lr)
    outputs = []
    for name in network.names:
        block = network.get_submodule(name)
        kept, rest = [], x
        for refine in (block.c1, block.c2, block.c3):
            piece, rest = torch.split(leaky(refine(rest), 0.05), (block.kept, x.shape[1] - block.kept), dim=1)
            kept.append(piece)
        x = block.c5(contrast(block.cca, torch.cat([*kept, block.c4(rest)], dim=1))) + x
        outputs.append(x)
    fuse, _ = network.c
    deep = network.LR_conv(leaky(fuse(torch.cat(outputs, dim=1)), 0.05)) + shallow
    sr: Tensor = network.upsampler(deep)
    return sr


def rlfn(network: Module, lr: Tensor) -> Tensor:
    """RLFN."""

    def attended(esa: Module, x: Tensor) -> Tensor:
        squeezed = esa.conv1(x)
        coarse = esa.conv3(F.max_pool2d(esa.conv2(squeezed), kernel_size=7, stride=3))
        coarse = F.interpolate(coarse, (x.shape[2], x.shape[3]), mode="bilinear", align_corners=False)
        return x * torch.sigmoid(esa.conv4(coarse + esa.conv_f(squeezed)))

    shallow = x = network.conv_1(lr)
    for name in network.names:
        block = network.get_submodule(name)
        refined = x
        for refine in (block.c1_r, block.c2_r, block.c3_r):
            refined = leaky(refine(refined), 0.05)
        refined = refined + x
        x = attended(block.esa, block.c5(refined))
    sr: Tensor = network.upsampler(network.conv_2(x) + shallow)
    return sr


def bsrn(network: Module, lr: Tensor) -> Tensor:
    """BSRN."""

    def attended(esa: Module, x: Tensor) -> Tensor:
        squeezed = esa.conv1(x)
        coarse = F.max_pool2d(esa.conv2(squeezed), kernel_size=7, stride=3)
        coarse = esa.conv3_(F.gelu(esa.conv3(F.gelu(esa.conv_max(coarse)))))
        coarse = F.interpolate(coarse, (x.shape[2], x.shape[3]), mode="bilinear", align_corners=False)
        return x * torch.sigmoid(esa.conv4(coarse + esa.conv_f(squeezed)))

    def contrast(layer: Module, x: Tensor) -> Tensor:
        mean = x.sum(3, keepdim=True).sum(2, keepdim=True) / (x.shape[2] * x.shape[3])
        variance = (x - mean).pow(2).sum(3, keepdim=True).sum(2, keepdim=True) / (x.shape[2] * x.shape[3])
        squeeze, _, expand, _ = layer.conv_du
        return x * torch.sigmoid(expand(relu(squeeze(variance.pow(0.5) + F.adaptive_avg_pool2d(x, 1)))))

    shallow = x = network.fea_conv(torch.cat([lr] * 4, dim=1))
    outputs = []
    for name in network.names:
        block = network.get_submodule(name)
        kept, rest = [], x
        for number in (1, 2, 3):
            kept.append(F.gelu(block.get_submodule(f"c{number}_d")(rest)))
            rest = F.gelu(block.get_submodule(f"c{number}_r")(rest) + rest)
        joined = block.c5(torch.cat([*kept, F.gelu(block.c4(rest))], dim=1))
        x = contrast(block.cca, attended(block.esa, joined)) + x
        outputs.append(x)
    deep = network.c2(F.gelu(network.c1(torch.cat(outputs, dim=1)))) + shallow
    sr: Tensor = network.upsampler(deep)
    return sr


def enlarged_with_attention(network: Module, x: Tensor, lr: Tensor) -> Tensor:
    """Compute PAN's and A²N's upsampler at x2."""
    x = network.upconv1(F.interpolate(x, scale_factor=2, mode="nearest"))
    x = leaky(torch.mul(x, torch.sigmoid(network.att1.conv(x))), 0.2)
    sr: Tensor = network.conv_last(leaky(network.HRconv1(x), 0.2))
    return sr + F.interpolate(lr, scale_factor=2, mode="bilinear", align_corners=False)


def pan(network: Module, lr: Tensor) -> Tensor:
    """PAN at x2."""
    shallow = x = network.conv_first(lr)
    for block in network.SCPA_trunk:
        plain = leaky(block.k1[0](leaky(block.conv1_a(x), 0.2)), 0.2)
        half, gate = leaky(block.conv1_b(x), 0.2), block.PAConv
        attended = leaky(gate.k4(torch.mul(gate.k3(half), torch.sigmoid(gate.k2(half)))), 0.2)
        joined = block.conv3(torch.cat((plain, attended), dim=1))
        joined += x
        x = joined
    return enlarged_with_attention(network, shallow + network.trunk_conv(x), lr)


def a2n(network: Module, lr: Tensor) -> Tensor:
    """A²N at x2."""
    shallow = x = network.conv_first(lr)
    for block in network.AAB_trunk:
        features = leaky(block.conv_first(x), 0.2)
        shares = block.ADM(F.adaptive_avg_pool2d(features, 1).flatten(1))
        shares = F.softmax(shares / 30, dim=1)
        gate = block.attention
        gated_features = torch.mul(gate.k3(features), torch.sigmoid(gate.k2(leaky(gate.k1(features), 0.2))))
        attended, plain = gate.k4(gated_features), block.non_attention(features)
        mixed = attended * shares[:, 0].view(-1, 1, 1, 1) + plain * shares[:, 1].view(-1, 1, 1, 1)
        joined = block.conv_last(leaky(mixed, 0.2))
        joined += x
        x = joined
    return enlarged_with_attention(network, shallow + network.trunk_conv(x), lr)


def haar(x: Tensor) -> Tensor:
    """Split an image into sub-bands by slices, as MWCNN's release does."""
    upper, lower = x[:, :, 0::2] / 2, x[:, :, 1::2] / 2
    x1, x2, x3, x4 = upper[..., 0::2], lower[..., 0::2], upper[..., 1::2], lower[..., 1::2]
    return torch.cat((x1 + x2 + x3 + x4, -x1 - x2 + x3 + x4, -x1 + x2 - x3 + x4, x1 - x2 - x3 + x4), 1)


def inverse_haar(x: Tensor) -> Tensor:
    """Put sub-bands together into a new image by slices."""
    x1, x2, x3, x4 = (part / 2 for part in x.chunk(4, dim=1))
    image = x.new_zeros(x.shape[0], x.shape[1] // 4, 2 * x.shape[2], 2 * x.shape[3])
    image[:, :, 0::2, 0::2] = x1 - x2 - x3 + x4
    image[:, :, 1::2, 0::2] = x1 - x2 + x3 - x4
    image[:, :, 0::2, 1::2] = x1 + x2 - x3 - x4
    image[:, :, 1::2, 1::2] = x1 + x2 + x3 + x4
    return image


def mwcnn(network: Module, lr: Tensor) -> Tensor:
    """MWCNN of either release."""
    enlarged = imresize(lr, scale=network.scale)
    if not hasattr(network, "d_l0"):
        x1 = network.d_l1(network.head(haar(enlarged)))
        x2 = network.d_l2(haar(x1))
        x = inverse_haar(network.i_l2(inverse_haar(network.pro_l3(haar(x2))) + x2))
        return inverse_haar(network.tail(network.i_l1(x + x1))) + enlarged
    x0 = network.d_l0(network.head(enlarged))
    x1 = network.d_l1(haar(x0))
    x2 = network.d_l2(haar(x1))
    x = inverse_haar(network.pro_l3(haar(x2))) + x2
    x = inverse_haar(network.i_l2(x)) + x1
    x = inverse_haar(network.i_l1(x)) + x0
    sr: Tensor = network.tail(network.i_l0(x)) + enlarged
    return sr


def dwsr(network: Module, lr: Tensor) -> Tensor:
    """DWSR."""
    bands = haar(imresize(lr, scale=network.scale))
    return inverse_haar(in_sequence(network.body, bands) + bands)


def hsrnet(network: Module, lr: Tensor) -> Tensor:
    """HSRNet, whose denoiser resizes every level of its attention."""
    observed = network.head(network.sub_mean(lr))
    observed = estimate = observed + network.Trans(observed)
    *stages, last = network.body
    for _ in range(network.iterations):
        estimate = estimate + network.SolverLS(torch.cat((estimate, observed), dim=1))
        x = estimate
        for stage in stages:
            exploration, attention = stage.conv
            x = gated(attention, explored(exploration, x))
        estimate = estimate + last(x)
    sr: Tensor = network.add_mean(network.tail(estimate))
    return sr


def uhdn(network: Module, lr: Tensor) -> Tensor:
    """U-HDN and CoMoNet, whose kernels each image modulates in a group of its own, or not."""

    def dense(block: Module, x: Tensor) -> Tensor:
        if getattr(block.body[0].layer[0], "attention", None) is None or modulates:
            return as_released(block, x)
        for layer in block.body:
            convolution, activation = layer.layer
            x = torch.cat((x, activation(convolution.Conv2d(x))), dim=1)
        return block.gate(x)

    modulates = type(network.body[0].body[0].body[0].layer[0].Conv2d) is not nn.Conv2d
    shallow = x = network.input(lr)
    *blocks, last = network.body
    for block in blocks:
        down1, down2, bottom, up2, up1, end = block.body
        first = dense(down1, x)
        second = dense(down2, first)
        merged = dense(up2, dense(bottom, second)) + second
        merged = dense(up1, merged) + first
        x = dense(end, merged) + x
    sr: Tensor = network.tail(last(x) + shallow)
    return sr


def few_pixels(network: Module, lr: Tensor) -> Tensor:
    """SR-LUT's network: four rotations, one after the other."""
    form, total = network.form, torch.zeros(())
    image = lr.reshape(-1, 1, *lr.shape[2:])
    for turns in range(4):
        x = F.pad(torch.rot90(image, turns, (2, 3)), (0, form.width - 1, 0, form.height - 1), mode="reflect")
        for layer in (network.conv1, network.conv2, network.conv3, network.conv4, network.conv5):
            x = relu(layer(x))
        x = F.pixel_shuffle(network.conv6(x), network.scale).clamp(-1, 1)
        total = total + torch.rot90(127 * x, -turns, (2, 3))
    return total.reshape(*lr.shape[:2], *total.shape[2:]) / 255
