"""Find out about a network of a library by trial runs: the sizes it takes, its stem, its stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from srbench.errors import UnavailableError

SIDES = (7, 16, 32, 64, 96, 128, 224, 256, 299)
"""Sides in pixels of the images with which it is tried whether a network takes small ones."""
OBSERVED_SIDE = 128
"""Width in pixels of the image on which modules are observed, at least; its height is twice that."""
STAGE_FACTOR = 4
"""A module whose output has sides smaller by this factor than its input holds several stages."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a module did in a trial run."""

    path: str
    module: nn.Module
    inward: tuple[int, ...]
    """Shape of the tensor it took; empty if it took something else."""
    outward: tuple[int, ...]
    """Shape of the tensor it gave; empty if it gave something else."""

    @property
    def gives_map(self) -> bool:
        """Whether it gave features (N, C, h, w), recognised by the proportions of the image."""
        return len(self.outward) == 4 and self.outward[3] > 0 and round(self.outward[2] / self.outward[3]) == 2


def without_memory(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network for trial runs, on the meta device if it can be built there."""
    try:
        with torch.device("meta"):
            return build()
    except (NotImplementedError, RuntimeError):
        return build()


def sizes_taken(module: nn.Module, multiples: Sequence[int] = (1,)) -> tuple[int, int]:
    """Return what the sides of images must be a multiple of, and their minimum.

    Args:
        module: The network.
        multiples: What the sides may have to be a multiple of, the most probable first.

    Raises:
        UnavailableError: It takes no image, images of one size only, or gives no embedding.
    """
    reason = "no size was tried"
    for multiple in dict.fromkeys(multiples):
        for side in (-(-side // multiple) * multiple for side in SIDES):
            try:
                embeddings = run(module, side, side)
                run(module, side + 2 * multiple, side + multiple)
            except Exception as error:  # noqa: BLE001 - libraries say in many ways that a size does not fit
                reason = " ".join(str(error).split())[:120]
                continue
            if isinstance(embeddings, Tensor) and embeddings.dim() == 2:
                return multiple, side
            raise UnavailableError("it gives no embedding (N, D)")
    raise UnavailableError(f"it does not take images of several sizes up to {SIDES[-1]} pixels ({reason})")


def observe(module: nn.Module, multiple: int, least: int) -> list[Call]:
    """Run a network on one image, and list what its modules did, in the order in which they ended.

    Args:
        module: The network.
        multiple: See `sizes_taken`.
        least: The same.
    """
    calls: list[Call] = []
    paths = {part: path for path, part in module.named_modules() if path}

    def record(part: nn.Module, given: tuple[object, ...], output: object) -> None:
        inward = tuple(given[0].shape) if given and isinstance(given[0], Tensor) else ()
        calls.append(Call(paths[part], part, inward, tuple(output.shape) if isinstance(output, Tensor) else ()))

    with _hooked([part.register_forward_hook(record) for part in paths]):
        run(module, *observed_sides(multiple, least))
    return calls


def observed_sides(multiple: int, least: int) -> tuple[int, int]:
    """Return height and width of the image that `observe` uses."""
    width = -(-max(OBSERVED_SIDE, least) // multiple) * multiple
    return 2 * width, width


def stem_of(calls: Sequence[Call]) -> str:
    """Return the path of the convolution that a network runs first; "" if it runs none."""
    return next((call.path for call in calls if isinstance(call.module, nn.Conv2d)), "")


def stages_of(calls: Sequence[Call]) -> tuple[str, ...]:
    """Return the path of the last module at each size of map, from large to small.

    Only the outermost modules count, and those in modules that hold several stages. Modules that pool are left out:
    what they give is a smaller copy of what they took.
    """
    several = {""} | {call.path for call in calls if call.gives_map and _shrinks(call)}
    passing = (nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.MaxPool2d, nn.Identity)
    last: dict[int, str] = {}
    for call in calls:
        outermost = call.path.rpartition(".")[0] in several and call.path not in several
        if outermost and call.gives_map and not isinstance(call.module, passing):
            last[call.outward[3]] = call.path
    return tuple(last[width] for width in sorted(last, reverse=True))


def _shrinks(call: Call) -> bool:
    return len(call.inward) == 4 and call.inward[3] >= STAGE_FACTOR * call.outward[3]


def stem_that_shrinks(calls: Sequence[Call]) -> tuple[str, str]:
    """Return the path of the first convolution, which shrinks images, and of the max pooling after it, "" if none.

    Raises:
        UnavailableError: The first convolution cuts an image into patches, or keeps its size.
    """
    stem = next((call for call in calls if isinstance(call.module, nn.Conv2d)), None)
    if stem is None or stem.module.stride in ((1, 1), stem.module.kernel_size):
        raise UnavailableError("it has no first convolution whose stride could be 1")
    pool = next((call for call in calls if isinstance(call.module, nn.MaxPool2d)), None)
    follows = pool is not None and 3 * pool.inward[3] > stem.inward[3]  # nothing but the stem has shrunk the image
    return stem.path, pool.path if pool and follows else ""


def keep_size_in_stem(module: nn.Module, stem: str, pool: str) -> None:
    """Let the first convolution keep the size of an image, and drop the max pooling after it.

    Small images keep more places so, as in the ResNets for CIFAR-10.

    Args:
        module: The network, which is changed.
        stem: Path of the convolution.
        pool: Path of the pooling; "" if there is none.
    """
    convolution: Any = module.get_submodule(stem)
    convolution.stride = (1, 1)
    if pool:
        parent, _, name = pool.rpartition(".")
        setattr(module.get_submodule(parent), name, nn.Identity())


@torch.no_grad()
def run(module: nn.Module, height: int, width: int) -> object:
    """Run a network in eval mode on a black image of three channels, and leave its modes as they were."""
    device = next((parameter.device for parameter in module.parameters()), None)
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        return module(torch.zeros(1, 3, height, width, device=device))
    finally:
        for part, training in modes.items():
            part.training = training


@contextmanager
def _hooked(handles: Sequence[RemovableHandle]) -> Iterator[None]:
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
