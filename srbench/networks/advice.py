"""Find the architecture that weights are for, if it is not the one that they were given to."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from types import ModuleType
from typing import NamedTuple

from torch import Tensor

from srbench.networks.shapes import Architectures, Shapes, scales_of, shapes_of, stored_shapes
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import Scale

_COMPARING_S = 0.3
"""Seconds of this process after which no further network is built for one comparison."""
_LIKELY = 0.5
"""The part of the names in a file that the code of a network mentions, if it is likely that they are its own."""
_ALMOST = 0.8
"""If this part of the weights fits an architecture at one scale, its other scales are tried next."""
_NAMES_IN_CODE = re.compile(r"""self\.(\w+) |["'](\w+)["']""")


class Candidate(NamedTuple):
    """The weights of an architecture at one scale."""

    name: str
    scale: Scale | None
    """None for one network with several scales."""
    shapes: Shapes

    @property
    def title(self) -> str:
        """The name with the scale."""
        return self.name if self.scale is None else f"{self.name} at x{self.scale}"

    def at_other_scales(self, known: Architectures) -> Iterator[Candidate]:
        """Yield the same architecture at its other scales."""
        for scale in scales_of(known[self.name]):
            if scale != self.scale:
                yield Candidate(self.name, scale, shapes_of(known, self.name, scale))


class _Nearness(NamedTuple):
    """How near weights are to those of an architecture; 1 means all of both."""

    shapes: float
    names: float
    at_own_scale: bool
    title: str
    first_difference: str

    @property
    def rank(self) -> tuple[float, float, bool]:
        return self.shapes if self.shapes >= 0.5 else 0.0, self.names, self.at_own_scale


def advice(state: Mapping[str, Tensor], own: Candidate, known: Architectures) -> str:
    """Say in a sentence which architecture weights are for.

    Args:
        state: The weights.
        own: The network to which they were given, and which they do not fit.
        known: The architectures, among which one that fits is looked for.
    """
    variants = [
        {key[len(prefix) :]: tuple(tensor.shape) for key, tensor in state.items() if key.startswith(prefix)}
        for prefix in _common_prefixes(state)
    ]

    def nearest_of(*ones: Candidate) -> _Nearness:
        near = (_nearness(variant, one, one.scale == own.scale) for one in ones for variant in variants)
        return max(near, key=lambda one: one.rank)  # the first of equals

    nearest, compared = nearest_of(own), {own.name}
    for candidate in candidates(known, own, state):
        near = nearest_of(candidate)
        if near.shapes >= _ALMOST and near.rank < (1, 1, True):
            near = nearest_of(candidate, *candidate.at_other_scales(known))
        compared.add(candidate.name)
        nearest = max(nearest, near, key=lambda one: one.rank)
        if nearest.shapes == 1:
            return f"These weights fit {nearest.title}; use that."
    if nearest.names >= 0.9 and nearest.first_difference and nearest.shapes < 0.9:
        return (
            f"These weights have the names of {nearest.title} in other sizes ({nearest.first_difference}); use the "
            "variant that was trained."
        )
    if nearest.shapes >= 0.5:
        return f"The nearest is {nearest.title}, where {nearest.shapes:.0%} of the keys fit; use weights that fit all."
    several = f"{len(compared)} of {len(list(known))} were compared, chosen by the names in their code"
    return f"No architecture was found that these weights fit ({several}); add their network as a plugin."


def fitting(state: Mapping[str, Tensor], known: Architectures, seconds: float = 3.0) -> list[Candidate]:
    """Return the architectures whose every weight is in a file with its shape, and that lack none of the file's.

    Args:
        state: The weights, whose keys may have a prefix.
        known: The architectures to compare with.
        seconds: Time of this process after which none is looked for beside those that were found.
    """
    variants = [
        {key[len(prefix) :]: tuple(tensor.shape) for key, tensor in state.items() if key.startswith(prefix)}
        for prefix in _common_prefixes(state)
    ]
    first = next(iter(known))
    scale = scales_of(known[first])[0]
    own = Candidate(first, scale, shapes_of(known, first, scale))
    found: list[Candidate] = []
    end = time.process_time() + seconds
    for one in candidates(known, own, state, inf):
        if one.shapes and dict(one.shapes) in variants:
            found.append(one)
        if found and time.process_time() > end:
            break
    return found


def candidates(
    known: Architectures, own: Candidate, keys: Collection[str], seconds: float | None = None
) -> Iterator[Candidate]:
    """Yield the network at hand, those in the cache, and the likeliest others, each built when it is asked for.

    Args:
        known: The architectures.
        own: The network at hand. Of those that are as likely, others of its module, name and scale go first.
        keys: The keys in a file. A network is likely if its code mentions most of their parts, or is in the same file
            as the one at hand.
        seconds: Time of this process after which none is built; ``_COMPARING_S`` if absent.
    """
    end = time.process_time() + (_COMPARING_S if seconds is None else seconds)
    yield own
    others = [(name, scale) for name in known for scale in scales_of(known[name]) if (name, scale) != own[:2]]
    home = _module_of(known[own.name])
    others.sort(key=lambda one: (_module_of(known[one[0]]) is not home, one[0] != own.name, one[1] != own.scale))
    absent: list[tuple[str, Scale | None]] = []
    for name, scale in others:
        if (shapes := stored_shapes(known, name, scale)) is None:
            absent.append((name, scale))
        else:
            yield Candidate(name, scale, shapes)
    likeliness = _likeliness(known, own.name, keys)
    # Of modules that mention the same part of the names, the one with the fewest others is the likeliest.
    for name, scale in sorted(absent, key=lambda one: (-likeliness[one[0]], len(_names_in(_module_of(known[one[0]]))))):
        if likeliness[name] < _LIKELY or time.process_time() > end:
            return
        yield Candidate(name, scale, shapes_of(known, name, scale))


def _likeliness(known: Architectures, own: str, keys: Collection[str]) -> dict[str, float]:
    """Return for every name which part of the names in a file its code mentions, without building anything."""
    parts = {part for key in keys for part in key.split(".")[:-1] if not part.isdecimal()}
    modules = {name: _module_of(known[name]) for name in known}
    mentioned = {module: len(parts & _names_in(module)) / max(len(parts), 1) for module in set(modules.values())}
    mentioned[modules[own]] = max(mentioned[modules[own]], _LIKELY)
    return {name: mentioned[module] for name, module in modules.items()}


def _module_of(spec: ArchitectureSpec) -> ModuleType | None:
    build = spec.build.func if isinstance(spec.build, partial) else spec.build
    return sys.modules.get(getattr(build, "__module__", ""))


@functools.cache
def _names_in(module: ModuleType | None) -> frozenset[str]:
    """Return the names of attributes and short texts in a module, and in those from which it imports classes."""
    origins = {getattr(value, "__module__", None) for value in vars(module).values()} if module else set()
    foreign = {"torch", "numpy", *sys.stdlib_module_names}
    homes = [
        sys.modules.get(name) for name in origins if isinstance(name, str) and name.partition(".")[0] not in foreign
    ]
    names: set[str] = set()
    for home in filter(None, [module, *homes]):
        with suppress(OSError, TypeError):  # without source
            names.update(name for pair in _NAMES_IN_CODE.findall(inspect.getsource(home)) for name in pair)
    return frozenset(names)


def _common_prefixes(state: Mapping[str, Tensor]) -> list[str]:
    """Return "" and the prefixes that a good part of the keys have."""
    parts = [key.split(".") for key in state]
    prefixes = Counter(".".join((*key[:depth], "")) for key in parts for depth in (1, 2) if len(key) > depth)
    return ["", *(prefix for prefix, count in prefixes.most_common(4) if count >= 0.4 * len(state))]


def _nearness(ours: Shapes, candidate: Candidate, at_own_scale: bool) -> _Nearness:
    theirs = candidate.shapes
    there = [key for key in theirs if key in ours]
    either = max(len(ours) + len(theirs) - len(there), 1)
    differing = [key for key in there if ours[key] != theirs[key]]
    first = f"{differing[0]}: {ours[differing[0]]} in the file, {theirs[differing[0]]} there" if differing else ""
    equal = len(there) - len(differing)
    shapes, names = equal / (either + len(differing)), len(there) / either
    return _Nearness(shapes, names, at_own_scale, candidate.title, first)
