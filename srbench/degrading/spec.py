"""The specs of degradations, and of the steps that chains consist of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from srbench.errors import PluginError
from srbench.naming import Paper, check_name
from srbench.parameters import parameters_of
from srbench.scales import Scale

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from srbench.degrading.chain import Chain
    from srbench.degrading.steps import Step


RESERVED = frozenset({"step", "probability", "weight"})
"""Keys of a step's table in a file that are not its parameters."""


def _not_given(hr: Tensor, scale: Scale, generator: Generator) -> Tensor:  # noqa: ARG001 - the default of `apply`
    raise PluginError("This degradation makes no lr, since its lr comes with datasets; measure it on those.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationSpec:
    """A function that makes lr from hr."""

    name: str
    apply: Callable[[Tensor, Any, Generator], Tensor] = _not_given
    """``apply(hr, scale, generator)``: hr (N, C, H, W) in [0, 1] to lr (N, C, h, w) in [0, 1], where H = scale*h and
    W = scale*w; `srbench.lr_size` gives h and w also at real scales. All randomness comes from the generator. srbench
    rounds lr to 8 bits afterwards."""
    chain: Chain | None = None
    """Instead of ``apply``: the steps. srbench stores what a chain draws for an image, so that it can make the same lr
    again."""
    provided: bool = False
    """Instead of both: lr is not made but comes with the dataset, as with real cameras."""
    unrounded: Callable[[Tensor, Any, Generator], Tensor] | None = None
    """``apply`` without any 8-bit arithmetic, in hr's dtype, for protocols that keep lr unrounded. None for chains, and
    if ``apply`` itself does not round."""
    stochastic: bool
    """True if two generators give two results. Then training degrades each patch again, and measuring draws one or
    several frozen realisations per image; otherwise whole images are degraded once and cached."""
    realisations: int = 1
    """Number of frozen realisations of each image that are measured, unless a suite says otherwise; more than one if
    the published score is the mean over several kernels."""
    setting: str = ""
    """Its group in tables of training against test degradations: the ranges for training and the list of kernels for
    testing share one, and are then in-domain for each other. Default: the name."""
    describe: Callable[[Mapping[str, Any]], Mapping[str, float]] | None = None
    """``describe(drawn)``: what was done to an image, as named numbers, for networks that take them beside lr and for
    plots of representations; ``drawn`` is what the chain drew, {} without a chain. A name means the same in every
    degradation: ``blur_xx``, ``blur_xy`` and ``blur_yy`` are the covariance of the blur in px² of hr, ``noise`` is the
    standard deviation of noise in 8-bit levels."""
    kernel: Callable[[Mapping[str, Any], int], Tensor] | None = None
    """``kernel(drawn, scale)`` for a degradation with ``apply`` that blurs and then drops pixels; see
    `srbench.degrading.kernels.kernel_of`, which reads it from the steps of a chain."""
    scales: frozenset[Scale] | None = None
    """None: every whole scale."""
    any_scale: bool = False
    """True: every scale, also real ones, with one factor or two. A chain then sizes its result by `Size.lr`."""
    version: str = "1"
    """Raised whenever the same draws give another lr."""
    label: str = ""
    paper: Paper | None = None
    extra_hash: str = ""
    """A hash of everything else that decides its output, such as a file that it reads."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("degradation", self.name)
        apply_given = self.apply is not _not_given and self.apply is not self.chain  # as after `dataclasses.replace`
        if [self.chain is not None, apply_given, self.provided].count(True) != 1:
            raise PluginError(
                f"Degradation {self.name!r} must have exactly one of apply, chain and provided; give one of them."
            )
        if self.chain is not None:
            object.__setattr__(self, "apply", self.chain)
        if self.realisations < 1 or (self.realisations > 1 and not self.stochastic):
            raise PluginError(
                f"Degradation {self.name!r} declares {self.realisations} realisations; give at least 1, and exactly 1 "
                "if it is deterministic."
            )

        if self.any_scale and self.scales is not None:
            raise PluginError(
                f"Degradation {self.name!r} declares scales and any_scale, which contradict each other; keep one."
            )

    @property
    def title(self) -> str:
        """The label for tables."""
        return self.label or self.name

    def has_scale(self, scale: Scale) -> bool:
        """Return True if it can reduce by ``scale``."""
        return self.any_scale or (isinstance(scale, int) if self.scales is None else scale in self.scales)

    @property
    def scales_title(self) -> str:
        """Its scales in messages."""
        if self.any_scale:
            return "every one"
        return "whole ones only" if self.scales is None else ", ".join(map(str, sorted(self.scales)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """One operation of a chain."""

    name: str
    build: Callable[..., Step]
    """``build(**parameters)`` gives the step; usually a frozen dataclass, whose typed fields are the parameters."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit or meaning of each parameter: "px", "degrees", "8-bit levels", "quality from 0 to 100", "probability"."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """Values for parameters without a default, with which its contract is checked."""
    label: str = ""
    paper: Paper | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("step", self.name)
        names = [name for name, _, _ in self.parameters]
        if taken := RESERVED & {*names}:
            raise PluginError(
                f"Step {self.name!r} has a parameter called {min(taken)!r}, which is reserved in files of chains; "
                "rename it."
            )
        if unknown := (self.units.keys() | self.example.keys()) - {*names}:
            raise PluginError(
                f"Step {self.name!r} describes the parameter {min(unknown)!r}, which its build does not take; it takes "
                f"{', '.join(names) or 'none'}."
            )

    @property
    def parameters(self) -> tuple[tuple[str, Any, Any], ...]:
        """Name, type and default of each; `inspect.Parameter.empty` if it has no default."""
        return tuple((p.name, p.annotation, p.default) for p in parameters_of(self.build))

    @property
    def title(self) -> str:
        """The label for tables."""
        return self.label or self.name
