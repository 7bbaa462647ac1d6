"""Chains of steps in TOML files: the degradations called ``chain:FILE.toml``.

A file has a ``label``, a ``version`` and ``[[steps]]``. Each of these is a step by its name, with its parameters; or
several steps under `chain`, `one_of`, `shuffle` or `in_turn`; or a named degradation. All of them may have a
``probability``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args, get_origin

from pydantic import Field, model_validator

from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.errors import ConfigError, SrbenchError
from srbench.naming import SpecMap
from srbench.parameters import parameters_of
from srbench.scales import Scale, hr_size, parse_scale
from srbench.toml import Location, ScaleValue, Table, TomlFile, read_toml

if TYPE_CHECKING:
    from torch import Tensor

    from srbench.degrading.chain import Chain
    from srbench.degrading.draws import Random
    from srbench.degrading.steps import Drawn, Size, Step


TRIALS = 4096
"""Number of equal draws after which a chain counts as deterministic."""


class ChainFile(Table):
    """The top of a file; the keys of each step depend on the step."""

    label: str = ""
    version: str = "1"
    notes: str = ""
    scales: Annotated[tuple[ScaleValue, ...], Field(min_length=1)] | None = None
    """Every whole scale if absent."""
    any_scale: bool = False
    """Instead: every scale, also real ones, so that the last resize takes its size from lr's."""
    realisations: int = Field(default=1, ge=1, le=1000)
    """Number of frozen realisations that are measured, unless a suite says otherwise."""
    steps: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_some_scales_or_all(self) -> Self:
        if self.scales and self.any_scale:
            raise ValueError("scales and any_scale contradict each other; drop one of them")
        return self


@dataclass(frozen=True)
class Degraded:
    """A degradation without a chain, as a step from hr's size to lr's."""

    spec: DegradationSpec

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the seed of its generator."""
        return {"seed": random.seed()} if self.spec.stochastic else {}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Degrade the batch at once, or each image separately with its seed."""
        import torch

        if not self.spec.stochastic:
            return self.spec.apply(images, size.scale, torch.Generator())
        return torch.cat(
            [
                self.spec.apply(image[None], size.scale, torch.Generator().manual_seed(one["seed"]))
                for image, one in zip(images, drawn, strict=True)
            ]
        )


def read_chain(argument: str, degradations: SpecMap[DegradationSpec], steps: SpecMap[StepSpec]) -> DegradationSpec:
    """Read a chain from a TOML file.

    Args:
        argument: Path of the file, as written after ``chain:``.
        degradations: The degradations that its steps may name.
        steps: The steps that it may name.

    Returns:
        The degradation ``chain:argument``; its `extra_hash` covers the file and the code of everything it names.

    Raises:
        ConfigError: The file cannot be understood; says where, and what was expected.
        UnknownNameError: It contains an unknown name.
    """
    from srbench.degrading.chain import Chain

    path = Path(argument)
    with _once(path):
        file = read_toml(path)
        table = file.table(ChainFile)
        reading = _Reading(file, degradations, steps)
        chain = Chain(reading.several(table.steps, ("steps",)))
    scale = min(table.scales or (2,))
    for tried in (scale, parse_scale("3.7x1.5")) if table.any_scale else (scale,):
        _try(path, chain, tried)
    return DegradationSpec(
        name=f"chain:{argument}",
        label=table.label or path.stem,
        chain=chain,
        stochastic=_is_random(chain, scale),
        realisations=table.realisations,
        scales=frozenset(table.scales) if table.scales else None,
        any_scale=table.any_scale,
        version=table.version,
        notes=table.notes,
        extra_hash=hashlib.sha256(b"\n".join([path.read_bytes(), *reading.codes])).hexdigest(),
    )


class _Reading:
    """One file being read."""

    def __init__(self, file: TomlFile, degradations: SpecMap[DegradationSpec], steps: SpecMap[StepSpec]) -> None:
        self._file, self._degradations, self._steps = file, degradations, steps
        self.codes: list[bytes] = []
        """Hashes of the code behind the names in the file."""

    def several(self, tables: object, at: Location) -> list[Step]:
        if not isinstance(tables, tuple) or not tables or not all(isinstance(table, dict) for table in tables):
            raise self._file.unfit(tables, 'expected an array of tables, such as [{ step = "quantise" }]', at)
        return [self._one(dict(table), (*at, number)) for number, table in enumerate(tables)]

    def _one(self, table: dict[str, Any], at: Location) -> Step:
        from srbench.degrading.chain import Chain
        from srbench.degrading.choosing import InTurn, OneOf, Shuffled, Sometimes

        kinds: dict[str, Callable[..., Step]] = {
            "chain": Chain, "one_of": OneOf, "shuffle": Shuffled, "in_turn": InTurn,
        }  # fmt: skip
        words = [word for word in ("step", "degradation", *kinds) if word in table]
        if len(words) != 1:
            has = f"it has {' and '.join(words)}" if words else "it has none"
            raise self._file.fault(f"expected one of step, degradation, {', '.join(kinds)}; {has}.", at)
        (word,) = words
        inner, probability = table.pop(word), table.pop("probability", None)
        per = {"per": table.pop("per")} if word == "chain" and probability is not None and "per" in table else {}
        step: Step
        if word == "step":
            step = self._step(inner, table, at)
        elif word == "degradation":
            step = self._degradation(inner, table, at)
        else:
            if word == "one_of" and isinstance(inner, tuple):
                inner, table["weights"] = _weighed(inner)
            made = self.several(inner, (*at, word))
            step = self._built(partial(kinds[word], made), word, table, at)
        if probability is None:
            return step
        steps = step.steps if isinstance(step, Chain) and word == "chain" else [step]
        return self._built(partial(Sometimes, steps), "probability", {"probability": probability, **per}, at)

    def _step(self, name: object, parameters: dict[str, Any], at: Location) -> Step:
        if not isinstance(name, str):
            raise self._file.unfit(name, "expected the name of a step", (*at, "step"))
        with self._located((*at, "step")):
            spec = self._steps[name]
        self.codes.append(self._steps.code_hash(name).encode())
        return self._built(spec.build, name, parameters, at)

    def _degradation(self, name: object, left: Mapping[str, Any], at: Location) -> Step:
        if left:
            raise self._file.fault(f"a named degradation takes no {min(left)}; remove it.", (*at, min(left)))
        if not isinstance(name, str):
            raise self._file.unfit(name, "expected the name of a degradation", (*at, "degradation"))
        prefix, _, file = name.partition(":")
        beside = self._file.path.parent / file
        if prefix == "chain" and not Path(file).is_file() and beside.is_file():
            name = f"chain:{beside}"
        with self._located((*at, "degradation")):
            spec = self._degradations[name]
        self.codes.append((self._degradations.code_hash(name) + spec.extra_hash).encode())
        return spec.chain or Degraded(spec)

    def _built(self, build: Callable[..., Step], name: str, parameters: dict[str, Any], at: Location) -> Step:
        """Call ``build`` after checking the type of every parameter."""
        known = {p.name: p for p in parameters_of(build) if p.name != "steps"}
        for key, value in parameters.items():
            if key not in known:
                takes = ", ".join(known) or "none"
                raise self._file.fault(f"{name} has no parameter {key!r}; it has {takes}.", (*at, key))
            self._file.check(value, known[key].annotation, (*at, key))
            bounds = any(get_origin(kind) is tuple for kind in get_args(known[key].annotation))
            if bounds and isinstance(value, tuple) and value[0] > value[1]:
                raise self._file.unfit(value, "the lower bound comes first", (*at, key))
        missing = [key for key, p in known.items() if p.default is p.empty and key not in parameters]
        if missing:
            raise self._file.fault(f"{name} needs the parameter {missing[0]!r}; add it.", at)
        with self._located(at):
            return build(**parameters)

    @contextmanager
    def _located(self, at: Location) -> Iterator[None]:
        """Add file, line and table to every `SrbenchError`."""
        try:
            yield
        except SrbenchError as error:
            raise self._file.fault(str(error), at) from error


def _weighed(tables: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    """Return the tables without their weights, and the weights; the default is 1."""
    plain = tuple({k: v for k, v in t.items() if k != "weight"} if isinstance(t, dict) else t for t in tables)
    return plain, tuple(t.get("weight", 1.0) if isinstance(t, dict) else 1.0 for t in tables)


_BEING_READ: list[Path] = []


@contextmanager
def _once(path: Path) -> Iterator[None]:
    """Refuse a file that contains itself."""
    where = path.resolve()
    if where in _BEING_READ:
        raise ConfigError(f"{path}: the chain contains itself; remove it from its steps.")
    _BEING_READ.append(where)
    try:
        yield
    finally:
        _BEING_READ.remove(where)


def _try(path: Path, chain: Chain, scale: Scale) -> None:
    """Find errors now that would end a training later: a width below 0, a wrong size of lr."""
    import torch

    try:
        chain(torch.full((1, 3, *hr_size((24, 24), scale)), 0.5), scale, torch.Generator().manual_seed(0))
    except Exception as error:
        raise ConfigError(f"{path}: tried on a small image at x{scale}, the chain failed: {error}") from error


def _is_random(chain: Chain, scale: Scale) -> bool:
    from srbench.degrading.draws import Random
    from srbench.degrading.steps import Size

    size = Size(*hr_size((24, 24), scale), scale)
    first = chain.draw(Random(0), size)
    return any(chain.draw(Random(seed), size) != first for seed in range(1, TRIALS))
