"""TOML to typed objects. Unknown keys are errors that suggest the right one; nothing is inherited or executed."""

from __future__ import annotations

import difflib
import importlib.resources
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from srbench.errors import ConfigError, UnknownNameError, UsageError
from srbench.recipes import Recipe
from srbench.specs import ArchitectureSpec

Names = Annotated[tuple[str, ...], Field(min_length=1)]
Files = Annotated[tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)]
"""One path, or a list of them."""
ScaleValue = Annotated[int, Field(ge=2, le=64, strict=True)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Grid(_Table):
    """Axes that are multiplied. An architecture simply sits out a scale it does not have."""

    architectures: Names
    """``name`` to train, ``name.tag`` for published weights."""
    datasets: Names
    degradations: Names = ("bicubic",)
    scales: Annotated[tuple[ScaleValue, ...], Field(min_length=1)]
    distillers: Names = ("none",)
    teacher: str | None = None
    teachers: tuple[str, ...] = ()
    """Instead of one, for distillers that take several; the others take the first."""
    teacher_recipe: str | None = None
    teacher_weights: Files = ()
    recipe: str | None = None
    budget: Literal["steps", "time"] = "steps"
    """What trainings of one recipe have in common. "time": a distiller takes only as many steps as last as long as the
    recipe's steps of plain training."""
    weights: Files = ()
    """A checkpoint file for the grid's architectures, instead of training; of several, the mean of their weights."""
    train_degradation: str | None = None
    """What models are trained on, where it differs from what they are measured under."""
    train_degradations: tuple[str, ...] = ()
    """Instead of one, several: every model is trained on each of them, and measured under all of ``degradations``."""
    realisations: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many frozen realisations of each image are measured; as many as the degradation says if absent."""
    seeds: tuple[int, ...] = ()
    metrics: tuple[str, ...] = ()
    protocol: str | None = None
    tile: int = Field(default=0, ge=0)
    overlap: int = Field(default=16, ge=0)
    self_ensemble: bool = False
    chop: bool = False
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"


class Profiling(_Table):
    """What to find out about cost."""

    enabled: bool = True
    latency_height: int = Field(default=256, gt=0)
    """Input for latency and memory, in LR pixels."""
    latency_width: int = Field(default=256, gt=0)
    latency_seconds: float = Field(default=2.0, gt=0)
    """Time budget for each network."""
    latency_repeats: int = Field(default=5, gt=0)
    """Measured calls at least, however long they take."""
    memory: bool = True


class Suite(_Table):
    """What to run."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    about: str = ""
    protocol: str = "classic-y"
    metrics: Names = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", "lpips")
    recipe: str = "quick"
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    images_kept: int = Field(default=4, ge=0)
    """How many super-resolved images of each dataset are kept for the sheets of crops."""
    controls: Names = ()
    """Distillers that gains are counted from besides ``none`` and ``weight_inherit``: a method without its loss."""
    profile: Profiling = Profiling()
    grid: Annotated[tuple[Grid, ...], Field(min_length=1)]
    origin: str = ""
    """The file it was read from, for messages."""


T = TypeVar("T", bound=BaseModel)


def load_suite(name_or_path: str) -> Suite:
    """Read a suite by the name of a shipped one ("quick") or by the path of a TOML file.

    Raises:
        UnknownNameError: No such suite and no such file.
        ConfigError: The file cannot be understood; says where and what was expected.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and not path.is_file():
        shipped = {f.name.removesuffix(".toml"): f for f in _shipped("suites")}
        if name_or_path not in shipped:
            raise UnknownNameError.among("suite", name_or_path, shipped, "Or give the path of a TOML file.")
        path = shipped[name_or_path]
    elif not path.is_file():
        shipped = {f.name: f for f in _shipped("suites")}
        if path.name not in shipped or path.parent.name != "suites":
            raise UnknownNameError.among("suite file", name_or_path, {f"suites/{n}" for n in shipped})
        path = shipped[path.name]  # `suites/classic.toml` works outside a clone too
    suite = read_table(path, Suite)
    return suite.model_copy(update={"origin": str(name_or_path)})


def shipped_suites() -> dict[str, Path]:
    """The suites that come with srbench."""
    return {f.name.removesuffix(".toml"): f for f in _shipped("suites")}


def find_recipe(name: str, spec: ArchitectureSpec, origin: str) -> Recipe:
    """A recipe by name: "paper" is the architecture's own, others are shipped presets or TOML files.

    Args:
        name: The suite's word for it.
        spec: The architecture to be trained.
        origin: The suite's file; paths are relative to it.
    """
    if name == "paper":
        if spec.recipe is None:
            raise ConfigError(
                f"Architecture {spec.name} declares no recipe of its paper; name another, such as 'quick'."
            )
        return spec.recipe
    if name.endswith(".toml"):
        for path in (Path(name), Path(origin).parent / name):
            if path.is_file():
                return read_table(path, Recipe)
        raise ConfigError(f"{origin}: the recipe file {name} does not exist.")
    shipped = {f.name.removesuffix(".toml"): f for f in _shipped("recipes")}
    if name not in shipped:
        raise UnknownNameError.among("recipe", name, {*shipped, "paper"}, "Or give the path of a TOML file.")
    return read_table(shipped[name], Recipe)


def _shipped(folder: str) -> list[Path]:
    root = importlib.resources.files("srbench") / folder
    return sorted((Path(str(f)) for f in root.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)


def read_table(path: Path, kind: type[T]) -> T:
    """Read a TOML file into a pydantic object.

    Raises:
        ConfigError: File, line or table, what is wrong, and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    try:
        return kind.model_validate(_tuples(data), strict=True)
    except ValidationError as error:
        raise ConfigError(_sentence(path, text, kind, error)) from error


def _tuples(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """TOML arrays as tuples, which strict validation wants: "32" is not 32, and "yes" not true."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def _sentence(path: Path, text: str, kind: type[BaseModel], error: ValidationError) -> str:
    # A misspelt key is also a missing one; the misspelling is what helps.
    first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    location = list(first["loc"])
    if not location:  # two keys that do not go together
        return f"{path}: {first['msg'].removeprefix('Value error, ')}."
    while len(location) > 1 and isinstance(location[-1], int):
        location.pop()  # an item of an array stands on the line of its key
    key = str(location[-1])
    line = _line(text, location) or _line(text, location[:-1])  # where an inline table is
    where = f"{path}" + (f", line {line}" if line else "") + _table(location)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, _fields(kind, location), n=1, cutoff=0.5)
        meant = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(sorted(_fields(kind, location)))}."
        return f"{where}: unknown key {key!r}; {meant}"
    if first["type"] == "missing" and first["loc"][-1] == key:
        return f"{where}: the key {key!r} is missing; add it."
    given = repr(list(first["input"]) if isinstance(first["input"], tuple) else first["input"])
    wanted = re.sub("tuple", "array", first["msg"], flags=re.IGNORECASE)
    return f"{where}: {key} = {given if len(given) < 80 else given[:77] + '…'} does not fit: {wanted}."


def _line(text: str, location: list[Any]) -> int | None:
    """Where a key stands; None for keys of inline tables and for missing ones."""
    if not location:
        return None
    tables, number = [str(part) for part in location[:-1] if isinstance(part, str)], 0
    wanted = next((part for part in location if isinstance(part, int)), 0)
    here: list[str] = []
    for count, row in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([\w.]+)\s*\]+", row):
            number = number + 1 if header[1].split(".") == here else 0
            here = header[1].split(".")
        elif here == tables and number == wanted and re.match(rf"\s*\"?{re.escape(str(location[-1]))}\"?\s*=", row):
            return count
    return None


def _table(location: list[Any]) -> str:
    names = [part for part in location[:-1] if isinstance(part, str)]
    number = next((part for part in location if isinstance(part, int)), None)
    if location and location[0] == "grid" and number is not None:
        return f", [[grid]] {number + 1}"
    return f", [{'.'.join(names)}]" if names else ""


def _fields(kind: type[BaseModel], location: list[Any]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {"grid": Grid, "profile": Profiling}
    if len(location) > 1 and location[0] in tables:
        kind = tables[str(location[0])]
    return [name for name in kind.model_fields if name != "origin"]


def altered(
    suite: Suite, *, architectures: tuple[str, ...] = (), distillers: tuple[str, ...] = (), teacher: str | None = None,
    degradations: tuple[str, ...] = (), datasets: tuple[str, ...] = (), scales: tuple[int, ...] = (),
    metrics: tuple[str, ...] = (), weights: tuple[str, ...] = (), recipe: str | None = None,
) -> Suite:  # fmt: skip
    """A suite with axes from the command line in place of its own.

    Naming architectures, distillers or a degradation the suite lacks replaces its grids by one, made of what was named
    and of the suite's first grid, with bicubic interpolation beside it to compare with.

    Args:
        suite: Where the rest comes from.
        architectures: What to run.
        distillers: How to train it.
        teacher: Teacher for the distillers.
        degradations: Instead of the suite's.
        datasets: Instead of the suite's.
        scales: Instead of the suite's.
        metrics: Besides the suite's.
        weights: A checkpoint file instead of training; of several, the mean of their weights.
        recipe: Instead of the suite's.

    Raises:
        UsageError: Options that need or exclude each other.
    """
    if weights and not architectures:
        raise UsageError("--weights is a checkpoint of one architecture; say which with --architecture.")
    if weights and distillers:
        raise UsageError("--weights is measured as it is and --distiller trains; give one of the two.")
    if teacher and not distillers:
        raise UsageError("--teacher is for --distiller, which is not given; add it, such as --distiller logits.")
    suite = suite.model_copy(update={"metrics": tuple(dict.fromkeys((*suite.metrics, *metrics)))})
    if recipe:
        suite = suite.model_copy(update={"recipe": recipe, "grid": tuple(_with(g, recipe=None) for g in suite.grid)})
    known = {name for grid in suite.grid for name in grid.degradations}
    if not (architectures or distillers or weights or set(degradations) - known):
        return suite
    first = suite.grid[0]
    wanted = architectures or tuple(name for name in first.architectures if name != "bicubic")
    changes: dict[str, Any] = {
        "architectures": wanted,
        "distillers": distillers or ("none",),
        **_teaching(suite, teacher),
        "degradations": degradations or first.degradations,
        "datasets": datasets or first.datasets,
        "scales": scales or first.scales,
        "weights": weights,
    }
    beside = {"architectures": ("bicubic",), "distillers": ("none",), "teacher": None, "teachers": (), "weights": ()}
    grids = (_with(first, **(changes | beside)), _with(first, **changes))
    return suite.model_copy(update={"grid": grids})


def _teaching(suite: Suite, teacher: str | None) -> dict[str, Any]:
    """The teacher that is asked for, or else those of the first grid that has any."""
    grid = next((grid for grid in suite.grid if grid.teacher or grid.teachers), None)
    if teacher or grid is None:
        return {"teacher": teacher, "teachers": ()}
    return {"teacher": grid.teacher, "teachers": grid.teachers}


def applied(suite: Suite, *, tile: int | None, self_ensemble: bool, chop: bool, precision: str | None) -> Suite:
    """A suite whose networks are applied as the command line says; what it leaves open is the suite's.

    Args:
        suite: Where the rest comes from.
        tile: Side of LR tiles; 0 for whole images.
        self_ensemble: Measure the mean over eight views.
        chop: Measure in the EDSR family's quarters.
        precision: "fp32", "bf16" or "fp16".
    """
    precisions = get_args(Grid.model_fields["precision"].annotation)
    if precision is not None and precision not in precisions:
        raise UsageError(f"--precision {precision} is none that srbench measures in; give {', '.join(precisions)}.")
    changes: dict[str, Any] = {"tile": tile, "precision": precision}
    changes |= {"self_ensemble": self_ensemble or None, "chop": chop or None}
    given = {name: value for name, value in changes.items() if value is not None}
    return suite.model_copy(update={"grid": tuple(_with(grid, **given) for grid in suite.grid)})


def _with(grid: Grid, **changes: Any) -> Grid:  # noqa: ANN401 - fields of Grid
    return grid.model_copy(update=changes)
