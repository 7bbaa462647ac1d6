"""EMSRDPN's paths and HSRNet's blocks against a direct implementation of their formulas, as in their releases.

Nearly all of their time goes into convolutions that both sides share, so the target is not to be slower; they differ in
memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.emsrdpn import EMSRDPN, DualPathBlock, single
from srbench_plugins.architectures.hsrnet import HierarchicalExploration, MultiLevelAttention, Refined
from torch import Tensor, nn

from benchmarks.rows import Row, compare
from srbench.profiling.memory import Memory, Work, peak_memory

SIDE, PATCHES = 64, (4, 48)
"""SIDE is the side of an LR tile, PATCHES the number and the side of patches in a training step."""
SIDE_OF_QUARTER = 128
"""Side of the LR image whose trunk is held in memory."""
TOLERANCE = 1e-4
Formula = Callable[[Tensor], Tensor]
Pair = tuple[nn.Module, Formula, Formula]
"""The module whose parameters are trained, the function to time, and its reference."""


def rows() -> list[Row]:
    """Every comparison of this file."""
    return [
        timed("dual path block, 64x64", "its formula", dual_path(), (1, 128, SIDE, SIDE)),
        trained("dual path block, a step", "its formula", dual_path(), (PATCHES[0], 128, PATCHES[1], PATCHES[1])),
        timed("fusion of 16 blocks, 64x64", "one convolution of all", fusion(), (1, 3, SIDE, SIDE)),
        trained("fusion of 16 blocks, a step", "one convolution of all", fusion(), (PATCHES[0], 3, *PATCHES[1:] * 2)),
        remembered("memory of EMSRDPN's trunk, 128x128", "one convolution of all blocks"),
        timed("HEB, 64x64", "its formula", exploration(), (1, 64, SIDE, SIDE)),
        trained("HEB, a step", "its formula", exploration(), (PATCHES[0], 64, PATCHES[1], PATCHES[1])),
        timed("MSA, 64x64", "its formula", attention(), (1, 64, SIDE, SIDE)),
        trained("MSA, a step", "its formula", attention(), (PATCHES[0], 64, PATCHES[1], PATCHES[1])),
    ]


def timed(what: str, against: str, pair: Pair, shape: tuple[int, ...]) -> Row:
    """Check that both results are equal, then compare the times."""
    _, ours, reference = pair
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), reference(x), rtol=TOLERANCE, atol=TOLERANCE)
        return _row(what, against, compare(lambda: ours(x), lambda: reference(x), repeats=25))


def trained(what: str, against: str, pair: Pair, shape: tuple[int, ...]) -> Row:
    """Compare a forward and a backward pass."""
    module, *formulas = pair
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    parameters = [p for p in module.parameters() if torch.is_tensor(p)]

    def step(formula: Formula) -> tuple[Tensor, ...]:
        return torch.autograd.grad(formula(x).square().mean(), [x, *parameters], allow_unused=True)

    ours, reference = formulas
    for gradient, expected in zip(step(ours), step(reference), strict=True):
        if expected is not None:  # only the fusion leaves the tail without a gradient
            torch.testing.assert_close(gradient, expected, rtol=TOLERANCE, atol=TOLERANCE)
    return _row(what, against, compare(lambda: step(ours), lambda: step(reference), repeats=15))


def _row(what: str, against: str, ratio: float) -> Row:
    return Row(what, against, ratio, "≥ 0.95 (as fast, but for noise)", ratio >= 0.95)


def remembered(what: str, against: str) -> Row:
    """Compare the memory that each needs beyond weights and input, in separate processes."""
    answers = peak_memory([Work(f"{__name__}:trunk", {"reference": reference}) for reference in (False, True)])
    needed = [answer.extra_mib for answer in answers if isinstance(answer, Memory)]
    if len(needed) < len(answers):
        raise next(answer for answer in answers if isinstance(answer, Exception))
    ratio = needed[1] / needed[0]
    return Row(what, against, ratio, "≥ 2 (times less)", ratio >= 2)


def trunk(reference: bool) -> tuple[nn.Module, Callable[[], object]]:
    """Make EMSRDPN up to its upsamplers, or the reference, for `peak_memory`."""
    network, lr = single(2).eval(), torch.rand(1, 3, SIDE_OF_QUARTER, SIDE_OF_QUARTER)

    def forward() -> Tensor:
        with torch.inference_mode():
            return concatenated(network, lr) if reference else network.trunk(lr)

    return network, forward


def concatenated(network: EMSRDPN, lr: Tensor) -> Tensor:
    """Compute the trunk with the concatenated features of all blocks."""
    shallow = network.SFENet1(lr)
    features, kept = network.SFENet2(shallow), []
    for block in network.SRDPBs:
        features = block(features)
        kept.append(features)
    deep: Tensor = network.transition(torch.cat(kept, dim=1)) + shallow
    return deep


def fusion() -> Pair:
    """Make the trunk with blocks of one convolution each, and its reference."""
    network = single(2, units=0)
    return network, network.trunk, lambda lr: concatenated(network, lr)


def dual_path() -> Pair:
    """Make a block of EMSRDPN and its reference."""
    block = DualPathBlock(64, 64, 64, 4)

    def reference(x: Tensor) -> Tensor:
        for unit in block.convs:
            _, squeeze, _, make = unit.dpb_conv
            added = make(F.relu(squeeze(F.relu(x))))
            x = torch.cat((x[:, :64] + added[:, :64], added[:, 64:], x[:, 64:]), dim=1)
        transited: Tensor = block.dpb_transition(x)
        return transited

    return block, block, reference


def refine(part: Refined, x: Tensor) -> Tensor:
    """Compute a convolution and its activation, not in place."""
    return F.leaky_relu(part.conv[0](x), 0.01)


def exploration() -> Pair:
    """Make HSRNet's hierarchical exploration and its reference."""
    block = HierarchicalExploration(64)
    return block, block, partial(explored, block)


def explored(block: HierarchicalExploration, x: Tensor) -> Tensor:
    """Compute the exploration's formula."""
    first, *others = torch.chunk(refine(block.conv_in, x), 4, dim=1)
    levels = [first]
    for path, quarter in zip("ABC", others, strict=True):
        level = quarter
        for part in block.get_submodule(f"conv{path}_0"):
            level = refine(part, level)
        levels.append(block.get_submodule(f"conv{path}_1")(torch.cat((level, levels[-1]), dim=1)))
    out: Tensor = block.conv_out(torch.cat(levels, dim=1))
    return out + x


def attention() -> Pair:
    """Make HSRNet's multi-level attention, and a reference that also resizes the last third to its own size."""
    block = MultiLevelAttention(64)
    return block, block, partial(gated, block)


def gated(block: MultiLevelAttention, x: Tensor) -> Tensor:
    """Compute the attention's formula, and resize the last third to its own size."""

    def enlarge(level: Tensor) -> Tensor:
        return F.interpolate(level, size=x.shape[-2:], mode="bilinear", align_corners=False)

    fine, coarse, last = torch.chunk(block.conv_in(x), 3, dim=1)
    coarse = enlarge(refine(block.conv_2x2, F.max_pool2d(coarse, 2)))
    levels = (refine(block.conv_1x1, fine), coarse, enlarge(refine(block.conv_4x4, last)))
    return x * torch.sigmoid(block.conv_out(torch.cat(levels, dim=1)))
