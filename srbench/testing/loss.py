"""The contract of a loss."""

from __future__ import annotations

import torch

from srbench.distilling.spec import LossSpec
from srbench.testing.contract import Violations, photograph, seeded

CHECKED = "a finite scalar that falls towards hr"


def violations(spec: LossSpec) -> list[str]:
    """List the rules that a loss breaks, one sentence each."""
    found = Violations()
    with seeded(0), found.during(f"computing the loss {spec.name}"):
        loss = spec.build()
        hr = photograph(2, 3, 48, 48)
        noise = torch.randn_like(hr)
        sr = (hr + 0.1 * noise).requires_grad_()
        given = sr.detach().clone()
        value = loss(sr, hr)
        if not found.expect(
            value.numel() == 1 and value.dim() == 0,
            f"{spec.name} gave shape {tuple(value.shape)}; a loss is one number, so take a mean.",
        ):
            return found
        found.expect(value.isfinite(), f"{spec.name} gave {value.item()}.")
        torch.autograd.backward(value)
        found.expect(
            sr.grad is not None and sr.grad.isfinite().all() and sr.grad.any(),
            f"{spec.name} sends no finite gradient to sr.",
        )
        found.expect(torch.equal(sr.detach(), given), f"{spec.name} changes sr in place; work on a copy.")
        values = [loss(hr + level * noise, hr).item() for level in (0.0, 0.02, 0.1)]
        found.expect(
            values == sorted(values) and values[0] < values[-1],
            f"{spec.name} does not grow with noise: {[round(v, 5) for v in values]}; it must fall towards hr.",
        )
        perfect = hr.clone().requires_grad_()
        torch.autograd.backward(loss(perfect, hr))
        found.expect(
            perfect.grad is None or perfect.grad.isfinite().all(),
            f"{spec.name} has a gradient of NaN or infinity where sr equals hr; add an ε under its root.",
        )
    return found
