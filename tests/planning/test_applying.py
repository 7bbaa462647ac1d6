"""Networks that sample or are fitted: the axis of samplers, what may be chosen, and what is refused in a sentence."""

import json
from dataclasses import replace

import pytest
import tomlkit

from helpers import TESTS
from srbench.catalog.catalog import load_catalog
from srbench.errors import ConfigError, UsageError
from srbench.networks.applied import FitBudget, Sampling
from srbench.planning.alone import as_table, recipes_of, suite_of
from srbench.planning.overrides import RunOptions
from srbench.planning.plan import make_plan
from srbench.planning.suite import Grid, Suite, load_suite


@pytest.fixture(scope="module")
def known():
    return load_catalog([TESTS / "helpers" / "tiny_plugin.py", TESTS / "helpers" / "sampled_plugin.py"])


def suite(*grids, **top):
    default = {"architectures": ("dice",), "datasets": ("photographs",), "scales": (2,)}
    return Suite(name="s", grid=tuple(Grid(**(default | grid)) for grid in grids), origin="s.toml", **top)


TAUGHT = {"distillers": ("logits",), "teacher": "wide"}
TAUGHT_BY_DICE = {"architectures": ("dot",), "distillers": ("logits",), "teacher": "dice"}


def ways(known, **grid):
    return [cell.inference for cell in make_plan(suite(grid), known).cells]


def test_without_a_choice_the_first_sampler_draws_once_with_its_usual_steps(known):
    (way,) = ways(known)
    assert way.sampling == Sampling(sampler="walk", steps=4)
    assert way.id() == "whole,walk-4"


def test_without_a_choice_a_network_is_fitted_with_the_steps_of_its_paper(known):
    (way,) = ways(known, architectures=("mean",))
    assert (way.fitting, way.sampling) == (FitBudget(steps=30), None)
    assert way.id() == "whole,fit=30"


def test_each_sampler_is_a_cell_of_networks_that_sample_and_changes_nothing_for_the_others(known):
    drawn = {"samplers": ("walk-1", "leap-2", "walk-7"), "samples": 4, "sample_seed": 3}
    found = ways(known, architectures=("bicubic", "mean", "dice"), fit_steps=5, fit_seconds=1.5, **drawn)
    assert [way.id() for way in found] == [
        "whole", "whole,fit=5,within=1.5s,seed=3",
        "whole,walk-1,samples=4,seed=3", "whole,leap-2,samples=4,seed=3", "whole,walk-7,samples=4,seed=3",
    ]  # fmt: skip


def test_cells_of_two_samplers_have_rows_and_titles_of_their_own(known):
    cells = make_plan(suite({"samplers": ("walk-4", "walk-1")}), known).cells
    assert len({cell.row_id for cell in cells}) == len({cell.title for cell in cells}) == 2
    assert len({cell.model for cell in cells}) == 1
    assert "walk-1" in cells[1].title


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"samplers": ("ddim-4",)}, "dice has no sampler 'ddim'; choose one of its own, such as walk-4, walk-1"),
        ({"samplers": ("walk-11",)}, "The sampler walk of dice takes 1 to 10 steps, not 11; write walk-10 or fewer"),
        ({"samplers": ("walk",)}, "The sampler 'walk' is not a name and its steps; write it as ddim-20"),
        ({"tile": 64}, "dice draws its sr at random, which is done on whole images by PyTorch in fp32; leave out tile"),
        ({"chop": True}, "leave out chop"),
        ({"self_ensemble": True}, "leave out self_ensemble"),
        ({"precision": "bf16"}, "leave out the backend eager-bf16"),
        ({"backends": ("eager", "openvino-int8")}, "leave out the backend openvino-int8"),
        ({"architectures": ("mean",), "tile": 64}, "mean is fitted to every image, which is done on whole images"),
        (TAUGHT, "the distiller logits compares sr, and dice is trained by an objective of its own; choose another"),
        (TAUGHT_BY_DICE, "dice draws its sr at random, so it cannot teach; name another teacher"),
        ({"architectures": ("dot",), "samples": 2}, "samples is given, and no architecture of the suite draws its sr"),
        ({"architectures": ("mean",), "samplers": ("walk-4",)}, "samplers is given, and no architecture"),
        ({"architectures": ("dot",), "sample_seed": 2}, "sample_seed is given, and no architecture"),
        ({"fit_steps": 2}, "fit_steps is given, and no architecture of the suite is fitted to images"),
        ({"fit_seconds": 2}, "fit_seconds is given, and no architecture of the suite is fitted to images"),
    ],
)  # fmt: skip
def test_what_such_networks_cannot_do_is_refused(known, grid, sentence):
    with pytest.raises(ConfigError) as refused:
        make_plan(suite(grid), known)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("s.toml")


def test_the_module_as_it_is_may_be_named_as_the_backend(known):
    (way,) = ways(known, backends=("eager",))
    assert way.backend is None


@pytest.mark.parametrize("samples", [0, 1001])
def test_a_number_of_samples_is_from_1_to_1000(samples):
    with pytest.raises(ValueError, match="samples"):
        Grid(architectures=("dice",), datasets=("d",), scales=(2,), samples=samples)


def test_options_replace_what_a_suite_says_of_samplers_and_fits():
    own = suite({"samplers": ("walk-4",), "samples": 2, "sample_seed": 5, "fit_steps": 9, "fit_seconds": 3.0})
    assert RunOptions().applied_to(own) == own
    (grid,) = (
        RunOptions.of(samplers="leap-2", samples=1, sample_seed=0, fit_steps=1, fit_seconds=0).applied_to(own).grid
    )
    assert (grid.samplers, grid.samples, grid.sample_seed) == (("leap-2",), 1, 0)
    assert (grid.fit_steps, grid.fit_seconds) == (1, 0)


@pytest.mark.parametrize("given", [{"samples": 0}, {"sample_seed": -1}, {"fit_steps": 0}, {"fit_seconds": -0.5},
                                   {"fit_seconds": float("nan")}, {"fit_seconds": float("inf")}])  # fmt: skip
def test_numbers_that_mean_nothing_are_refused(given):
    with pytest.raises(UsageError, match=r"; give"):
        RunOptions.of(**given).applied_to(suite({}))


@pytest.mark.parametrize(
    "grid",
    [
        {"samplers": ("walk-1", "leap-2"), "samples": 3, "sample_seed": 4},
        {"architectures": ("mean",), "fit_steps": 7, "fit_seconds": 2.5, "sample_seed": 1},
        {"architectures": ("dice", "mean")},
    ],
)
def test_a_cell_is_planned_again_from_its_own_suite(known, grid, tmp_path):
    whole = suite(grid)
    for cell in make_plan(whole, known).cells:
        tables = {name: as_table(recipe) for name, recipe in recipes_of(cell).items()}
        for name, table in (tables | {"suite": as_table(suite_of(cell, whole))}).items():
            (tmp_path / f"{name}.toml").write_text(tomlkit.dumps(json.loads(json.dumps(table))), encoding="utf-8")
        (again,) = make_plan(load_suite(str(tmp_path / "suite.toml")), known).cells
        assert replace(again, model=cell.model) == cell
        assert again.row_id == cell.row_id
