"""What a plugin declares of a degradation, and of a step that degradations are chained from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, get_type_hints

from srbench.errors import PluginError
from srbench.naming import Paper, Scale, check_name

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from srbench.degrading.chain import Chain
    from srbench.degrading.steps import Step


RESERVED = frozenset({"step", "probability", "weight"})
"""Keys of a step's table in a file that are no parameters of it."""


def _not_given(hr: Tensor, scale: Scale, generator: Generator) -> Tensor:  # noqa: ARG001 - stands for what is absent
    raise PluginError("Nothing makes the lr of a degradation whose lr comes with its datasets; measure it on these.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationSpec:
    """A function that makes lr from hr."""

    name: str
    apply: Callable[[Tensor, Scale, Generator], Tensor] = _not_given
    """``apply(hr, scale, generator)``: hr (N, C, scale*h, scale*w) in [0, 1] to lr (N, C, h, w) in [0, 1]. All
    randomness comes from the generator. srbench rounds lr to 8 bits afterwards."""
    chain: Chain | None = None
    """Instead of ``apply``: steps that do it. What a chain draws for an image is written down, so that lr can be made
    again from it."""
    provided: bool = False
    """Instead of both: lr is not made at all but comes with the dataset, as that of real cameras does."""
    unrounded: Callable[[Tensor, Scale, Generator], Tensor] | None = None
    """The same without any 8-bit arithmetic, in hr's dtype, for protocols that keep lr unrounded. None where ``apply``
    rounds nothing itself, and for chains."""
    stochastic: bool
    """True if two generators give two results. Then training degrades each patch anew, and measuring draws one
    frozen realisation per image, or several; otherwise whole images are degraded once and cached."""
    realisations: int = 1
    """How many frozen realisations of each image are measured where a suite does not say; more than one where the
    published score is the mean over several kernels."""
    setting: str = ""
    """What it stands for in tables of training against test degradations: the ranges that networks are trained on and
    the list of kernels that they are tested on share one, and are no strangers to one another. The name if empty."""
    describe: Callable[[Mapping[str, Any]], Mapping[str, float]] | None = None
    """``describe(drawn)``: what was done to an image in a few named numbers, for networks that get them beside lr and
    for pictures of what others make of it; ``drawn`` is what the chain drew, {} without a chain. A name means the same
    in every degradation: ``blur_xx``, ``blur_xy`` and ``blur_yy`` are the covariance of the blur in px² of hr,
    ``noise`` is the standard deviation of noise in 8-bit levels."""
    scales: frozenset[Scale] | None = None
    """None: every scale."""
    version: str = "1"
    """Raised whenever the same draws give another lr."""
    label: str = ""
    paper: Paper | None = None
    extra_hash: str = ""
    """Whatever else decides its output: the hash of a file that it reads."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("degradation", self.name)
        apply_given = self.apply is not _not_given and self.apply is not self.chain  # which it is in a `replace`
        if [self.chain is not None, apply_given, self.provided].count(True) != 1:
            raise PluginError(
                f"Degradation {self.name!r} must have one of apply, chain and provided; give one of them."
            )
        if self.chain is not None:
            object.__setattr__(self, "apply", self.chain)
        if self.realisations < 1 or (self.realisations > 1 and not self.stochastic):
            raise PluginError(
                f"Degradation {self.name!r} declares {self.realisations} realisations; one is drawn at least, and a "
                "deterministic degradation has no other."
            )

    @property
    def title(self) -> str:
        """The label for tables."""
        return self.label or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """One operation that degradations are chained from."""

    name: str
    build: Callable[..., Step]
    """``build(**parameters)`` gives the step; usually a frozen dataclass, whose typed fields are the parameters."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit or meaning of each parameter: "px", "degrees", "8-bit levels", "quality from 0 to 100", "probability"."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """Values for parameters that have no default, which its contract is tried with."""
    label: str = ""
    paper: Paper | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("step", self.name)
        names = [name for name, _, _ in self.parameters]
        if taken := RESERVED & {*names}:
            raise PluginError(
                f"Step {self.name!r} has a parameter called {min(taken)!r}, which means something else in a chain's "
                "file; rename it."
            )
        if unknown := (self.units.keys() | self.example.keys()) - {*names}:
            raise PluginError(
                f"Step {self.name!r} describes the parameter {min(unknown)!r}, which its build does not take; it takes "
                f"{', '.join(names) or 'none'}."
            )

    @property
    def parameters(self) -> tuple[tuple[str, Any, Any], ...]:
        """Name, type and default of each; `inspect.Parameter.empty` where there is no default."""
        return tuple((p.name, p.annotation, p.default) for p in parameters_of(self.build))

    @property
    def title(self) -> str:
        """The label for tables."""
        return self.label or self.name


def parameters_of(build: Callable[..., object]) -> Sequence[inspect.Parameter]:
    """Return the parameters of a function or class, with evaluated annotations.

    `inspect.signature` would evaluate the fields that a dataclass inherits in the module of the heir, where their types
    need not be known.
    """
    function = build.func if isinstance(build, partial) else build
    plain_class = isinstance(function, type) and not is_dataclass(function)
    hints = get_type_hints(function.__init__ if plain_class else function, include_extras=True)
    found = inspect.signature(build).parameters.values()
    return [parameter.replace(annotation=hints.get(parameter.name, parameter.empty)) for parameter in found]
