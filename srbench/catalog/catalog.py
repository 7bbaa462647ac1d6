"""Everything the loaded plugins provide: immutable, built once a run, passed on explicitly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from srbench.catalog.discovery import discover
from srbench.catalog.hooks import HOOKS
from srbench.catalog.kinds import KINDS, ExecutorSpec, Family
from srbench.catalog.loading import Plugin
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.distilling.spec import DistillerSpec
from srbench.errors import PluginError, SrbenchError, UnknownNameError
from srbench.measuring.metrics.spec import MetricSpec
from srbench.naming import SpecMap
from srbench.networks.spec import ArchitectureSpec
from srbench.training.spec import LossSpec

T = TypeVar("T")
PLURALS = {kind: hook.removeprefix("register_") for kind, hook in HOOKS.items()}
"""Each kind's shelf in the `Catalog`, and its word on the command line."""


class Shelf(SpecMap[T]):
    """The specs of one kind by name. An unknown name is answered with the nearest right one."""

    def __init__(
        self,
        kind: str,
        specs: Mapping[str, tuple[Any, Plugin]],
        broken: Sequence[Plugin] = (),
        beside: Mapping[str, Shelf[Any]] = MappingProxyType({}),
    ) -> None:
        self._kind, self._broken, self._beside = kind, broken, beside
        self._specs = {name: pair for name, pair in sorted(specs.items()) if not isinstance(pair[0], Family)}
        self._families = {name: pair for name, pair in sorted(specs.items()) if isinstance(pair[0], Family)}

    def __getitem__(self, name: str) -> T:
        if name in self._specs:
            spec: T = self._specs[name][0]
            return spec
        prefix, colon, argument = name.partition(":")
        if colon and prefix in self._families:
            return self._made(name, prefix, argument)
        hint = f"`srbench list {PLURALS[self._kind]}` shows all {len(self._specs)}."
        for plugin in self._broken:
            hint += f" It may be in a plugin that is broken: {plugin.error}"
        raise UnknownNameError.among(self._kind, name, self._specs, hint)

    def _made(self, name: str, prefix: str, argument: str) -> T:
        family, plugin = self._families[prefix]
        try:
            made: T = family.make(argument, self, *(self._beside[kind] for kind in family.needs))
        except SrbenchError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise PluginError(f"Plugin {plugin.name} could not make the {self._kind} {name!r}: {text}.") from error
        if not isinstance(made, KINDS[self._kind]):
            wanted = KINDS[self._kind].__name__
            raise PluginError(
                f"Plugin {plugin.name} made {type(made).__name__} for the {self._kind} {name!r}; it must be {wanted}."
            )
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    @property
    def families(self) -> tuple[Family, ...]:
        """Those that make specs on demand."""
        return tuple(family for family, _ in self._families.values())

    def provider(self, name: str) -> Plugin:
        """The plugin that provides ``name``, or the family that makes it."""
        for shelf, key in ((self._specs, name), (self._families, name.partition(":")[0])):
            if key in shelf:
                return shelf[key][1]
        self[name]
        raise AssertionError(name)  # the look-up above has raised

    def code_hash(self, name: str) -> str:
        """What to put into a store key for ``name``: changes whenever the code that provides it does."""
        return self.provider(name).code_hash


@dataclass(frozen=True, slots=True)
class Catalog:
    """One read-only shelf for each kind."""

    architectures: Shelf[ArchitectureSpec]
    distillers: Shelf[DistillerSpec]
    degradations: Shelf[DegradationSpec]
    steps: Shelf[StepSpec]
    metrics: Shelf[MetricSpec]
    losses: Shelf[LossSpec]
    datasets: Shelf[DatasetSpec]
    executors: Shelf[ExecutorSpec]
    plugins: tuple[Plugin, ...] = field(default=())
    """Every plugin that was found, the broken ones too."""

    def shelf(self, kind: str) -> Shelf[Any]:
        """The shelf for one of `srbench.catalog.kinds.KINDS`."""
        shelf: Shelf[Any] = getattr(self, PLURALS[kind])
        return shelf

    @property
    def broken(self) -> tuple[Plugin, ...]:
        """Plugins that could not be used."""
        return tuple(p for p in self.plugins if p.error)


def load_catalog(files: Sequence[Path] = (), *, strict: bool = False) -> Catalog:
    """Discover plugins and shelve what they provide.

    Args:
        files: Single-file plugins besides those found by themselves.
        strict: Make a broken plugin fatal.

    Raises:
        PluginError: Two plugins provide one name, or ``strict`` and a plugin is broken.
    """
    return build_catalog(discover(files), strict=strict)


def build_catalog(plugins: Iterable[Plugin], *, strict: bool = False) -> Catalog:
    """Shelve what ``plugins`` provide; see `load_catalog`."""
    found = tuple(plugins)
    broken = [p for p in found if p.error]
    if strict and broken:
        raise PluginError(" ".join(str(p.error) for p in broken))
    shelves: dict[str, dict[str, tuple[Any, Plugin]]] = {kind: {} for kind in KINDS}
    for plugin in found:
        for kind, spec in plugin.specs:
            if spec.name in shelves[kind]:
                raise PluginError(_clash(kind, spec.name, plugin, shelves[kind][spec.name][1]))
            shelves[kind][spec.name] = (spec, plugin)
    beside: dict[str, Shelf[Any]] = {}
    beside |= {kind: Shelf(kind, specs, broken, beside) for kind, specs in shelves.items()}
    return Catalog(**{PLURALS[kind]: shelf for kind, shelf in beside.items()}, plugins=found)


def _clash(kind: str, name: str, one: Plugin, other: Plugin) -> str:
    if one is other:
        return f"Plugin {one.place} provides the {kind} {name!r} twice; rename one of them."
    places = " and ".join(sorted((one.place, other.place)))
    return f"Two plugins provide the {kind} {name!r}: {places}; rename one or remove it."
