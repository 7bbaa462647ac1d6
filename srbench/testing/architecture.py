"""The contract of an architecture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srbench.errors import SrbenchError
from srbench.networks.encoding import encode
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.networks.wanted import Points
from srbench.scales import Scale, hr_size, next_whole, parse_scale
from srbench.testing.contract import Violations, photograph, seeded
from srbench.testing.fitted import CHECKED as FITTED
from srbench.testing.fitted import check_fitted
from srbench.testing.network import (
    BATCH_TOLERANCE,
    Trial,
    check_behaviour,
    check_deployed,
    check_export,
    check_gradients,
    check_half,
    check_state,
    check_taps,
    odd_sides,
)
from srbench.testing.sampled import CHECKED as SAMPLED
from srbench.testing.sampled import InOneStep, check_sampled, has_methods

CHECKED = (
    "shapes for odd sizes at every scale, finite and deterministic outputs, a batch equal to its images one by "
    "one, a map of uncertainty if it declares one, taps that exist, a state dict that holds everything, gradients "
    "for every parameter, the half precisions it claims, a deployed form that gives the same, torch.export, an encoder "
    "whose features have the size of lr, single pixels equal to those of whole images, and no side effects: nothing "
    "printed, no input changed, no random numbers drawn"
)

PARAMETERS_WITH_MEMORY = 10_000_000
"""Largest number of parameters for which every scale gets memory; else, later scales are built for shapes alone."""

REAL_SCALES = (parse_scale("1.5"), parse_scale("2.3"), parse_scale("3.7x1.5"))
"""Scales that a network for any scale is asked for beside its own."""


def checked(spec: ArchitectureSpec) -> str:
    """Return what is checked, which differs for networks that one evaluation does not apply."""
    return FITTED if spec.fitting else SAMPLED if spec.samplers else CHECKED


def violations(spec: ArchitectureSpec) -> list[str]:
    """List the rules that an architecture breaks, one sentence each.

    Every scale is built and asked for odd sizes, with ``any_scale`` also some real ones; the rest is checked at the
    smallest scale, or with the one network for all scales.
    """
    found = Violations()
    with seeded(0):
        if spec.fitting:
            check_fitted(spec, found)
            return found
        scales = sorted(spec.scales)
        first: Network | None = None
        shared: Network | None = None
        for scale in [*scales, *(REAL_SCALES if spec.any_scale else ())]:
            meta = first is not None and sum(p.numel() for p in first.module.parameters()) > PARAMETERS_WITH_MEMORY
            network = shared or _built(spec, scale, found, "meta" if meta else "cpu")
            if network is None or (spec.samplers and not has_methods(network, found)):
                continue
            shared = network if spec.one_network else None
            _check_shapes(network, scale, found)
            first = first or network
        if first is None or found:
            return found  # what follows would repeat the same fault in other words
        lr = photograph(2, spec.colours, *odd_sides(spec))
        kind = InOneStep if spec.samplers else Network
        trial = Trial(first, lambda: kind(spec, spec.network(scales[0])), scales[0], lr)
        if spec.samplers:
            check_sampled(trial, found)
        else:
            check_behaviour(trial, found)
            check_half(trial, found)
            check_export(trial, found)
        _check_map(trial, found)
        check_taps(trial, spec.taps, found)
        check_state(trial, found)
        check_deployed(trial, found)
        _check_encoder(spec, lr, found)
        if spec.points:
            _check_points(first, lr, found)
        if spec.trainable and not spec.samplers:
            check_gradients(trial, lambda network: _backward(network, scales), found)
    return found


def _built(spec: ArchitectureSpec, scale: Scale, found: Violations, device: str) -> Network | None:
    with found.during(f"building {spec.name} at x{scale}"):
        with torch.device(device):
            module = spec.network(scale)
        if found.expect(
            isinstance(module, nn.Module),
            f"build({scale}) of {spec.name} gave {type(module).__name__}; it must give an nn.Module.",
        ):
            return (InOneStep if spec.samplers else Network)(spec, module.eval())
    return None


def _check_shapes(network: Network, scale: Scale, found: Violations) -> None:
    name = network.spec.name
    for height, width in ((1, 1), odd_sides(network.spec)):
        with found.during(f"{name} at x{scale} on lr of {height}x{width}"), torch.no_grad():
            try:
                lr = photograph(1, network.colours, height, width)
                device = next((p.device for p in network.module.parameters()), lr.device)
                sr = network(lr.to(device), scale)
            except SrbenchError as error:  # a wrong shape, which `Network` describes in a whole sentence
                found.append(str(error))
                return
            found.expect(
                sr.is_meta or sr.isfinite().all(),
                f"{name} at x{scale} gave NaN or infinity on lr of {height}x{width} with fresh weights.",
            )
            found.expect(sr.dtype == torch.float32, f"{name} at x{scale} gave {sr.dtype} for float32 lr.")


def _check_encoder(spec: ArchitectureSpec, lr: Tensor, found: Violations) -> None:
    """Check that an encoder, if one is declared, gives features of the size of lr."""
    if spec.encoder is not None:
        with found.during(f"building and running the encoder of {spec.name}"), torch.no_grad():
            try:
                features = encode(spec.encoder().eval(), spec, lr)
            except SrbenchError as error:  # a wrong shape, which `encode` describes in a whole sentence
                found.append(str(error))
                return
            found.expect(features.isfinite().all(), f"The encoder of {spec.name} gave NaN or infinity.")


def _check_points(network: Network, lr: Tensor, found: Violations) -> None:
    """Check that single pixels, of another size of sr for each image, are those of whole images."""
    name, scales = network.spec.name, REAL_SCALES[: len(lr)]
    sizes = [hr_size((lr.shape[-2], lr.shape[-1]), scale) for scale in scales]
    with found.during(f"computing single pixels with {name}"), torch.no_grad():
        last = [torch.tensor([[height - 1, width - 1], [0, 0], [1, 2]]) for height, width in sizes]
        try:
            colours = network(lr, Points(torch.tensor(sizes), torch.stack(last)))
        except SrbenchError as error:  # a wrong shape, which `Network` describes in a whole sentence
            found.append(str(error))
            return
        for image, scale, pixels, given in zip(lr, scales, last, colours, strict=True):
            whole = network(image[None], scale)[0]
            found.expect(
                torch.allclose(given[..., 0], whole[:, pixels[:, 0], pixels[:, 1]], atol=BATCH_TOLERANCE),
                f"{name} gives single pixels other colours than whole images at x{scale}; compute them the same way.",
            )


def _check_map(trial: Trial, found: Violations) -> None:
    if not trial.network.spec.uncertainty:
        return
    with found.during(f"predicting the uncertainty of {trial.name}"), torch.no_grad():
        sr, whole = trial.network.predict(trial.images, trial.scale)
        spread = trial.network.uncertainty(trial.images, trial.scale)
        alone = trial.network.uncertainty(trial.one, trial.scale)
        orders = trial.network.spec.uncertainty == "order"
        found.expect(
            whole is not None
            and spread.shape == sr.shape
            and spread.isfinite().all()
            and (orders or (spread >= 0).all()),
            f"{trial.name} gives a map of its uncertainty that is not a finite number, or a deviation below 0, for "
            "every value of sr.",
        )
        found.expect(
            torch.allclose(alone, spread[:1], rtol=1e-3, atol=BATCH_TOLERANCE),
            f"{trial.name} gives an image another uncertainty in a batch than alone; do not mix images.",
        )


def _backward(network: Network, scales: list[Scale]) -> None:
    """Add the gradients of one step."""
    height, width = odd_sides(network.spec)
    for scale in scales if network.spec.one_network else scales[:1]:
        lr = photograph(2, network.colours, height, width, seed=next_whole(scale))
        hr = photograph(2, network.colours, *hr_size((height, width), scale), seed=next_whole(scale))
        sr, spread = network.predict(lr, scale)
        loss = (sr - hr).abs().mean()
        torch.autograd.backward(loss if spread is None else loss + spread.mean())
