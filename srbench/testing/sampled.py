"""The contract of an architecture that models a distribution, in the place of what others keep in one evaluation."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srbench.errors import ShapeError
from srbench.networks.applied import Sampler
from srbench.networks.network import Network
from srbench.networks.prediction import Prediction
from srbench.networks.wanted import Points, Wanted
from srbench.scales import hr_size
from srbench.testing.contract import Violations, photograph
from srbench.testing.network import HALF_TOLERANCE, HALF_TYPES, Trial, check_gradients

CHECKED = (
    "shapes for odd sizes at every scale, draws by every sampler in one step and a few that the generator alone "
    "decides and that differ from seed to seed, a forward that is the default draw from seed 0, an objective with a "
    "gradient for every parameter, the half precisions it claims, taps that exist, a state dict that holds everything, "
    "a deployed form that gives the same, and no side effects"
)

FEW_STEPS = 3
"""Steps of a draw from several seeds, which must take seconds."""
MOST_STEPS = 25
"""Most steps of the default draw that is compared with forward."""
OBJECTIVES = 4
"""Objectives whose gradients are added up: one of a single moment of a diffusion need not reach every parameter."""


class InOneStep(Network):
    """A network that draws sr, called by one step of its first sampler from seed 0: for rules that need any output."""

    def predict(
        self, lr: Tensor, scale: Wanted, weights: Mapping[str, Tensor] | None = None, conditions: Tensor | None = None
    ) -> Prediction:
        """See `Network.predict`; weights and conditions are not taken."""
        if weights is not None or conditions is not None or isinstance(scale, Points):
            raise ShapeError(f"{self.spec.name} draws whole images by its own weights from lr alone.")
        sampler = self.spec.samplers[0].name
        return Prediction(self.draw(lr, scale, sampler, 1, torch.Generator().manual_seed(0)))


@dataclass(frozen=True, slots=True)
class _Watched:
    """A network, and what a draw or an objective must leave as it is."""

    network: Network
    lr: Tensor
    hr: Tensor
    found: Violations

    def keeps(self, act: str, work: str, seed: int = 0) -> Tensor | None:
        """Do ``work``, the name of a method below, from a seed; None if it failed."""
        name, given = self.network.spec.name, (self.lr.clone(), self.hr.clone())
        state = {key: value.clone() for key, value in self.network.module.state_dict().items()}
        made: Tensor | None = None
        with self.found.during(act), torch.no_grad():
            random_state = torch.get_rng_state()
            made = getattr(self, work)(torch.Generator().manual_seed(seed))
            self.found.expect(
                torch.equal(torch.get_rng_state(), random_state),
                f"{name} draws from torch's global generator in {work}; take every random number from the one it is "
                "given.",
            )
            self.found.expect(
                torch.equal(self.lr, given[0]) and torch.equal(self.hr, given[1]),
                f"{name} changes an image in place in {work}; work on a copy.",
            )
            self.found.expect(
                all(torch.equal(value, state[key]) for key, value in self.network.module.state_dict().items()),
                f"{name} changes its weights or buffers in {work}; the next image would be drawn by others.",
            )
        return made

    def objective(self, generator: torch.Generator) -> Tensor:
        """Compute the objective."""
        return self.network.objective(self.lr, self.hr, generator)


@dataclass(frozen=True, slots=True)
class _Drawn(_Watched):
    """A draw by one sampler."""

    sampler: Sampler
    scale: int
    steps: int

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw sr."""
        return self.network.draw(self.lr, self.scale, self.sampler.name, self.steps, generator)


def has_methods(network: Network, found: Violations) -> bool:
    """Check that the module has what draws and what trains; return whether it does."""
    name, module = network.spec.name, network.module
    missing = [method for method in ("sample", "objective") if not callable(getattr(module, method, None))]
    return found.expect(
        not missing,
        f"{name} declares samplers, and {type(module).__name__} has no method {' and no '.join(missing)}; see "
        "srbench.Sampler.",
    )


def check_sampled(trial: Trial, found: Violations) -> None:
    """Check draws by every sampler in one step and a few, the default draw, and the objective with its gradients."""
    spec, module = trial.network.spec, trial.network.module
    if not isinstance(trial.scale, int):
        return
    lr = trial.images
    hr = photograph(len(lr), spec.colours, *hr_size((lr.shape[-2], lr.shape[-1]), trial.scale), seed=1)
    changed = Network(spec, perturbed(module))  # as the zeros that many networks begin with hide what they get
    for sampler in spec.samplers:
        for steps in dict.fromkeys((1, min(sampler.steps[0], FEW_STEPS))):
            _check_draw(_Drawn(changed, lr, hr, found, sampler, trial.scale, steps))
    if not found:
        _check_forward(trial, found)
        _check_objective(_Watched(changed, lr, hr, found))
        _check_half(_Watched(trial.network, lr, hr, found))
    if spec.trainable and not found:
        check_gradients(trial, lambda network: _backward(network, lr, hr), found)


def perturbed(module: nn.Module) -> nn.Module:
    """Return a copy with other weights."""
    changed = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in changed.parameters():
            size = parameter.std() if parameter.numel() > 1 else parameter.new_tensor(0.0)
            parameter.add_(torch.randn_like(parameter) * (0.1 * size).clamp_min(0.01))
    return changed


def _check_draw(drawn: _Drawn) -> None:
    name, found = drawn.network.spec.name, drawn.found
    how = f"{drawn.sampler.name}-{drawn.steps}"
    act = f"drawing from {name} by {how}"
    first, again, other = (drawn.keeps(act, "sample", seed) for seed in (0, 0, 1))
    if found or first is None or again is None or other is None:
        return
    found.expect(
        first.isfinite().all() and first.dtype == torch.float32,
        f"{name} draws {first.dtype} by {how}, or NaN or infinity, with fresh weights; draw finite float32 numbers.",
    )
    found.expect(
        torch.equal(first, again),
        f"{name} draws two sr by {how} from one seed; take every random number from the generator it is given.",
    )
    found.expect(
        not torch.equal(first, other),
        f"{name} draws the same sr by {how} from two seeds; a sampler draws from a distribution.",
    )


def _check_forward(trial: Trial, found: Violations) -> None:
    spec = trial.network.spec
    network, sampler = Network(spec, trial.network.module), spec.samplers[0]
    if sampler.steps[0] > MOST_STEPS or not isinstance(trial.scale, int):
        return
    with found.during(f"evaluating {trial.name}"), torch.no_grad():
        drawn = network.draw(trial.one, trial.scale, sampler.name, sampler.steps[0], torch.Generator().manual_seed(0))
        found.expect(
            torch.equal(network(trial.one, trial.scale), drawn),
            f"forward of {trial.name} is not a draw by {sampler.name} in {sampler.steps[0]} steps from seed 0; let it "
            "call sample so.",
        )


def _check_objective(watched: _Watched) -> None:
    name, found = watched.network.spec.name, watched.found
    first, again, other = (watched.keeps(f"computing the objective of {name}", "objective", seed) for seed in (0, 0, 1))
    if found or first is None or again is None or other is None:
        return
    found.expect(first.isfinite(), f"The objective of {name} is {first.item()} with fresh weights.")
    found.expect(
        torch.equal(first, again),
        f"The objective of {name} has two values from one seed; take every random number from the generator it gets.",
    )
    found.expect(
        not torch.equal(first, other),
        f"The objective of {name} does not depend on its generator; draw noise and moments from it.",
    )


def _check_half(watched: _Watched) -> None:
    """Check the half precisions that the spec claims by the objective, which is what trains in them."""
    spec, found = watched.network.spec, watched.found
    unknown = spec.half_precision - HALF_TYPES.keys()
    found.expect(not unknown, f"{spec.name} claims the half precisions {sorted(unknown)}; there are bf16 and fp16.")
    for precision in sorted(spec.half_precision & HALF_TYPES.keys()):
        with found.during(f"computing the objective of {spec.name} in {precision}"), torch.no_grad():
            wanted = watched.objective(torch.Generator().manual_seed(0)).item()
            with torch.autocast("cpu", dtype=HALF_TYPES[precision]):
                own = watched.objective(torch.Generator().manual_seed(0)).item()
            error = abs(own - wanted) / max(abs(wanted), 1e-12)
            found.expect(
                error <= HALF_TOLERANCE[precision],  # NaN is not
                f"The objective of {spec.name} in {precision} is off by {error:.1%} (at most "
                f"{HALF_TOLERANCE[precision]:.0%}); fix it, or leave {precision} out of half_precision.",
            )


def _backward(network: Network, lr: Tensor, hr: Tensor) -> None:
    """Add the gradients of some objectives."""
    for seed in range(OBJECTIVES):
        torch.autograd.backward(network.objective(lr, hr, torch.Generator().manual_seed(seed)))
