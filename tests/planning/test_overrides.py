"""Options of a run: what they replace in a suite, and which contradict each other."""

from pathlib import Path

import pytest

from srbench.errors import UsageError
from srbench.planning.overrides import RunOptions, Selection
from srbench.planning.suite import Grid, Suite

SUITE = Suite(
    name="s",
    grid=(
        Grid(architectures=("bicubic", "a"), datasets=("d",), scales=(2, 4)),
        Grid(architectures=("a",), datasets=("d",), scales=(2,), distillers=("logits",), teacher="t", recipe="paper"),
    ),
)


def applied(suite=SUITE, **options):
    return RunOptions(**options).applied_to(suite)


def test_nothing_given_alters_nothing():
    assert applied() == SUITE


def test_a_selection_that_the_suite_has_alters_nothing():
    assert applied(only=("a",), scales=(2,), datasets=("d",), degradations=("bicubic",), limit=1) == SUITE


def test_a_selection_is_written_as_it_is_typed():
    assert str(Selection()) == ""
    assert str(RunOptions(only=("dot", "bicubic"), scales=(3,), seeds=(1,))) == "--only dot,bicubic and --scale 3"


def test_named_architectures_run_beside_bicubic_in_place_of_the_grids():
    beside, named = applied(architectures=("b",), scales=(3,)).grid
    assert (beside.architectures, named.architectures) == (("bicubic",), ("b",))
    assert beside.scales == named.scales == (3,)


def test_files_of_weights_are_for_the_named_architecture_only():
    beside, named = applied(architectures=("b",), weights=(Path("w.pth"), Path("v.pth"))).grid
    assert (beside.weights, named.weights) == ((), ("w.pth", "v.pth"))


def test_a_named_distiller_takes_the_teacher_that_the_suite_has():
    beside, named = applied(distillers=("logits",)).grid
    assert (named.architectures, named.distillers, named.teacher) == (("a",), ("logits",), "t")
    assert (beside.distillers, beside.teacher, beside.teachers) == (("none",), None, ())


def test_a_named_distiller_takes_the_teachers_that_the_suite_has_unless_it_is_given_one():
    grid = SUITE.grid[1].model_copy(update={"teacher": None, "teachers": ("t", "u")})
    several = SUITE.model_copy(update={"grid": (grid,)})
    (_, inherited), (_, given) = (
        applied(several, distillers=("mtkd",), teacher=teacher).grid for teacher in (None, "other")
    )
    assert (inherited.teacher, inherited.teachers) == (None, ("t", "u"))
    assert (given.teacher, given.teachers) == ("other", ())


def test_a_degradation_the_suite_lacks_replaces_its_grids():
    assert all(grid.degradations == ("noise",) for grid in applied(degradations=("noise",)).grid)
    assert applied(degradations=("bicubic",)).grid == SUITE.grid


def test_a_named_recipe_seeds_and_metrics_reach_every_grid():
    suite = applied(recipe="quick", seeds=(5, 6), metrics=("niqe", "psnr_y"))
    assert suite.recipe == "quick"
    assert [(grid.recipe, grid.seeds) for grid in suite.grid] == [(None, (5, 6))] * 2
    assert suite.metrics == (*SUITE.metrics, "niqe")


def test_cost_is_measured_if_neither_the_suite_nor_the_options_refuse():
    frugal = SUITE.model_copy(update={"profile": SUITE.profile.model_copy(update={"enabled": False})})
    asked = [(suite, profile) for suite in (SUITE, frugal) for profile in (True, False)]
    assert [applied(suite, profile=profile).profile.enabled for suite, profile in asked] == [True, False, False, False]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weights": (Path("w.pth"),)}, "--architecture"),
        ({"weights": (Path("w.pth"),), "architectures": ("a",), "distillers": ("logits",)}, "give one of them"),
        ({"teacher": "t"}, "--distiller"),
        ({"precision": "int8"}, r"--precision int8 is not supported; give one of fp32, bf16, fp16\."),
    ],
)
def test_options_that_need_or_exclude_each_other_say_so(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        applied(**options)


def test_networks_are_applied_as_asked():
    suite = applied(tile=64, self_ensemble=True, precision="bf16")
    assert {(g.tile, g.self_ensemble, g.chop, g.precision) for g in suite.grid} == {(64, True, False, "bf16")}
    tiled = SUITE.model_copy(update={"grid": (SUITE.grid[0].model_copy(update={"tile": 32}),)})
    assert [applied(tiled, tile=tile).grid[0].tile for tile in (None, 0)] == [32, 0]
