"""Networks of residual blocks as their papers and releases write them; see `plain_networks`.

Where the releases write into memory that is in use already, as in ``nn.ReLU(inplace=True)`` and ``residual += x``, so
do these; they shift colours by a 1x1 convolution, and take means by adaptive pooling.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.blocks_attention import centred_gate, layers_mixed, stored_softmax, volume_gate

Module = Any


def shifted(layer: Module, x: Tensor) -> Tensor:
    """Shift colours by a 1x1 convolution."""
    return F.conv2d(x, layer.weight, layer.bias)


def relu(x: Tensor) -> Tensor:
    """ReLU in place."""
    return F.relu(x, inplace=True)


def leaky(x: Tensor, slope: float) -> Tensor:
    """Leaky ReLU in place."""
    return F.leaky_relu(x, slope, inplace=True)


def channel_gate(layer: Module, x: Tensor) -> Tensor:
    """RCAN's channel attention."""
    squeeze, _, expand, _ = layer.conv_du
    return x * torch.sigmoid(expand(relu(squeeze(F.adaptive_avg_pool2d(x, 1)))))


def residual(block: Module, x: Tensor) -> Tensor:
    """Compute EDSR's block, or RCAN's if it has an attention."""
    first, _, second, *gate = block.body
    branch = second(relu(first(x)))
    branch = channel_gate(gate[0], branch) if gate else branch.mul(block.res_scale)
    branch += x
    return branch


def in_turn(blocks: Module, x: Tensor) -> Tensor:
    """Compute residual blocks, groups of them, and convolutions, one after the other."""
    for block in blocks:
        if not hasattr(block, "body"):
            x = block(x)
        elif hasattr(block, "res_scale"):
            x = residual(block, x)
        else:
            group = in_turn(block.body, x)
            group += x
            x = group
    return x


def edsr(network: Module, lr: Tensor) -> Tensor:
    """EDSR and RCAN."""
    shallow = network.head(shifted(network.sub_mean, lr))
    deep = in_turn(network.body, shallow)
    deep += shallow
    return shifted(network.add_mean, network.tail(deep))


def mdsr(network: Module, lr: Tensor) -> Tensor:
    """MDSR at its first scale."""
    shallow = in_turn(network.pre_process[0], network.head(shifted(network.sub_mean, lr)))
    deep = in_turn(network.body, shallow)
    deep += shallow
    return shifted(network.add_mean, network.tail(network.upsample[0](deep)))


def ghost(network: Module, lr: Tensor) -> Tensor:
    """GhostSR: a depthwise convolution with a one-hot kernel shifts channels."""

    def convolved(part: Module, x: Tensor) -> Tensor:
        computed = part.primary_conv(x)
        few = part.channels - computed.shape[1]
        weight = part.cheap_conv.weight
        kernel = F.one_hot(weight.abs().argmax(), 9).view_as(weight).to(x.dtype).expand(few, 1, 3, 3)
        return torch.cat((computed, F.conv2d(computed[:, :few], kernel, padding=1, groups=few)), dim=1)

    shallow = network.head(shifted(network.sub_mean, lr))
    x = shallow
    for block in network.body[:-1]:
        first, _, second = block.body
        x = x + block.res_scale * convolved(second, relu(convolved(first, x)))
    return shifted(network.add_mean, network.tail(network.body[-1](x) + shallow))


def udl(network: Module, lr: Tensor) -> tuple[Tensor, Tensor]:
    """UDL's EDSR with its map."""
    shallow = network.head(lr)
    deep = in_turn(network.body, shallow)
    deep += shallow
    return network.tail(deep), network.var_conv(F.interpolate(deep, scale_factor=network.scale, mode="nearest"))


def adadm(network: Module, lr: Tensor) -> Tensor:
    """EDSR with normalisation, and AdaDM's deviations."""
    shallow = network.head(lr)
    x = shallow
    for block in network.body[:-1]:
        branch = block.conv2(block.norm2(relu(block.conv1(block.norm1(x))))).mul(block.res_scale)
        if block.phi is not None:
            deviation = torch.std(x, dim=(1, 2, 3), keepdim=True)
            branch = branch * torch.exp(block.phi(torch.log(deviation)))
        branch += x
        x = branch
    deep = network.body[-1](x)
    deep += shallow
    sr: Tensor = network.tail(deep)
    return sr


def han(network: Module, lr: Tensor) -> Tensor:
    """HAN, which joins the features of a layer to all newer ones after each layer."""
    shallow = network.head(shifted(network.sub_mean, lr))
    x, layers = shallow, shallow.unsqueeze(1)
    for number, part in enumerate(network.body):
        x = in_turn([part], x)
        layers = torch.cat((x.unsqueeze(1), layers), dim=1) if number else x.unsqueeze(1)
    mixed = network.last_conv(layers_mixed(network.la, layers))
    deep = network.last(torch.cat((volume_gate(network.csa, x), mixed), dim=1))
    deep += shallow
    return shifted(network.add_mean, network.tail(deep))


def san(network: Module, lr: Tensor) -> Tensor:
    """SAN, whose covariance is a product with a matrix of positions times positions."""

    def regions(x: Tensor) -> Tensor:
        height, width, block = x.shape[2] // 2, x.shape[3] // 2, network.non_local.non_local
        made = torch.zeros_like(x)
        for rows in (slice(None, height), slice(height, None)):
            for columns in (slice(None, width), slice(width, None)):
                made[:, :, rows, columns] = stored_softmax(block, x[:, :, rows, columns])
        return made

    shallow = network.head(shifted(network.sub_mean, lr))
    source = x = regions(shallow)
    for group in network.RG:
        inner = x
        for block in group.rcab:
            first, _, second = block.conv_first
            inner = second(relu(first(inner))) + inner
        x = group.conv_last(centred_gate(group.soca, inner)) + x
        x = x + network.gamma * source
    return shifted(network.add_mean, network.tail(regions(x) + shallow))


def carn(network: Module, lr: Tensor) -> Tensor:
    """CARN at x2: cascades of residual blocks, each merged by a convolution."""

    def block(part: Module, x: Tensor) -> Tensor:
        first, _, second, *point = part.body
        branch = second(relu(first(x)))
        if point:
            branch = point[1](relu(branch))
        return F.relu(branch + x)

    def cascade(part: Module, x: Tensor) -> Tensor:
        joined = merged = x
        for number, name in enumerate(part.stages, 1):
            stage = part.get_submodule(name)
            made = cascade(stage, merged) if hasattr(stage, "stages") else block(stage, merged)
            joined = torch.cat((joined, made), dim=1)
            merged = relu(part.get_submodule(f"c{number}").body[0](joined))
        return merged

    x = cascade(network, network.entry(shifted(network.sub_mean.shifter, lr)))
    wide, _, shuffle = network.upsample.up2.body
    sr: Tensor = network.exit(shuffle(relu(wide(x))))
    return shifted(network.add_mean.shifter, sr)


def rdn(network: Module, lr: Tensor) -> Tensor:
    """RDN."""
    shallow = network.SFENet1(lr)
    x, outputs = network.SFENet2(shallow), []
    for block in network.RDBs:
        dense = x
        for layer in block.convs:
            dense = torch.cat((dense, F.relu(layer.conv[0](dense))), dim=1)
        x = block.LFF(dense) + x
        outputs.append(x)
    deep = network.GFF(torch.cat(outputs, dim=1))
    deep += shallow
    sr: Tensor = network.UPNet(deep)
    return sr


def msrresnet(network: Module, lr: Tensor) -> Tensor:
    """BasicSR's SRResNet at x2."""
    x = leaky(network.conv_first(lr), 0.1)
    for block in network.body:
        x = x + block.conv2(relu(block.conv1(x)))
    x = leaky(F.pixel_shuffle(network.upconv1(x), 2), 0.1)
    sr = network.conv_last(leaky(network.conv_hr(x), 0.1))
    sr += F.interpolate(lr, scale_factor=2, mode="bilinear", align_corners=False)
    return sr


def rrdbnet(network: Module, lr: Tensor) -> Tensor:
    """ESRGAN's network at x2, as BasicSR has it."""

    def dense(block: Module, x: Tensor) -> Tensor:
        x1 = leaky(block.conv1(x), 0.2)
        x2 = leaky(block.conv2(torch.cat((x, x1), 1)), 0.2)
        x3 = leaky(block.conv3(torch.cat((x, x1, x2), 1)), 0.2)
        x4 = leaky(block.conv4(torch.cat((x, x1, x2, x3), 1)), 0.2)
        return block.conv5(torch.cat((x, x1, x2, x3, x4), 1)) * 0.2 + x

    shallow = network.conv_first(F.pixel_unshuffle(lr, 2))
    x = shallow
    for block in network.body:
        x = dense(block.rdb3, dense(block.rdb2, dense(block.rdb1, x))) * 0.2 + x
    x = shallow + network.conv_body(x)
    for up in (network.conv_up1, network.conv_up2):
        x = leaky(up(F.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
    sr: Tensor = network.conv_last(leaky(network.conv_hr(x), 0.2))
    return sr


def constant_kdsr(network: Module, lr: Tensor) -> Tensor:
    """KDSR's SR network with a constant or known degradation, or none."""
    restorer = network.G
    if hasattr(network, "mlp"):
        vector = network.mlp(network.usual.expand(len(lr), -1))
    else:
        vector = network.degradation.repeat(len(lr), 1)
    shallow = restorer.head(shifted(restorer.sub_mean, lr))
    trunk, last = restorer.body
    x = shallow
    for block in trunk.body:
        images, channels, height, width = x.shape
        kernels = block.da_conv1.kernel(vector).view(-1, 1, 3, 3)
        folded = F.conv2d(x.reshape(1, -1, height, width), kernels, groups=images * channels, padding=1)
        x = x + block.conv1(leaky(folded.view(images, -1, height, width), 0.1))
    return shifted(restorer.add_mean, restorer.tail(last(x) + shallow))
