"""A phase's optimisers: which parameter belongs to which, precision, clipping, and the proof that each one learns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from srbench.distilling.distiller import Distiller, Optimiser, Phase
from srbench.errors import TrainingError
from srbench.networks.map_parameters import map_parameters
from srbench.recipe import TrainingRecipe

if TYPE_CHECKING:
    from accelerate import Accelerator

Owned = Mapping[str, Mapping[str, nn.Parameter]]
"""Optimiser name to parameter name to parameter."""


def phase_lengths(phases: Sequence[Phase], steps: int) -> list[int]:
    """Divide the recipe's steps among phases in proportion to their shares; the parts add up to ``steps``.

    Raises:
        TrainingError: There is no phase, a share is not positive, or a phase would have no step.
    """
    shares = [phase.share for phase in phases]
    if not shares or min(shares) <= 0:
        raise TrainingError(f"The phases have the shares {shares}; at least one is needed, and all must be positive.")
    ends = [round(steps * sum(shares[: n + 1]) / sum(shares)) for n in range(len(shares))]
    lengths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    if min(lengths) < 1:
        empty = phases[lengths.index(0)].name
        raise TrainingError(f"{steps} steps leave none for phase {empty!r} of {len(phases)}; raise the recipe's steps.")
    return lengths


def owned_parameters(distiller: Distiller, phase: Phase) -> Owned:
    """Find what each optimiser of a phase trains, by names that people would look for.

    Where a phase names nothing, parameters that only the student's map of uncertainty needs stay as they are, since
    most methods compare sr alone.

    Raises:
        TrainingError: A parameter is in two optimisers, or an optimiser has nothing to train.
    """
    student = distiller.setup.student.module
    parts: Mapping[str, Sequence[nn.Module | nn.Parameter]] = (
        {"main": (student, distiller)} if phase.optimise is None else phase.optimise
    )
    left = set(map_parameters(distiller.setup.student, distiller.setup.scales) if phase.optimise is None else ())
    names = {p: f"distiller.{name}" for name, p in distiller.named_parameters(remove_duplicate=False)}
    names |= {p: f"student.{name}" for name, p in student.named_parameters()}
    owner: dict[nn.Parameter, str] = {}
    owned: dict[str, dict[str, nn.Parameter]] = {}
    for optimiser, members in parts.items():
        owned[optimiser] = {}
        for name, parameter in _parameters(members):
            if not parameter.requires_grad or parameter in left:
                continue
            called = names.get(parameter, name)
            if owner.setdefault(parameter, optimiser) != optimiser:
                raise TrainingError(
                    f"In phase {phase.name!r} the parameter {called} is in two optimisers, {owner[parameter]!r} and "
                    f"{optimiser!r}; a parameter belongs to exactly one."
                )
            owned[optimiser][called] = parameter
        if not owned[optimiser]:
            raise TrainingError(
                f"In phase {phase.name!r} the optimiser {optimiser!r} has no parameter to train; give it modules whose "
                "parameters require gradients."
            )
    return owned


def _parameters(members: Iterable[nn.Module | nn.Parameter]) -> Iterable[tuple[str, nn.Parameter]]:
    for number, member in enumerate(members):
        if isinstance(member, nn.Module):
            yield from ((f"{type(member).__name__}.{name}", p) for name, p in member.named_parameters())
        else:
            yield f"parameter {number} of shape {tuple(member.shape)}", member


def make_optimisers(
    owned: Owned,
    recipe: TrainingRecipe,
    accelerator: Accelerator,
    add_gradients: Callable[[Sequence[nn.Parameter]], None] = lambda _: None,
) -> dict[str, Optimiser]:
    """Make the recipe's optimiser for every name; fused kernels where the device has them.

    ``add_gradients`` is called with an optimiser's parameters before they are clipped and changed.
    """
    return {
        name: _optimiser(list(parameters.values()), recipe, accelerator, add_gradients)
        for name, parameters in owned.items()
    }


def _optimiser(
    parameters: list[nn.Parameter],
    recipe: TrainingRecipe,
    accelerator: Accelerator,
    add_gradients: Callable[[Sequence[nn.Parameter]], None],
) -> Optimiser:
    raw = _raw_optimiser(parameters, recipe)
    if accelerator.scaler is not None:  # only then does accelerate's wrapper do anything, and it costs time
        raw = cast("torch.optim.Optimizer", accelerator.prepare_optimizer(raw))
    filters = [p for p in parameters if p.ndim == 4]

    def step(optimiser: torch.optim.Optimizer) -> None:
        add_gradients(parameters)
        # Fused kernels walk through memory and do not look at strides. Autograd lays gradients out like their
        # parameters; a distiller that writes `parameter.grad` itself may not.
        for p in filters:
            if p.grad is not None and p.grad.stride() != p.stride():
                p.grad = torch.empty_like(p).copy_(p.grad)
        if recipe.clip is not None:
            accelerator.unscale_gradients(optimiser)
            nn.utils.clip_grad_norm_(parameters, recipe.clip)
        optimiser.step()

    return Optimiser(raw, accelerator.backward, step)


def _raw_optimiser(parameters: list[nn.Parameter], recipe: TrainingRecipe) -> torch.optim.Optimizer:
    # On two CPU cores fused Adam takes a fifth of the time of the plain one; on CUDA it is one kernel.
    fused = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=recipe.momentum, weight_decay=decay, fused=fused)
    kind = torch.optim.Adam if recipe.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, lr=rate, betas=recipe.betas, eps=recipe.epsilon, weight_decay=decay, fused=fused)


class GradientWatch:
    """Proves that every optimised parameter receives a gradient, and watches each until it did."""

    def __init__(self, owned: Owned, exempt: Iterable[str]) -> None:
        """Watch all parameters but those named in ``exempt``."""
        known = set(exempt)
        self._waiting: dict[str, tuple[nn.Parameter, RemovableHandle]] = {}
        self._seen: list[str] = []
        for parameters in owned.values():
            for name, parameter in parameters.items():
                if name not in known:
                    self._waiting[name] = parameter, self._hook(name, parameter)

    def _hook(self, name: str, parameter: nn.Parameter) -> RemovableHandle:
        def seen(_: Tensor) -> None:
            self._seen.append(name)

        handle: RemovableHandle = parameter.register_post_accumulate_grad_hook(seen)  # type: ignore[no-untyped-call]
        return handle

    def missing(self) -> list[str]:
        """List the parameters without a gradient so far; call it after every step."""
        if self._waiting:
            # A distiller may also write gradients itself, which no hook sees.
            self._seen += [name for name, (parameter, _) in self._waiting.items() if parameter.grad is not None]
            for name in self._seen:
                if name in self._waiting:
                    self._waiting.pop(name)[1].remove()
            self._seen.clear()
        return list(self._waiting)

    def close(self) -> None:
        """Remove the hooks."""
        for _, handle in self._waiting.values():
            handle.remove()
        self._waiting.clear()
