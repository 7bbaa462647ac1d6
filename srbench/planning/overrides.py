"""Options of the command line that change a suite."""

from __future__ import annotations

from typing import Any, get_args

from srbench.errors import UsageError
from srbench.planning.suite import Grid, Suite


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
