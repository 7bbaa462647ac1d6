"""The contract of an architecture that is fitted to each image by itself, instead of that of other networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srbench.networks.applied import Fitted
from srbench.networks.network import Network
from srbench.networks.per_image import FittedToEachImage
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import Scale, hr_size
from srbench.testing.contract import Violations, photograph

CHECKED = (
    "short fits at every scale, with sr of the right size, that the generator alone decides, that end when asked, take "
    "a kernel and leave lr, weights and torch's global generator as they were, and one evaluation without a fit"
)

STEPS = 2
"""Steps of a fit here, which must take seconds."""
SIZES = ((1, 1), (5, 7))


@dataclass(frozen=True, slots=True)
class _Trial:
    """A network that is to be fitted, and where its violations go."""

    spec: ArchitectureSpec
    module: nn.Module
    method: Callable[..., object]
    """Its ``fit``."""
    scale: Scale
    found: Violations

    def image(self, size: tuple[int, int]) -> Tensor:
        """Make lr in the module's units."""
        return Network(self.spec, self.module).normalised(photograph(1, self.spec.colours, *size))

    def fit(
        self,
        lr: Tensor,
        *,
        steps: int = STEPS,
        kernel: Tensor | None = None,
        go_on: Callable[[], bool] = lambda: True,
    ) -> Fitted | None:
        """Fit from seed 0, and check what was returned; None if it cannot be used."""
        name, generator = self.spec.name, torch.Generator().manual_seed(0)
        fitted = self.method(lr, steps=steps, generator=generator, kernel=kernel, go_on=go_on)
        if not isinstance(fitted, Fitted):
            self.found.append(
                f"fit of {name} gave {type(fitted).__name__}; it must give srbench.Fitted(sr, steps, losses)."
            )
            return None
        sr, wanted = fitted.sr, (1, self.spec.colours, *hr_size((lr.shape[2], lr.shape[3]), self.scale))
        self.found.expect(
            tuple(sr.shape) == wanted and sr.dtype == torch.float32 and not sr.requires_grad and sr.isfinite().all(),
            f"fit of {name} at x{self.scale} gave sr {tuple(sr.shape)} {sr.dtype} for float32 lr {tuple(lr.shape)}; it "
            f"must give finite float32 numbers {wanted} without gradients.",
        )
        self.found.expect(fitted.steps <= steps, f"fit of {name} took {fitted.steps} steps and was allowed {steps}.")
        self.found.expect(
            isinstance(fitted.losses, tuple) and all(isinstance(loss, float) for loss in fitted.losses),
            f"fit of {name} gave losses that are not a tuple of numbers.",
        )
        return fitted


def check_fitted(spec: ArchitectureSpec, found: Violations) -> None:
    """Check short fits: the size of sr at every scale, a kernel, steps, when it asks to go on, and side effects."""
    for scale in sorted(spec.scales):
        with found.during(f"building {spec.name} at x{scale}"):
            module = spec.network(scale)
            method = getattr(module, "fit", None)
            if method is None:
                found.append(
                    f"build({scale}) of {spec.name} gave {type(module).__name__} without a method fit, which a network "
                    "that is fitted to each image needs."
                )
                return
            trial = _Trial(spec, module, method, scale, found)
            for size in SIZES:
                with found.during(f"fitting {spec.name} at x{scale} to lr of {size[0]}x{size[1]}"):
                    trial.fit(trial.image(size))
            if scale == min(spec.scales) and not found:
                _check_repeatable(trial)
                _check_budget_and_kernel(trial)


def _check_repeatable(trial: _Trial) -> None:
    name, found, lr = trial.spec.name, trial.found, trial.image(SIZES[-1])
    given, state = lr.clone(), {key: value.clone() for key, value in trial.module.state_dict().items()}
    with found.during(f"fitting {name} twice from one seed"):
        random_state = torch.get_rng_state()
        first = trial.fit(lr)
        found.expect(
            torch.equal(torch.get_rng_state(), random_state),
            f"fit of {name} draws from torch's global generator; take every random number from the one it is given.",
        )
        found.expect(torch.equal(lr, given), f"fit of {name} changes lr in place; work on a copy.")
        found.expect(
            all(torch.equal(value, state[key]) for key, value in trial.module.state_dict().items()),
            f"fit of {name} changes the weights of its module, with which the next image would start; fit a copy.",
        )
        again = trial.fit(lr)
        found.expect(
            first and again and torch.equal(first.sr, again.sr),
            f"fit of {name} gives two results from one seed; take every random number from the generator it is given.",
        )


def _check_budget_and_kernel(trial: _Trial) -> None:
    name, found, lr = trial.spec.name, trial.found, trial.image(SIZES[-1])
    answers = iter((True,))
    with found.during(f"fitting {name} within a budget"):
        fitted = trial.fit(lr, steps=5, go_on=lambda: next(answers, False))
        found.expect(
            fitted and fitted.steps == 1,
            f"fit of {name} did not end after the one step for which go_on() was True; ask it before every step.",
        )
    if isinstance(trial.module, FittedToEachImage):
        with found.during(f"evaluating {name} once, without a fit"), torch.no_grad():
            shape = tuple(trial.module.once(lr).shape)
            wanted = (1, trial.spec.colours, *hr_size((lr.shape[2], lr.shape[3]), trial.scale))
            found.expect(shape == wanted, f"once of {name} gave {shape} for lr {(*lr.shape,)}; it must give {wanted}.")
    with found.during(f"fitting {name} with a kernel"):
        trial.fit(lr, kernel=torch.full((3, 3), 1 / 9))
