"""The specs of one kind by name, and those that its families make on demand."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, TypeVar, cast

from srbench.catalog.plugin import Family, Plugin
from srbench.errors import PluginError, SrbenchError, UnknownNameError, reason_of
from srbench.naming import SpecMap
from srbench.parameters import parameters_text, read_parameters

T = TypeVar("T")


class _Named(SpecMap[T]):
    """Specs that are chosen by their names."""

    @abstractmethod
    def _unknown(self, name: str) -> UnknownNameError:
        """Return the error for a name that nothing provides."""

    def matching(self, patterns: Iterable[str]) -> list[str]:
        """Return names by wildcards such as "edsr*", each once; a pattern without wildcards is a name.

        Raises:
            UnknownNameError: Nothing matches one of the patterns.
        """
        found: dict[str, None] = {}
        for pattern in patterns:
            wild = any(mark in pattern for mark in "*?[")
            names = [name for name in self if fnmatchcase(name, pattern)] if wild else [pattern]
            if not names:
                raise self._unknown(pattern)
            self.require(names)
            found.update(dict.fromkeys(names))
        return list(found)

    def require(self, names: Iterable[str]) -> None:
        """Refuse names that nothing provides, before anything depends on them.

        Raises:
            UnknownNameError: Nothing provides one of them; the nearest name that something provides.
        """
        for name in names:
            self[name]


class Shelf(_Named[T]):
    """The specs of one kind by name; the error for an unknown name gives the nearest known one."""

    def __init__(
        self,
        kind: str,
        plural: str,
        spec: type[T],
        provided: Mapping[str, tuple[Any, Plugin]],
        broken: Sequence[Plugin],
        others: Mapping[str, Shelf[Any]],
    ) -> None:
        self._kind, self._plural, self._spec, self._broken, self._others = kind, plural, spec, broken, others
        self._specs = {name: pair for name, pair in sorted(provided.items()) if not isinstance(pair[0], Family)}
        self._families = {name: pair for name, pair in sorted(provided.items()) if isinstance(pair[0], Family)}

    def __getitem__(self, name: str) -> T:
        if name in self._specs:
            spec: T = self._specs[name][0]
            return spec
        prefix, colon, argument = name.partition(":")
        if colon and prefix in self._families:
            return self._made(name, prefix, argument)
        raise self._unknown(name)

    def _unknown(self, name: str) -> UnknownNameError:
        hint = [f"`srbench list {self._plural}` shows all {len(self._specs)}.", *map(maybe_in, self._broken)]
        if others := [kind for kind, shelf in self._others.items() if kind != self._kind and name in shelf._specs]:
            hint.insert(0, f"There is a {others[0]} of this name.")
        return UnknownNameError.among(self._kind, name, self._specs, " ".join(hint), meant=self.is_an_example(name))

    def is_an_example(self, argument: str) -> str:
        """Return the example of a family that has ``argument``: "pyiqa:niqe" for "niqe"; empty if none has.

        What else families make is not tried: that imports large libraries.
        """
        examples = (family.example for family in self.families)
        return next((example for example in examples if example.partition(":")[2] == argument), "")

    def _made(self, name: str, prefix: str, argument: str) -> T:
        family, plugin = self._families[prefix]
        given = argument if family.takes is None else read_parameters(family.takes, argument, prefix)
        try:
            made = family.make(given, self, *(self._others[kind] for kind in family.needs))
        except SrbenchError:
            raise
        except Exception as error:
            raise PluginError(
                f"Plugin {plugin.name} could not make the {self._kind} {name!r}: {reason_of(error)}."
            ) from error
        if not isinstance(made, self._spec):
            raise PluginError(
                f"Plugin {plugin.name} made {type(made).__name__} for the {self._kind} {name!r}; "
                f"it must be {self._spec.__name__}."
            )
        if family.takes is not None:  # one name for one thing, however its parameters were written
            changed: T = replace(cast("Any", made), name=f"{prefix}:{parameters_text(given)}")
            return changed
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of this kind."""
        return tuple(family for family, _ in self._families.values())

    def family(self, name: str) -> Family:
        """Return a family by its prefix.

        Raises:
            UnknownNameError: There is none.
        """
        if name not in self._families:
            raise UnknownNameError.among(f"family of {self._plural}", name, self._families)
        return self._families[name][0]  # type: ignore[no-any-return]

    def offers(self, name: str) -> bool:
        """Whether there is a spec of this name, or a family that makes it."""
        prefix, colon, _ = name.partition(":")
        return name in self._specs or (colon == ":" and prefix in self._families)

    def provider(self, name: str) -> Plugin:
        """Return the plugin that provides ``name``, or the family that makes it."""
        for shelf, key in ((self._specs, name), (self._families, name.partition(":")[0])):
            if key in shelf:
                return shelf[key][1]
        raise self._unknown(name)

    def code_hash(self, name: str) -> str:
        """Return a hash for store keys that changes whenever the code that provides ``name`` does."""
        return self.provider(name).code_hash


class JoinedShelf(_Named[T]):
    """A view over the shelves of several kinds, whose names are all different."""

    def __init__(self, noun: str, *shelves: Shelf[Any]) -> None:
        self._noun, self._shelves = noun, shelves

    def _holder(self, name: str) -> Shelf[T]:
        for shelf in self._shelves:
            if shelf.offers(name):
                return shelf
        raise self._unknown(name)

    def _unknown(self, name: str) -> UnknownNameError:
        meant = next(filter(None, (shelf.is_an_example(name) for shelf in self._shelves)), "")
        return UnknownNameError.among(self._noun, name, self, "`srbench list` shows every name.", meant=meant)

    def __getitem__(self, name: str) -> T:
        return self._holder(name)[name]

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self._shelves)

    def __len__(self) -> int:
        return sum(map(len, self._shelves))

    def offers(self, name: str) -> bool:
        """Whether one of the shelves has a spec of this name, or a family that makes it."""
        return any(shelf.offers(name) for shelf in self._shelves)

    def provider(self, name: str) -> Plugin:
        """Return the plugin that provides ``name``, or the family that makes it."""
        return self._holder(name).provider(name)

    def code_hash(self, name: str) -> str:
        """Return a hash for store keys that changes whenever the code that provides ``name`` does."""
        return self._holder(name).code_hash(name)


def maybe_in(plugin: Plugin) -> str:
    """Return the sentence that explains an unknown name by a broken plugin."""
    return f"It may be in a plugin that is broken: {plugin.error}"
