"""The contract of an architecture."""

from __future__ import annotations

import copy
import fnmatch

import torch
from torch import Tensor, nn

from srbench.errors import SrbenchError
from srbench.naming import Scale
from srbench.networks.capture import capture
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.testing.contract import Violations, photograph, seeded

CHECKED = (
    "shapes for odd sizes at every scale, finite and deterministic outputs, a batch equal to its images one by "
    "one, taps that exist, a state dict that holds everything, gradients for every parameter, the half "
    "precisions it claims, torch.export, and no side effects: nothing printed, no input changed, no random "
    "numbers drawn"
)

BATCH_TOLERANCE = 1e-4
"""Largest difference of sr in [0, 1]: convolutions round differently for another batch size."""
HALF_TOLERANCE = {"bf16": 0.1, "fp16": 0.02}
"""Error over signal, both root mean square."""
DEAD_GRADIENT_SHARE = 1e-5
"""Largest share of a network's largest gradient at which a parameter declared dead may still be."""
PARAMETERS_WITH_MEMORY = 10_000_000
"""Largest number of parameters for which every scale gets memory; else, later scales are built for shapes alone."""
HALF_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def violations(spec: ArchitectureSpec) -> list[str]:
    """List the rules that an architecture breaks, one sentence each.

    Every scale is built and asked for odd sizes; the rest is checked at the smallest scale, or with the one network of
    a multi-scale architecture.
    """
    found = Violations()
    with seeded(0):
        scales = sorted(spec.scales)
        first: Network | None = None
        shared: Network | None = None
        for scale in scales:
            meta = first is not None and sum(p.numel() for p in first.module.parameters()) > PARAMETERS_WITH_MEMORY
            network = shared or _built(spec, scale, found, "meta" if meta else "cpu")
            if network is None:
                continue
            shared = network if spec.multi_scale else None
            _check_shapes(network, scale, found)
            first = first or network
        if first is None or found:
            return found  # what follows would repeat the same fault in other words
        _check_behaviour(first, scales[0], found)
        _check_taps(first, scales[0], found)
        _check_state(first, scales[0], found)
        _check_half(first, scales[0], found)
        _check_export(first, scales[0], found)
        if spec.trainable:
            _check_gradients(first, scales, found)
    return found


def _built(spec: ArchitectureSpec, scale: Scale, found: Violations, device: str) -> Network | None:
    with found.during(f"building {spec.name} at x{scale}"):
        with torch.device(device):
            module = spec.network(scale)
        if found.expect(
            isinstance(module, nn.Module),
            f"build({scale}) of {spec.name} gave {type(module).__name__}; it must give an nn.Module.",
        ):
            return Network(spec, module.eval())
    return None


def _lr(network: Network, count: int, height: int, width: int, seed: int = 0) -> Tensor:
    return photograph(count, network.colours, height, width, seed=seed)


def _sides(spec: ArchitectureSpec) -> tuple[int, int]:
    """Return odd sides that no multiple divides and that are large enough for a whole image."""
    least = max(spec.min_size, spec.size_multiple, 2)
    return least + least % 2 + 3, least + least % 2 + 5


def _check_shapes(network: Network, scale: Scale, found: Violations) -> None:
    name = network.spec.name
    for height, width in ((1, 1), _sides(network.spec)):
        with found.during(f"{name} at x{scale} on lr of {height}x{width}"), torch.no_grad():
            try:
                lr = _lr(network, 1, height, width)
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


def _check_behaviour(network: Network, scale: Scale, found: Violations) -> None:
    name = network.spec.name
    lr = _lr(network, 2, *_sides(network.spec))
    given = lr.clone()
    with found.during(f"evaluating {name}"), torch.no_grad():
        random_state = torch.get_rng_state()
        sr = network(lr, scale)
        found.expect(
            torch.equal(torch.get_rng_state(), random_state),
            f"{name} draws random numbers in eval mode; take them from the input or drop them when not training.",
        )
        found.expect(torch.equal(lr, given), f"{name} changes its input in place; work on a copy.")
        found.expect(
            torch.equal(network(given.clone(), scale), sr),
            f"{name} gives two results for one input in eval mode; its evaluation must be deterministic.",
        )
        single = torch.cat([network(given[i : i + 1], scale) for i in range(len(given))])
        difference = (single - sr).abs().max().item()
        found.expect(
            difference <= BATCH_TOLERANCE,
            f"{name} gives an image a different result in a batch than alone (by {difference:.2g}); do not mix images.",
        )


def _check_taps(network: Network, scale: Scale, found: Violations) -> None:
    name = network.spec.name
    with found.during(f"recording the taps of {name}"), torch.no_grad():
        with capture(network.module, network.spec.taps) as features:
            network(_lr(network, 1, *_sides(network.spec)), scale)
        for tap in network.spec.taps:
            found.expect(tap in features, f"The tap {tap!r} of {name} is never reached by its forward pass.")


def _check_state(network: Network, scale: Scale, found: Violations) -> None:
    name, lr = network.spec.name, _lr(network, 1, *_sides(network.spec))
    with found.during(f"restoring {name} from its state dict"), torch.no_grad():
        state = {key: value.clone() for key, value in network.module.state_dict().items()}
        fresh = Network(network.spec, network.spec.network(scale).eval())  # other random weights, if it has any
        fresh.module.load_state_dict(state, strict=True)
        found.expect(
            torch.equal(fresh(lr, scale), network(lr, scale)),
            f"{name} does not give the same result after a round trip of its state dict; register as parameters or "
            "buffers all that decides its output.",
        )
    if not network.spec.trainable:
        return
    with found.during(f"building {name} twice from one seed"):
        states = []
        for _ in range(2):
            with seeded(1):
                states.append(network.spec.network(scale).state_dict())
        found.expect(
            all(torch.equal(states[0][key], states[1][key]) for key in states[0]),
            f"{name} is initialised differently from one seed; take every random number from torch's global generator.",
        )


def _check_half(network: Network, scale: Scale, found: Violations) -> None:
    name, lr = network.spec.name, _lr(network, 1, *_sides(network.spec))
    unknown = network.spec.half_precision - HALF_TYPES.keys()
    found.expect(not unknown, f"{name} claims the half precisions {sorted(unknown)}; there are bf16 and fp16.")
    with torch.no_grad():
        wanted = network(lr, scale)
        for precision in sorted(network.spec.half_precision & HALF_TYPES.keys()):
            with found.during(f"running {name} in {precision}"):
                with torch.autocast("cpu", dtype=HALF_TYPES[precision]):
                    sr = network(lr, scale).float()
                error = ((sr - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()
                found.expect(
                    error <= HALF_TOLERANCE[precision],  # NaN is not
                    f"{name} in {precision} is off by {error:.1%} of its fp32 output (at most "
                    f"{HALF_TOLERANCE[precision]:.0%}); fix it, or leave {precision} out of half_precision.",
                )


def _check_export(network: Network, scale: Scale, found: Violations) -> None:
    name, side = network.spec.name, max(network.spec.min_size, network.spec.size_multiple, 8)
    side = -(-side // network.spec.size_multiple) * network.spec.size_multiple
    lr = _lr(network, 1, side, side) * network.spec.input_range
    inputs = (lr, scale) if network.spec.multi_scale else (lr,)
    with found.during(f"exporting {name} with torch.export"), torch.no_grad():
        exported = torch.export.export(network.module, inputs, strict=False).module()
        wanted = network.module(*inputs)
        found.expect(
            torch.allclose(exported(*inputs), wanted, rtol=1e-4, atol=1e-5 * network.spec.input_range),
            f"{name} gives a different result after torch.export; keep Python decisions on values out of its forward.",
        )


def _faint(parameter: Tensor, largest: float) -> bool:
    """Return whether a gradient is only a rounding error of zero, as behind a softmax that ignores a constant."""
    return parameter.grad is None or parameter.grad.abs().max().item() <= DEAD_GRADIENT_SHARE * largest


def _check_gradients(network: Network, scales: list[Scale], found: Violations) -> None:
    name = network.spec.name
    module = copy.deepcopy(network.module).train()
    trainable = {key: p for key, p in module.named_parameters() if p.requires_grad}
    if not found.expect(trainable, f"{name} has no trainable parameter; declare it with trainable=False."):
        return
    with torch.no_grad():
        for parameter in trainable.values():  # gates that start at zero would hide what is behind them
            size = parameter.std() if parameter.numel() > 1 else parameter.new_tensor(0.0)
            parameter.add_(torch.randn_like(parameter) * (0.1 * size).clamp_min(0.01))
    declared = {k for k in trainable if any(fnmatch.fnmatch(k, dead) for dead in network.spec.dead_parameters)}
    with found.during(f"training {name} for a step"):
        _backward(Network(network.spec, module), scales)
        silent = {key for key, parameter in trainable.items() if _silent(parameter)}
        if silent - declared:
            with torch.no_grad():
                for key in silent - declared:  # a unit behind a ReLU may just be shut; with its signs turned it opens
                    trainable[key].neg_()
            _backward(Network(network.spec, module), scales)
            silent = {key for key in silent if _silent(trainable[key])}
        if lost := sorted(silent - declared):
            found.append(
                f"No gradient reaches {len(lost)} of {name}'s parameters (first: {lost[0]}); use them, freeze them, or "
                "name them in dead_parameters if the official network has them too."
            )
        largest = max((p.grad.abs().max().item() for p in trainable.values() if p.grad is not None), default=0.0)
        alive = sorted(k for k in declared - silent if not _faint(trainable[k], largest))
        if alive:
            found.append(f"{name} declares {alive[0]} dead, and a gradient reaches it; take it out of dead_parameters.")
        wild = sorted(k for k, p in trainable.items() if p.grad is not None and not p.grad.isfinite().all())
        found.expect(not wild, f"{name} has gradients of NaN or infinity (first: {wild[:1]}) in its first step.")


def _backward(network: Network, scales: list[Scale]) -> None:
    """Add the gradients of one step."""
    height, width = _sides(network.spec)
    for scale in scales if network.spec.multi_scale else scales[:1]:
        lr = _lr(network, 2, height, width, seed=scale)
        hr = photograph(2, network.colours, height * scale, width * scale, seed=scale)
        torch.autograd.backward((network(lr, scale) - hr).abs().mean())


def _silent(parameter: nn.Parameter) -> bool:
    return parameter.grad is None or not bool(parameter.grad.any())
