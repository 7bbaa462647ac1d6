"""Change patches beyond flips and turns: put colours in another order, and mix images with one another.

Like the patches, the changes are a pure function of the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor

from srbench.errors import TrainingError
from srbench.networks.wanted import Wanted
from srbench.recipe import Recipe
from srbench.training.patches.source import DerivedSource, PatchSource
from srbench.training.seeds import stream


class Augmented(DerivedSource):
    """Changes another source's patches as a recipe says; held-out patches stay as they are."""

    def __init__(self, source: PatchSource, recipe: Recipe, seed: int, phase: int) -> None:
        super().__init__(source)
        self._recipe, self._stream = recipe, (seed, phase)

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Wanted]:
        """Return the patches of one step; see `PatchSource.sample`."""
        lr, hr, wanted = super().sample(step, draw)
        generator = stream(*self._stream, step, draw, "augmentation")
        if self._recipe.permute_colours:
            lr, hr = permuted(lr, hr, self._recipe.permute_colours, generator)
        if self._recipe.mixup:
            lr, hr = mixed(lr, hr, self._recipe.mixup, self._recipe.mixup_shape, generator)
        return lr, hr, wanted

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what was done to each patch of one step; see `PatchSource.conditions`.

        Raises:
            TrainingError: Patches are mixed, and a mixture has no degradation of its own.
        """
        if self._recipe.mixup:
            raise TrainingError(
                "Mixed patches have no degradation of their own that a non-blind network could be given; take mixup "
                "out of the recipe."
            )
        return super().conditions(step, draw)


def permuted(lr: Tensor, hr: Tensor, share: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Put the colours of a share of the patches in a random order, the same for lr and hr.

    Args:
        lr: (N, C, h, w).
        hr: (N, C, H, W).
        share: Probability of each patch.
        generator: Source of randomness.
    """
    count, colours = lr.shape[:2]
    order = torch.rand((count, colours), generator=generator).argsort(dim=1)
    chosen = torch.rand((count, 1), generator=generator) < share
    order = torch.where(chosen, order, torch.arange(colours))
    patch = torch.arange(count)[:, None]
    return lr[patch, order], hr[patch, order]


def mixed(lr: Tensor, hr: Tensor, share: float, shape: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mix every patch with another one of the batch, lr and hr the same way (mixup, Zhang et al., ICLR 2018).

    Args:
        lr: (N, C, h, w).
        hr: (N, C, H, W).
        share: Probability that the batch is mixed at all.
        shape: Both parameters of the beta distribution that each batch's one weight comes from; 1 is uniform, more
            prefers halves.
        generator: Source of randomness.
    """
    from scipy.special import betaincinv

    happens, position = torch.rand(2, dtype=torch.float64, generator=generator).tolist()
    other = torch.randperm(lr.shape[0], generator=generator)
    if happens >= share:
        return lr, hr
    weight = float(betaincinv(shape, shape, position))  # the distribution's quantile
    return torch.lerp(lr[other], lr, weight), torch.lerp(hr[other], hr, weight)
