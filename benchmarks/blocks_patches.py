"""HPINet's patches against a direct implementation of its formulas on all patches at once, as in its release."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.hpinet import OVERLAP, SELF_SIMILARITY, PatchGrid, PatchMatch, PatchTransformer
from torch import Tensor, nn

from benchmarks.rows import Row, compare
from srbench.profiling.memory import Memory, Work, peak_memory

DIM, QK_DIM, MLP_DIM, LAYERS = 40, 24, 72, 3
"""Sizes of HPINet-S."""
HEIGHT, WIDTH = 180, 320
"""Size of the LR image for 1280x720 pixels at x4."""
TOLERANCE = 1e-4


def rows() -> list[Row]:
    """Every comparison of this file."""
    return [
        timed("CPD: patches of 12x12 cut and joined", "slices, patch by patch", division(12)),
        timed("GPA among 2304 patches of 12x12", "an identity added to all similarities", matching(12, 360, 640)),
        timed("IPSA in 576 patches of 12x12", "all patches at once", attention(12, HEIGHT, WIDTH)),
        timed("IPSA in 135 patches of 24x24", "all patches at once", attention(24, HEIGHT, WIDTH)),
        trained("training IPSA, 190 patches of 12x12", "all patches at once", attention(12, 96, 192)),
        trained("training IPSA, 45 patches of 24x24", "all patches at once", attention(24, 96, 180)),
        remembered("memory of IPSA, 135 patches of 24x24", "all patches at once"),
    ]


Pair = tuple[Callable[[], Tensor], Callable[[], Tensor]]


def timed(what: str, against: str, pair: Pair) -> Row:
    """Check that both results are equal, then compare the times."""
    with torch.inference_mode():
        ours, reference = pair
        torch.testing.assert_close(ours(), reference(), rtol=TOLERANCE, atol=TOLERANCE)
        ratio = compare(ours, reference)
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def trained(what: str, against: str, pair: Pair) -> Row:
    """Compare forward and backward passes."""
    ours, reference = pair
    torch.testing.assert_close(ours(), reference(), rtol=TOLERANCE, atol=TOLERANCE)
    backward = torch.autograd.backward
    ratio = compare(lambda: backward(ours().sum()), lambda: backward(reference().sum()))
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def remembered(what: str, against: str) -> Row:
    """Compare the memory that each needs beyond weights and input, in separate processes."""
    answers = peak_memory([Work(f"{__name__}:image", {"reference": reference}) for reference in (False, True)])
    needed = [answer.extra_mib for answer in answers if isinstance(answer, Memory)]
    if len(needed) < len(answers):
        raise next(answer for answer in answers if isinstance(answer, Exception))
    ratio = needed[1] / needed[0]
    return Row(what, against, ratio, "≥ 4 (times less)", ratio >= 4)


def image(reference: bool) -> tuple[nn.Module, Callable[[], object]]:
    """Make IPSA or its reference on the patches of one image, for `peak_memory`."""
    block, patches = PatchTransformer(DIM, QK_DIM, MLP_DIM, LAYERS), cut(24, HEIGHT, WIDTH)

    def forward() -> Tensor:
        with torch.inference_mode():
            return transformed(block, patches, patches) if reference else block(patches, patches)

    return block, forward


def features(height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """Make random features of one image, (1, h*w, C)."""
    return torch.randn(1, height * width, DIM, generator=torch.Generator().manual_seed(0))


def cut(size: int, height: int, width: int) -> Tensor:
    """Make random patches of one image, (P, T, C)."""
    patches: Tensor = PatchGrid(height, width, size, torch.device("cpu")).cut(features(height, width))[0]
    return patches


def division(size: int) -> Pair:
    """Cut an image into overlapping patches and join them again, in both ways."""
    whole = features()
    tops, lefts = (
        [min(start, side - size) for start in range(0, side - OVERLAP, size - OVERLAP)] for side in (HEIGHT, WIDTH)
    )

    def ours() -> Tensor:
        grid = PatchGrid(HEIGHT, WIDTH, size, whole.device)
        joined: Tensor = grid.join(grid.cut(whole))
        return joined

    def reference() -> Tensor:
        maps = whole.mT.reshape(1, DIM, HEIGHT, WIDTH)
        patches = torch.stack([maps[..., y : y + size, x : x + size] for y in tops for x in lefts])
        tokens = patches.flatten(3).mT.contiguous()  # the layout for attention
        restored = tokens.mT.reshape(len(tops), len(lefts), 1, DIM, size, size)
        joined = torch.zeros_like(maps)
        for row, y in enumerate(tops):
            for column, x in enumerate(lefts):
                joined[..., y : y + size, x : x + size] += restored[row, column]
        for before, y in pairwise(tops):
            joined[..., y : before + size, :] /= 2
        for before, x in pairwise(lefts):
            joined[..., x : before + size] /= 2
        return joined.flatten(2).mT

    return ours, reference


def matching(size: int, height: int, width: int) -> Pair:
    """Make the selection of the most similar patch and its reference."""
    match, patches = PatchMatch(DIM).eval(), cut(size, height, width)[None]

    def reference() -> Tensor:
        means = match.norm(patches.mean(dim=2))
        similarities = means @ means.mT * DIM**-0.5 + SELF_SIMILARITY * torch.eye(means.shape[1])
        return patches[:, similarities[0].argmax(dim=1)]

    return lambda: match(patches), reference


def attention(size: int, height: int, width: int) -> Pair:
    """Make three layers of attention within patches and their reference."""
    block, patches = PatchTransformer(DIM, QK_DIM, MLP_DIM, LAYERS), cut(size, height, width)
    selected = patches.flip(0)
    return lambda: block(patches, selected), lambda: transformed(block, patches, selected)


def transformed(block: PatchTransformer, x: Tensor, selected: Tensor) -> Tensor:
    """Compute the block's formula with all weights of the attention in memory."""
    for number, layer in enumerate(block.layers):
        normalised, feed_forward = layer.children()
        query_of, fn = normalised.norm(x), normalised.fn
        other = selected if number == 0 else query_of
        products = fn.to_q(query_of) @ fn.to_k(other).mT * QK_DIM**-0.5
        x = torch.softmax(products, dim=-1) @ fn.to_v(other) + x
        x = feed_forward.fn.fc2(F.gelu(feed_forward.fn.fc1(feed_forward.norm(x)))) + x
    return x
