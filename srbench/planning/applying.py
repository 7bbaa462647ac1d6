"""How a grid applies its networks: once, by each of its samplers, or by fitting them to every image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from srbench.deploying.backend import EAGER
from srbench.errors import ConfigError, UsageError
from srbench.measuring.protocol import Inference
from srbench.networks.applied import FitBudget, Sampling
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.axes import Axes


def ways_of(axes: Axes, spec: ArchitectureSpec) -> tuple[Inference, ...]:
    """Return the ways in which a grid applies an architecture, each of which is measured.

    Raises:
        ConfigError: The grid wants of a network that is sampled or fitted what such a network cannot do, or names a
            sampler that it lacks.
    """
    grid = axes.grid
    if not spec.samplers and spec.fitting is None:
        return tuple(replace(inference_of(axes), backend=backend) for backend in axes.backends)
    _refuse_unfit(axes, spec)
    try:
        if spec.fitting:
            return (Inference(fitting=fit_budget(spec, grid.fit_steps, grid.fit_seconds, grid.sample_seed)),)
        names = grid.samplers or ("",)
        return tuple(Inference(sampling=chosen_sampling(spec, name, grid.samples, grid.sample_seed)) for name in names)
    except UsageError as error:
        raise ConfigError(f"{axes.where}: {error}") from None


def inference_of(axes: Axes, resize: int = 0) -> Inference:
    """Return how a grid applies networks that one evaluation applies, without a backend; see `Inference.resize`."""
    grid = axes.grid
    return Inference(
        tile=grid.tile, overlap=grid.overlap, self_ensemble=grid.self_ensemble, chop=grid.chop, resize=resize,
        precision="fp32" if axes.task.has_backends else grid.precision,
    )  # fmt: skip


def chosen_sampling(spec: ArchitectureSpec, choice: str = "", samples: int = 1, seed: int = 0) -> Sampling:
    """Return how sr is drawn from a network; a sampler without a choice is its first, with its usual steps.

    Args:
        spec: The network, which has samplers.
        choice: A sampler and its steps: "ddim-20".
        samples: Sr to draw for every image.
        seed: Of the draws.

    Raises:
        UsageError: It has no such sampler, or that takes fewer steps.
    """
    chosen = Sampling.named(choice or spec.sampler_choices[0], samples=samples, seed=seed)
    known = {sampler.name: sampler for sampler in spec.samplers}
    if chosen.sampler not in known:
        own = ", ".join(spec.sampler_choices)
        raise UsageError(f"{spec.name} has no sampler {chosen.sampler!r}; choose one of its own, such as {own}.")
    if chosen.steps > (most := known[chosen.sampler].most):
        raise UsageError(
            f"The sampler {chosen.sampler} of {spec.name} takes 1 to {most} steps, not {chosen.steps}; write "
            f"{chosen.sampler}-{most} or fewer."
        )
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a person chose of how one sr is drawn or a network fitted; what is absent is usual."""

    sampler: str = ""
    """A sampler and its steps: "ddim-20"."""
    seed: int | None = None
    fit_steps: int | None = None
    fit_seconds: float | None = None

    def applied(self, spec: ArchitectureSpec, inference: Inference) -> Inference:
        """Return ``inference`` with what was chosen for a network that samples or is fitted, and as it is for others.

        Raises:
            UsageError: The network has nothing of what was chosen, or cannot be applied as ``inference`` says.
        """
        chosen = {"a sampler": self.sampler, "steps or seconds of a fit": self.fit_steps or self.fit_seconds}
        known = {"a sampler": spec.samplers, "steps or seconds of a fit": spec.fitting}
        for what, given in chosen.items():
            if given and not known[what]:
                own = way_of(spec) or "makes its sr at once"
                raise UsageError(f"{spec.name} {own} and takes no {what.removeprefix('a ')}; leave {what} out.")
        if not way_of(spec):
            if self.seed is not None:
                raise UsageError(f"{spec.name} draws nothing at random, so it takes no seed; leave it out.")
            return inference
        if inference.self_ensemble or inference.precision != "fp32":
            raise UsageError(
                f"{spec.name} {way_of(spec)}, which is done for one view of an image in fp32; leave out the "
                f"{'self-ensemble' if inference.self_ensemble else 'precision'}."
            )
        if spec.samplers:
            return replace(inference, sampling=chosen_sampling(spec, self.sampler, seed=self.seed or 0))
        budget = fit_budget(spec, self.fit_steps, self.fit_seconds or 0.0, self.seed or 0)
        return replace(inference, fitting=budget)


def fit_budget(spec: ArchitectureSpec, steps: int | None = None, seconds: float = 0.0, seed: int = 0) -> FitBudget:
    """Return how a network is fitted to every image: with its paper's steps, unless others are given."""
    if spec.fitting is None:
        raise UsageError(f"{spec.name} is not fitted to images; leave out the steps and seconds of a fit.")
    return FitBudget(steps=steps or spec.fitting.steps, seconds=seconds, seed=seed)


def way_of(spec: ArchitectureSpec) -> str:
    """Return how sr is made if a network is not applied once: "draws its sr", "is fitted to every image"; else ""."""
    return "draws its sr at random" if spec.samplers else "is fitted to every image" if spec.fitting else ""


def _refuse_unfit(axes: Axes, spec: ArchitectureSpec) -> None:
    grid = axes.grid
    foreign = [backend.name for backend in axes.backends if backend not in (None, EAGER)]
    unfit = {
        "tile": bool(grid.tile),
        "chop": grid.chop,
        "self_ensemble": grid.self_ensemble,
        f"the backend {foreign[0] if foreign else ''}": bool(foreign),
    }
    if wanted := next((key for key, given in unfit.items() if given), None):
        raise ConfigError(
            f"{axes.where}: {spec.name} {way_of(spec)}, which is done on whole images by PyTorch in fp32; leave out "
            f"{wanted}, or give other networks a separate grid."
        )
