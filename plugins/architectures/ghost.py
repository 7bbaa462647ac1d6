"""The family ``ghost:NAME``: any convolutional network with GhostSR's modules in its body (Nie et al., TMLR 2022).

It changes a network as the paper changes EDSR, CARN and IMDN.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from itertools import pairwise

import torch
from srbench_plugins.architectures.ghostsr import PAPER, GhostModule
from torch import Tensor, nn

import srbench


def body_convolutions(module: nn.Module, spec: srbench.ArchitectureSpec) -> list[nn.Conv2d]:
    """Find the convolutions that a ghost network replaces.

    They keep the size, have a kernel of 3x3 or more, no stride, dilation or groups, and run at the resolution where
    most of them run. If the network repeats a block (sibling modules of one class without a shuffle inside), only
    convolutions in such blocks are replaced, as in the paper. Otherwise all are replaced except the first and the last
    convolution of the network and those directly before a shuffle. They are found by running a small image through the
    network.

    Args:
        module: The network.
        spec: Its spec.

    Raises:
        SrbenchError: There are none, they do more than convolve, or it is a ghost network already.
    """
    if any(isinstance(m, GhostModule) for m in module.modules()):
        raise srbench.SrbenchError(f"{spec.name} is a ghost network already; choose the network it was made from.")
    fits: dict[nn.Conv2d, bool] = {}
    ends: set[nn.Module] = set()
    for run in _runs(module, spec):
        layers = [(layer, sizes) for layer, sizes in run if isinstance(layer, nn.Conv2d)]
        same = [sizes[0] for layer, sizes in layers if _is_plain(layer) and sizes[0] == sizes[1]]
        common = max(same, key=same.count, default=None)
        for layer, sizes in layers:
            fits[layer] = fits.get(layer, _is_plain(layer)) and sizes == (common, common)
        ends |= {layers[0][0], layers[-1][0]} if layers else set()
        for (before, _), (after, _) in pairwise(run):
            if isinstance(before, nn.Conv2d) and isinstance(after, nn.PixelShuffle):
                fits[before] = False
    found = [layer for layer, fit in fits.items() if fit]
    blocks = {inner for block in _repeated_blocks(module) for inner in block.modules()}
    chosen = [m for m in found if m in blocks] or [m for m in found if m not in ends]
    if not chosen:
        raise srbench.SrbenchError(
            f"{spec.name} has no convolution that could be replaced by a ghost module; choose a network whose body has "
            "ungrouped convolutions of 3x3 or more."
        )
    if own := {type(layer).__name__ for layer in chosen if type(layer).forward is not nn.Conv2d.forward}:
        raise srbench.SrbenchError(
            f"{spec.name} has convolutions that do more than convolve ({', '.join(sorted(own))}), which a replacement "
            "would lose; choose a network whose body has plain convolutions."
        )
    return chosen


Sizes = tuple[torch.Size, torch.Size]
"""Sizes of input and output, (h, w) each."""


def _runs(module: nn.Module, spec: srbench.ArchitectureSpec) -> list[list[tuple[nn.Module, Sizes]]]:
    """List convolutions and shuffles in the order in which they run, once for each scale of one network for several."""
    runs: list[list[tuple[nn.Module, Sizes]]] = []

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        runs[-1].append((layer, (inputs[0].shape[2:], output.shape[2:])))

    watched = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.PixelShuffle)]
    hooks = [m.register_forward_hook(watch) for m in watched]
    side = -(-max(spec.min_size, 8) // spec.size_multiple) * spec.size_multiple
    first = next(module.parameters())
    lr = torch.zeros(1, spec.colours, side, side, device=first.device, dtype=first.dtype)
    training = module.training
    module.eval()
    with torch.no_grad():
        scales = sorted(spec.scales)
        for scale in scales if spec.one_network else scales[:1]:
            runs.append([])
            module(*spec.arguments(lr, scale))
    module.train(training)
    for hook in hooks:
        hook.remove()
    return runs


def _is_plain(layer: nn.Conv2d) -> bool:
    whole = layer.groups == 1 and set(layer.stride) == set(layer.dilation) == {1}
    return whole and min(layer.kernel_size) >= 3 and layer.out_channels > 1


def _repeated_blocks(module: nn.Module) -> list[nn.Module]:
    blocks = []
    for parent in module.modules():
        kinds = [type(child) for child in parent.children()]
        blocks += [
            child
            for child in parent.children()
            if not type(child).__module__.startswith("torch.nn")
            and kinds.count(type(child)) > 1
            and not any(isinstance(m, nn.PixelShuffle) for m in child.modules())
        ]
    return blocks


def ghosted(spec: srbench.ArchitectureSpec, *scale: int) -> nn.Module:
    """Build the network of ``spec`` with ghost modules in its body, freshly initialised."""
    module = spec.build(*scale)
    ghosts = {id(layer): GhostModule(layer) for layer in body_convolutions(module, spec)}
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if id(child) in ghosts:
                setattr(parent, name, ghosts[id(child)])
    return module


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of ``ghost:NAME``.

    Args:
        argument: Name of the network to change.
        others: All architectures.

    Raises:
        SrbenchError: It is a fixed operator.
    """
    spec = others[argument]
    if not spec.trainable:
        raise srbench.SrbenchError(f"{spec.name} has nothing to train, so it has no ghost version; choose a network.")
    code = others.code_hash(argument)
    return dataclasses.replace(
        spec,
        name=f"ghost:{argument}",
        label=f"Ghost {spec.title}",
        build=partial(ghosted, spec),
        encoder=None,
        paper=PAPER,
        checkpoints=(),
        reported=(),
        extra_hash=f"{code}{spec.extra_hash}",
        notes=f"{spec.title} with ghost modules in its body. {spec.notes}",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide the family of ghost networks."""
    return [
        srbench.Family(
            name="ghost", make=make, example="ghost:edsr_baseline", label="a network with ghost modules in its body"
        )
    ]
