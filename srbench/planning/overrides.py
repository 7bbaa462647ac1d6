"""The options of a run that change a suite or select from it; each is declared once, with its flag and its help."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack, cast, get_args, get_origin, get_type_hints

from srbench.errors import UnknownNameError, UsageError
from srbench.scales import LARGEST_SCALE, Scale, parse_scale

if TYPE_CHECKING:  # pydantic would make `srbench --help` slow
    from srbench.planning.suite import Grid, Suite


@dataclass(frozen=True, slots=True)
class Option:
    """The form of a field on the command line."""

    flag: str
    help: str
    least: int | None = None
    """The smallest accepted number."""
    commas: bool = True
    """Whether several values may be separated by commas."""


def option(default: object, flag: str, help: str, *, least: int | None = None, commas: bool = True) -> Any:  # noqa: A002, ANN401
    """Declare a field with its `Option`."""
    return field(default=default, metadata={"option": Option(flag, help, least, commas)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The part of a suite to keep; an empty field keeps everything."""

    only: tuple[str, ...] = option(
        (), "--only", "Keep these architectures or distillers; repeat, or separate by commas."
    )
    scales: tuple[Scale, ...] = option(
        (), "--scale", "Keep these scales, such as 2, 2.3 or 3.7x1.5; repeat, or separate by commas."
    )
    datasets: tuple[str, ...] = option((), "--dataset", "Keep these datasets.")
    degradations: tuple[str, ...] = option((), "--degradation", "Keep these degradations, or try one the suite lacks.")

    def __str__(self) -> str:
        """Return the selection as typed: "--only dot and --scale 3"."""
        given = {found.flag: getattr(self, name) for name, (_, found) in options_of(Selection).items()}
        return " and ".join(f"{flag} {','.join(map(str, values))}" for flag, values in given.items() if values)


EVERYTHING = Selection()


class RunKeywords(TypedDict, total=False):
    """The fields of `RunOptions` as people write them in Python: one value, or several; scales as numbers or texts."""

    only: str | Iterable[str]
    scales: Scale | float | str | Iterable[Scale | float | str]
    datasets: str | Iterable[str]
    degradations: str | Iterable[str]
    seeds: int | Iterable[int]
    limit: int | None
    architectures: str | Iterable[str]
    distillers: str | Iterable[str]
    teacher: str | None
    metrics: str | Iterable[str]
    recipe: str | Path | None
    tile: int | None
    self_ensemble: bool
    chop: bool
    resize: bool
    precision: str | None
    backends: str | Iterable[str]
    samplers: str | Iterable[str]
    samples: int | None
    sample_seed: int | None
    fit_steps: int | None
    fit_seconds: float | None
    weights: str | Path | Iterable[str | Path]
    needs: str | Iterable[str]
    profile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(Selection):
    """The options of a run that decide what is measured: a selection, and values that replace those of the suite."""

    seeds: tuple[int, ...] = option((), "--seed", "Train with these seeds instead of the suite's.", commas=False)
    limit: int | None = option(None, "--limit", "Measure the first images only; for trying things out.", least=1)
    architectures: tuple[str, ...] = option(
        (), "--architecture", "Run these instead of the suite's; any plugin's, or name.tag."
    )
    distillers: tuple[str, ...] = option((), "--distiller", "Train with these instead of the suite's.")
    teacher: str | None = option(None, "--teacher", "Teacher for --distiller.")
    metrics: tuple[str, ...] = option((), "--metric", "Measure these too, such as pyiqa:niqe.")
    recipe: str | None = option(None, "--recipe", "Train by this recipe: a preset, 'paper', or a TOML file.")
    tile: int | None = option(None, "--tile", "Side of LR tiles in pixels; 0 for whole images.", least=0)
    self_ensemble: bool = option(
        False, "--self-ensemble", "Mean over the eight flips and turns of each image, the '+' of EDSR+."
    )
    chop: bool = option(False, "--chop", "Cut images into quarters as the EDSR family does.")
    resize: bool = option(
        False, "--resize", "At a real scale that a network lacks, reduce the result of its next larger scale."
    )
    precision: str | None = option(None, "--precision", "Measure in fp32, bf16 or fp16.")
    backends: tuple[str, ...] = option(
        (), "--backend", "What runs networks: eager, openvino-bf16, onnxruntime-int8; see `srbench list runtimes`."
    )
    samplers: tuple[str, ...] = option(
        (), "--sampler", "How networks that sample draw sr, such as ddim-20: a sampler and its steps."
    )
    samples: int | None = option(None, "--samples", "Sr to draw for every image; scores are their means.", least=1)
    sample_seed: int | None = option(None, "--sample-seed", "Seed of samplers and of fits in measuring.", least=0)
    fit_steps: int | None = option(None, "--fit-steps", "Steps of networks that are fitted to every image.", least=1)
    fit_seconds: float | None = option(None, "--fit-seconds", "End the fit of an image after this time.", least=0)
    weights: tuple[Path, ...] = option(
        (),
        "--weights",
        "A checkpoint file for the architecture, not trained here; of several, the mean of their weights.",
        commas=False,
    )
    needs: tuple[str, ...] = option(
        (), "--needs", "What a kind of job needs, such as train.hours=12 or measure.gpus=1; for clusters."
    )
    profile: bool = True
    """Whether cost is measured too, if the suite profiles. Only an option of `srbench run`."""

    @classmethod
    def of(cls, **given: Unpack[RunKeywords]) -> Self:
        """Read options as people write them in Python: ``RunOptions.of(architectures="espcn", scales=[2, 2.3])``.

        Raises:
            UnknownNameError: There is no such option.
            UsageError: A scale is not one, or a number is too small.
        """
        types, declared = get_type_hints(cls), options_of(cls)
        read: dict[str, Any] = {}
        for name, value in given.items():
            if name not in types:
                raise UnknownNameError.among("option of a run", name, types)
            if get_origin(types[name]) is tuple:
                kind = get_args(types[name])[0]
                several = (value,) if isinstance(value, str | Path) or not isinstance(value, Iterable) else value
                read[name] = tuple(_item(one, kind) for one in several)
            else:
                read[name] = str(value) if isinstance(value, Path) else value
                _check_least(name, value, declared[name][1] if name in declared else None)
        return cls(**read)

    @property
    def keywords(self) -> RunKeywords:
        """The fields by name, which `of` reads again."""
        return cast("RunKeywords", {f.name: getattr(self, f.name) for f in fields(self)})

    def applied_to(self, suite: Suite) -> Suite:
        """Return the suite with these options in place of its own values; the plan applies the selection.

        Architectures, distillers or a degradation that the suite lacks replace its grids by one, which combines the
        options with the suite's first grid. The reference of the task is measured too: bicubic interpolation, if any.

        Raises:
            UsageError: Options need or exclude each other, or a value is not supported.
        """
        from srbench.planning.needs import changed_needs

        self._check()
        known = {name for grid in suite.grid for name in grid.degradations}
        replaced = self.architectures or self.distillers or set(self.degradations) - known
        changes: dict[str, Any] = {"seeds": self.seeds, "tile": self.tile, "precision": self.precision}
        changes |= {name: getattr(self, name) or None for name in ("self_ensemble", "chop", "resize", "backends")}
        changes |= {name: getattr(self, name) for name in ("samplers", "samples", "sample_seed")}
        changes |= {name: getattr(self, name) for name in ("fit_steps", "fit_seconds")}
        changes = {name: value for name, value in changes.items() if value not in (None, ())}
        if self.recipe:
            changes["recipe"] = None  # so that the recipe of the suite, set below, is used for every grid
        grids = self._grids(suite) if replaced else suite.grid
        return suite.model_copy(
            update={
                "metrics": tuple(dict.fromkeys((*suite.metrics, *self.metrics))),
                "recipe": self.recipe or suite.recipe,
                "needs": changed_needs(suite.needs, self.needs),
                "profile": suite.profile.model_copy(update={"enabled": suite.profile.enabled and self.profile}),
                "grid": tuple(grid.model_copy(update=changes) for grid in grids),
            }
        )

    def _check(self) -> None:
        from srbench.planning.suite import Grid

        if self.weights and not self.architectures:
            raise UsageError("--weights is a checkpoint of one architecture; name it with --architecture.")
        if self.weights and self.distillers:
            raise UsageError("--weights is measured without training, and --distiller trains; give one of them.")
        if self.teacher and not self.distillers:
            raise UsageError("--teacher is for --distiller, which is not given; add one, such as --distiller logits.")
        if self.fit_seconds is not None and not math.isfinite(self.fit_seconds):
            raise UsageError(f"--fit-seconds {self.fit_seconds} is not a time; give seconds, or 0 for no end.")
        precisions = get_args(Grid.model_fields["precision"].annotation)
        if self.precision not in (None, *precisions):
            raise UsageError(f"--precision {self.precision} is not supported; give one of {', '.join(precisions)}.")

    def _grids(self, suite: Suite) -> tuple[Grid, ...]:
        from srbench.tasks.table import task_named

        first, reference = suite.grid[0], task_named(suite.task).reference
        changes: dict[str, Any] = {
            "architectures": self.architectures or tuple(name for name in first.architectures if name != reference),
            "distillers": self.distillers or ("none",),
            "degradations": self.degradations or first.degradations,
            "datasets": self.datasets or first.datasets,
            "scales": self.scales or first.scales,
            "weights": tuple(map(str, self.weights)),
            **self._teaching(suite),
        }
        none = {"distillers": ("none",), "weights": (), "teacher": None, "teachers": ()}
        own = first.model_copy(update=changes)
        return (first.model_copy(update=changes | none | {"architectures": (reference,)}), own) if reference else (own,)

    def _teaching(self, suite: Suite) -> dict[str, Any]:
        """Return the teacher of the option, or else the teachers of the first grid with any."""
        grid = next((grid for grid in suite.grid if grid.teacher or grid.teachers), None)
        if self.teacher or grid is None:
            return {"teacher": self.teacher, "teachers": ()}
        return {"teacher": grid.teacher, "teachers": grid.teachers}


def options_of(kind: type[Selection]) -> dict[str, tuple[Any, Option]]:
    """Return the fields of ``kind`` that are options, in order: by name, the type and the option."""
    types = get_type_hints(kind)
    return {f.name: (types[f.name], f.metadata["option"]) for f in fields(kind) if "option" in f.metadata}


def _item(value: object, kind: object) -> object:
    """Return one of several values as its field has it."""
    if kind is str:
        return str(value)
    if kind is int:
        return value
    return Path(str(value)) if kind is Path else scale_above_1(str(value))


def _check_least(name: str, value: object, declared: Option | None) -> None:
    if declared and declared.least is not None and isinstance(value, int | float) and not value >= declared.least:
        raise UsageError(f"{name} is {value}; give {declared.least} or more.")


def scale_above_1(text: str, option: str = "") -> Scale:
    """Read a scale to enlarge by; ``option`` is the text before it on the command line.

    Raises:
        UsageError: It is not a scale above 1.
    """
    with suppress(ValueError):
        if (scale := parse_scale(text)) > 1:
            return scale
    raise UsageError(
        f"{option}{text} is not a scale; give a number above 1 and up to {LARGEST_SCALE}, or two for height and width, "
        "such as 2, 2.3 or 3.7x1.5."
    )
