"""The contract of a degradation."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from srbench.degrading.realisation import Realisation, freeze, realise
from srbench.degrading.spec import DegradationSpec
from srbench.degrading.steps import Size
from srbench.scales import Scale, hr_size, parse_scale
from srbench.testing.contract import Violations, photograph

CHECKED = "shape, range and honest randomness, and for a chain a realisation that JSON keeps"

UNROUNDED_TOLERANCE = 3 / 255
"""Largest difference that 8-bit arithmetic in two or three places may make."""


def violations(spec: DegradationSpec) -> list[str]:
    """List the rules that a degradation breaks, one sentence each."""
    found = Violations()
    if spec.provided:
        return found  # its lr are photographs
    real = (parse_scale("1.5"), parse_scale("3.7x1.5")) if spec.any_scale else ()
    for scale in (*sorted(spec.scales or {2, 3, 4}), *real):
        with found.during(f"degrading with {spec.name} at x{scale}"):
            _check_scale(spec, scale, found)
    return found


def _check_scale(spec: DegradationSpec, scale: Scale, found: Violations) -> None:
    height, width = 25, 29  # odd, and larger than half of any kernel in use
    hr = photograph(2, 3, *hr_size((height, width), scale))
    given, random_state = hr.clone(), torch.get_rng_state()
    name = f"{spec.name} at x{scale}"
    lr = spec.apply(hr, scale, Generator().manual_seed(0))
    if not found.expect(
        tuple(lr.shape) == (2, 3, height, width),
        f"{name} gave {tuple(lr.shape)} for hr {tuple(hr.shape)}; it must give {(2, 3, height, width)}.",
    ):
        return
    found.expect(lr.dtype == hr.dtype, f"{name} gave {lr.dtype} for {hr.dtype}; keep the dtype.")
    found.expect(lr.isfinite().all(), f"{name} gave NaN or infinity.")
    low, high = lr.min().item(), lr.max().item()
    found.expect(low >= 0 and high <= 1, f"{name} left [0, 1]: {low:.3f} to {high:.3f}; clamp as its last step.")
    found.expect(torch.equal(hr, given), f"{name} changes hr in place; work on a copy.")
    again = spec.apply(hr, scale, Generator().manual_seed(0))
    found.expect(torch.equal(again, lr), f"{name} gives two results from one generator; draw everything from it.")
    found.expect(
        torch.equal(torch.get_rng_state(), random_state),
        f"{name} draws from torch's global generator; use the one it is given.",
    )
    varies = any(not torch.equal(spec.apply(hr, scale, Generator().manual_seed(s)), lr) for s in range(1, 5))
    found.expect(
        varies == spec.stochastic,
        f"{name} says stochastic={spec.stochastic}, but its result {'changes' if varies else 'does not change'} with "
        "the generator.",
    )
    if not spec.stochastic:
        single = spec.apply(hr[:1], scale, Generator().manual_seed(0))
        found.expect(torch.allclose(single, lr[:1], atol=1e-6), f"{name} mixes the images of a batch.")
    if spec.chain is not None:
        rows, columns = hr_size((5 * 4, 7 * 4), scale)
        _check_frozen(spec, hr[:1, :, :rows, :columns].double(), scale, found)
    if spec.unrounded is not None:
        exact = spec.unrounded(hr.double(), scale, Generator().manual_seed(0))
        found.expect(
            exact.dtype == torch.float64 and exact.shape == lr.shape,
            f"{name}, unrounded, gave {exact.dtype} of shape {tuple(exact.shape)} for float64; do as `apply` does.",
        )
        away = (exact.clamp(0, 1) - lr).abs().max().item() if exact.shape == lr.shape else 0.0
        found.expect(
            away <= UNROUNDED_TOLERANCE, f"{name} is off by {away:.3f} from its own unrounded form; they must agree."
        )


def _check_frozen(spec: DegradationSpec, hr: Tensor, scale: Scale, found: Violations) -> None:
    realisation = freeze(spec, Size(hr.shape[-2], hr.shape[-1], scale, 0), seed=1)
    read = Realisation.model_validate_json(realisation.model_dump_json())
    if found.expect(read == realisation, f"{spec.name} draws what JSON does not keep; draw numbers and strings."):
        found.expect(
            torch.equal(realise(spec, hr, read), realise(spec, hr, realisation)),
            f"{spec.name} at x{scale} gives two results for one realisation; draw everything beforehand.",
        )
