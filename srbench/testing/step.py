"""The contract of a step of degradations."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from srbench.degrading.chain import draw_step
from srbench.degrading.draws import Random
from srbench.degrading.spec import StepSpec
from srbench.degrading.steps import Size, Step
from srbench.testing.contract import Violations, photograph

CHECKED = (
    "draws that JSON keeps and nothing else that is random, a unit for every parameter, what a batch shares "
    "apart from the draws of single images, finite values near [0, 1], a batch equal to its images one by one, and "
    "float64 kept"
)

HEIGHT, WIDTH = 75, 87
"""Odd, and larger than half of any kernel in use."""


def violations(spec: StepSpec) -> list[str]:
    """List the rules that a step breaks, one sentence each."""
    found = Violations()
    for name, _, default in spec.parameters:
        has_unit = found.expect(name in spec.units, f"{spec.name} does not give the unit or meaning of {name}; add it.")
        found.expect(
            default is not inspect.Parameter.empty or name in spec.example,
            f"{spec.name} has no default for {name} and no example of it; give one of the two.",
        )
        if not has_unit:
            return found
    with found.during(f"building {spec.name}"):
        step = spec.build(**spec.example)
        if found.expect(isinstance(step, Step), f"{spec.name} built {type(step).__name__}; it needs draw and apply."):
            for scale in (2, 3, 4):
                with found.during(f"doing {spec.name} at x{scale}"):
                    _check_scale(spec.name, step, Size(HEIGHT, WIDTH, scale), found)
    return found


def _check_scale(name: str, step: Step, size: Size, found: Violations) -> None:
    drawn = [draw_step(step, Random(own, Random(9)), size) for own in range(3)]
    again = [draw_step(step, Random(own, Random(9)), size) for own in range(3)]
    found.expect(
        drawn == again, f"{name} draws different values from one seed; draw everything from the streams it is given."
    )
    found.expect(
        len({_after(step, own, size) for own in range(16)}) == 1,
        f"{name} lets what is drawn from the batch's stream depend on the image's own stream; draw from it first.",
    )
    if not found.expect(
        _is_json(drawn), f"{name} draws what JSON does not keep: {drawn[0]}; give numbers and strings."
    ):
        return
    groups: dict[str, list[int]] = {}
    for image, one in enumerate(drawn):
        groups.setdefault(json.dumps([one.get(key) for key in getattr(step, "grouped_by", ())]), []).append(image)
    images = photograph(3, 3, size.height, size.width)
    for group in groups.values():
        _check_batch(name, step, images[group], [drawn[i] for i in group], size, found)


def _after(step: Step, own: int, size: Size) -> float:
    """Return what the batch's stream gives next, once the step has drawn."""
    batch = Random(9)
    draw_step(step, Random(own, batch), size)
    return batch.unit()


def _is_json(drawn: Sequence[Mapping[str, Any]]) -> bool:
    try:
        return bool(json.loads(json.dumps(drawn, allow_nan=False)) == drawn)
    except (TypeError, ValueError):
        return False


def _check_batch(
    name: str, step: Step, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size, found: Violations
) -> None:
    given, random_state = images.clone(), torch.get_rng_state()
    out = step.apply(images, drawn, size)
    found.expect(torch.equal(images, given), f"{name} changes its images in place; work on a copy.")
    if not found.expect(
        out.ndim == 4 and out.shape[:2] == images.shape[:2] and out.numel() > 0,
        f"{name} gave {tuple(out.shape)} for {tuple(images.shape)}; it must keep the images and their channels.",
    ):
        return
    found.expect(out.dtype == images.dtype, f"{name} gave {out.dtype} for {images.dtype}; keep the dtype.")
    found.expect(out.isfinite().all(), f"{name} gave NaN or infinity.")
    low, high = out.min().item(), out.max().item()
    found.expect(low >= -1 and high <= 2, f"{name} is far beyond [0, 1]: {low:.2f} to {high:.2f}; keep the range.")
    found.expect(
        torch.equal(step.apply(images, drawn, size), out), f"{name} gives two results for the same draws; draw no more."
    )
    found.expect(
        torch.equal(torch.get_rng_state(), random_state),
        f"{name} draws from torch's global generator; draw a seed, and make a generator of it.",
    )
    singles = [step.apply(images[i : i + 1], drawn[i : i + 1], size) for i in range(len(images))]
    one_by_one = torch.cat(singles) if len({one.shape for one in singles}) == 1 else None
    if one_by_one is None or one_by_one.shape != out.shape:
        found.append(
            f"{name} makes images of different sizes in a batch and alone; name in `grouped_by` what a "
            "batch must share."
        )
    else:
        difference = (one_by_one - out).abs()
        found.expect(
            difference.max() <= 1 / 255,
            f"{name} makes a different image in a batch than alone, {difference.max():.3f} off.",
        )
        found.expect(difference.mean() <= 1e-4, f"{name} mixes the images of a batch a little.")
    exact = step.apply(images.double(), drawn, size)
    found.expect(exact.dtype == torch.float64, f"{name} gave {exact.dtype} for float64; keep the dtype.")
