"""The blur of a degradation that then drops pixels, as a kernel, for methods that take one beside lr."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from srbench.degrading.chain import Chain
from srbench.degrading.spec import DegradationSpec
from srbench.degrading.steps import Step
from srbench.scales import Scale


@runtime_checkable
class BlurringStep(Protocol):
    """A step that filters an image with one kernel."""

    def blur_weights(self, drawn: Mapping[str, Any]) -> Tensor:
        """Return the weights of the neighbours of a pixel, (k, k) with odd k, as `filter2d` takes them unflipped.

        Args:
            drawn: What the step drew for the image.
        """
        ...


@runtime_checkable
class DroppingStep(Protocol):
    """A step that keeps one pixel of each block of scale x scale."""

    def kept_pixel(self, scale: int) -> int:
        """Return its row in the block, which is its column too."""
        ...


def kernel_of(degradation: DegradationSpec, drawn: Mapping[str, Any], scale: Scale) -> Tensor | None:
    """Return the kernel by which hr was blurred before pixels were dropped.

    Beside one `BlurringStep` or none and one `DroppingStep` after it, a chain may have steps with the attribute
    ``pixelwise``, such as rounding and noise.

    Args:
        degradation: What made the lr of an image.
        drawn: What it drew for the image; {} without a chain.
        scale: The factor.

    Returns:
        (k, k) float32, which sums to 1: the weight of each pixel of hr in the pixel of lr in whose block of
        scale x scale the kernel's middle, (k - 1) / 2, is the middle. None where there was something else, such as a
        bicubic reduction.
    """
    if not isinstance(scale, int):
        return None
    if degradation.kernel is not None:
        return degradation.kernel(drawn, scale).float()
    if degradation.chain is None or "steps" not in drawn:
        return None
    return _kernel_of_steps(_applied(degradation.chain, drawn), scale)


def _kernel_of_steps(applied: Iterator[tuple[Step, Mapping[str, Any]]], scale: int) -> Tensor | None:
    weights: Tensor | None = None
    place: int | None = None
    for step, drawn in applied:
        if isinstance(step, BlurringStep) and weights is None and place is None:
            weights = step.blur_weights(drawn)
        elif isinstance(step, DroppingStep) and place is None:
            place = step.kept_pixel(scale)
        elif not getattr(step, "pixelwise", False):
            return None
    weights = torch.ones(1, 1) if weights is None else weights
    odd_square = weights.shape[0] == weights.shape[1] and weights.shape[0] % 2 == 1
    return _about_the_middle(weights.float(), scale - 1 - 2 * place) if place is not None and odd_square else None


def _about_the_middle(weights: Tensor, shift: int) -> Tensor:
    """Add zeros so that the middle is ``shift / 2`` pixels further right and down."""
    before, after = (0, shift) if shift > 0 else (-shift, 0)
    return F.pad(weights, (before, after, before, after))


def _applied(chain: Chain, drawn: Mapping[str, Any]) -> Iterator[tuple[Step, Mapping[str, Any]]]:
    for entry in drawn["steps"]:
        step = chain.steps[entry["at"]]
        if isinstance(step, Chain):
            yield from _applied(step, entry["drawn"])
        else:
            yield step, entry["drawn"]
