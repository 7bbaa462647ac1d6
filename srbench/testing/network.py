"""What the contracts of architectures and of recognisers share: rules for any network."""

from __future__ import annotations

import copy
import dataclasses
import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srbench.networks.capture import capture
from srbench.networks.deployed import deployed
from srbench.networks.network import Network
from srbench.networks.prediction import maps_of
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import Scale
from srbench.testing.contract import Violations, photograph, seeded

BATCH_TOLERANCE = 1e-4
"""Largest difference of an output in the units of an image: convolutions round differently for another batch size."""
DEPLOYED_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Largest difference between the trained and the deployed form, as a share of the largest output of at least 1."""
HALF_TOLERANCE = {"bf16": 0.1, "fp16": 0.02}
"""Error over signal, both root mean square."""
DEAD_GRADIENT_SHARE = 1e-5
"""Largest share of a network's largest gradient at which a parameter declared dead may still be."""
HALF_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Trial:
    """A network in eval mode, how to build another of the same spec, and images for it."""

    network: Network
    build: Callable[[], Network]
    scale: Scale
    images: Tensor
    """(2, C, H, W) in [0, 1], of odd sides."""

    @property
    def name(self) -> str:
        """Name of the spec."""
        return self.network.spec.name

    @property
    def one(self) -> Tensor:
        """The first image, (1, C, H, W)."""
        return self.images[:1]


def odd_sides(spec: ArchitectureSpec) -> tuple[int, int]:
    """Return odd sides that no multiple divides and that are large enough for a whole image."""
    least = max(spec.min_size, spec.size_multiple, 2)
    return least + least % 2 + 3, least + least % 2 + 5


def check_behaviour(trial: Trial, found: Violations) -> None:
    """Check that an evaluation has no side effects, is repeatable, and treats each image of a batch by itself."""
    name, network, images = trial.name, trial.network, trial.images.clone()
    given = images.clone()
    with found.during(f"evaluating {name}"), torch.no_grad():
        random_state = torch.get_rng_state()
        output = network(images, trial.scale)
        found.expect(
            torch.equal(torch.get_rng_state(), random_state),
            f"{name} draws random numbers in eval mode; take them from the input or drop them when not training.",
        )
        found.expect(torch.equal(images, given), f"{name} changes its input in place; work on a copy.")
        found.expect(
            torch.equal(network(given.clone(), trial.scale), output),
            f"{name} gives two results for one input in eval mode; its evaluation must be deterministic.",
        )
        single = torch.cat([network(given[i : i + 1], trial.scale) for i in range(len(given))])
        difference = (single - output).abs().max().item()
        found.expect(
            difference <= BATCH_TOLERANCE * max(1.0, output.abs().max().item()),
            f"{name} gives an image a different result in a batch than alone (by {difference:.2g}); do not mix images.",
        )


def check_taps(trial: Trial, paths: Sequence[str], found: Violations) -> dict[str, Tensor]:
    """Check that every path is reached by a forward pass; return what was recorded there."""
    features: dict[str, Tensor] = {}
    with found.during(f"recording the taps of {trial.name}"), torch.no_grad():
        with capture(trial.network.tapped, paths) as features:
            trial.network(trial.one, trial.scale)
        for path in paths:
            found.expect(path in features, f"The tap {path!r} of {trial.name} is never reached by its forward pass.")
    return features


def check_state(trial: Trial, found: Violations) -> None:
    """Check that the state dict holds all that decides the output, and that a seed decides the initial weights."""
    name, network = trial.name, trial.network
    with found.during(f"restoring {name} from its state dict"), torch.no_grad():
        state = {key: value.clone() for key, value in network.tapped.state_dict().items()}
        fresh = trial.build()  # other random weights, if it has any
        fresh.module.eval()
        fresh.tapped.load_state_dict(state, strict=True)
        found.expect(
            torch.equal(fresh(trial.one, trial.scale), network(trial.one, trial.scale)),
            f"{name} does not give the same result after a round trip of its state dict; register as parameters or "
            "buffers all that decides its output.",
        )
    if not network.spec.trainable:
        return
    with found.during(f"building {name} twice from one seed"):
        states = []
        for _ in range(2):
            with seeded(1):
                states.append(trial.build().tapped.state_dict())
        found.expect(
            all(torch.equal(states[0][key], states[1][key]) for key in states[0]),
            f"{name} is initialised differently from one seed; take every random number from torch's global generator.",
        )


def check_half(trial: Trial, found: Violations) -> None:
    """Check the half precisions that the spec claims."""
    name, network = trial.name, trial.network
    unknown = network.spec.half_precision - HALF_TYPES.keys()
    found.expect(not unknown, f"{name} claims the half precisions {sorted(unknown)}; there are bf16 and fp16.")
    with torch.no_grad():
        wanted = network(trial.one, trial.scale)
        for precision in sorted(network.spec.half_precision & HALF_TYPES.keys()):
            with found.during(f"running {name} in {precision}"):
                with torch.autocast("cpu", dtype=HALF_TYPES[precision]):
                    output = network(trial.one, trial.scale).float()
                error = ((output - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()
                found.expect(
                    error <= HALF_TOLERANCE[precision],  # NaN is not
                    f"{name} in {precision} is off by {error:.1%} of its fp32 output (at most "
                    f"{HALF_TOLERANCE[precision]:.0%}); fix it, or leave {precision} out of half_precision.",
                )


def check_deployed(trial: Trial, found: Violations) -> None:
    """Check that the deployed form, if the network has one, gives the same results but for rounding.

    Biases, gains and statistics are changed first, as fresh ones are often the zeros and ones that hide a mistake.
    """
    name, module = trial.name, trial.network.module
    if not any(callable(getattr(part, "switch_to_deploy", None)) for part in module.modules()):
        return
    changed = copy.deepcopy(module)
    with torch.no_grad():
        for key, value in (*changed.named_parameters(), *changed.named_buffers()):
            if value.ndim == 1 and value.is_floating_point():
                draw = torch.rand_like if key.endswith("running_var") else torch.randn_like
                value.add_(0.1 * draw(value))
    for precision, tolerance in DEPLOYED_TOLERANCE.items():
        with found.during(f"deploying {name} in {precision}"), torch.no_grad():
            network = dataclasses.replace(trial.network, module=copy.deepcopy(changed).to(precision))
            wanted = network(trial.images.to(precision), trial.scale)
            difference = (deployed(network)(trial.images.to(precision), trial.scale) - wanted).abs().max().item()
            found.expect(
                difference <= tolerance * max(1.0, wanted.abs().max().item()),  # NaN is not
                f"{name} gives another result (by {difference:.2g} in {precision}) after switch_to_deploy(); fold only "
                "what is exact, also at the borders.",
            )


def check_export(trial: Trial, found: Violations) -> None:
    """Check that torch.export gives a program that computes the same."""
    spec, module = trial.network.spec, trial.network.tapped
    side = max(spec.min_size, spec.size_multiple, 8)
    side = -(-side // spec.size_multiple) * spec.size_multiple
    images = photograph(1, spec.colours, side, side) * spec.input_range
    inputs = spec.arguments(images, trial.scale)
    with found.during(f"exporting {spec.name} with torch.export"), torch.no_grad():
        exported = torch.export.export(module, inputs, strict=False).module()
        pairs = zip(maps_of(spec, exported(*inputs)), maps_of(spec, module(*inputs)), strict=True)
        found.expect(
            all(torch.allclose(own, wanted, rtol=1e-4, atol=1e-5 * spec.input_range) for own, wanted in pairs),
            f"{spec.name} gives a different result after torch.export; keep Python decisions on values out of its "
            "forward.",
        )


def check_gradients(trial: Trial, backward: Callable[[Network], None], found: Violations) -> None:
    """Check that a gradient reaches every parameter that is not declared dead, and no dead one.

    Args:
        trial: See the class.
        backward: Adds the gradients of one step to the parameters of the network it is given.
        found: Where violations go.
    """
    spec, name = trial.network.spec, trial.name
    network = dataclasses.replace(trial.network, module=copy.deepcopy(trial.network.module).train())
    trainable = {key: p for key, p in network.tapped.named_parameters() if p.requires_grad}
    if not found.expect(trainable, f"{name} has no trainable parameter; declare it with trainable=False."):
        return
    with torch.no_grad():
        for parameter in trainable.values():  # gates that start at zero would hide what is behind them
            size = parameter.std() if parameter.numel() > 1 else parameter.new_tensor(0.0)
            parameter.add_(torch.randn_like(parameter) * (0.1 * size).clamp_min(0.01))
    declared = {k for k in trainable if any(fnmatch.fnmatch(k, dead) for dead in spec.dead_parameters)}
    with found.during(f"training {name} for a step"):
        backward(network)
        silent = {key for key, parameter in trainable.items() if _silent(parameter)}
        if silent - declared:
            with torch.no_grad():
                for key in silent - declared:  # a unit behind a ReLU may just be shut; with its signs turned it opens
                    trainable[key].neg_()
            backward(network)
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


def _silent(parameter: nn.Parameter) -> bool:
    return parameter.grad is None or not bool(parameter.grad.any())


def _faint(parameter: Tensor, largest: float) -> bool:
    """Return whether a gradient is only a rounding error of zero, as behind a softmax that ignores a constant."""
    return parameter.grad is None or parameter.grad.abs().max().item() <= DEAD_GRADIENT_SHARE * largest
