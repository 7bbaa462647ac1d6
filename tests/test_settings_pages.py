"""The pages on suites and recipes have every key with its type, default and meaning, and examples that can be read."""

import re
import tomllib

import pytest

from docs.site import settings
from helpers import ROOT
from srbench.planning.overrides import RunOptions
from srbench.planning.plan import make_plan
from srbench.planning.search import Search
from srbench.planning.suite import Suite, load_suite
from srbench.recipe import Recipe, RecognitionRecipe, TrainingRecipe
from srbench.toml import read_table

EXAMPLES = {
    path.name: re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL) for path in settings.PAGES
}


def read(text, kind, folder):
    (folder / "example.toml").write_text(text)
    return read_table(folder / "example.toml", kind)


@pytest.mark.parametrize("path", settings.PAGES, ids=lambda path: path.name)
def test_the_tables_of_a_page_are_those_of_the_code(path):
    text = path.read_text(encoding="utf-8")
    assert settings.page(text) == text, "write the page again: python -m docs.site.settings"


def test_every_table_that_is_read_is_on_a_page():
    text = "".join(path.read_text(encoding="utf-8") for path in settings.PAGES)
    assert {name: text.count(f"<!-- keys of {name} -->\n| key |") for name in settings.TABLES} == dict.fromkeys(
        settings.TABLES, 1
    )


def test_every_key_has_a_type_and_says_what_it_means():
    for kind in settings.TABLES.values():
        for name, type_, default, meaning in settings.keys_of(kind):
            assert type_, name
            assert default, name
            assert meaning.endswith("."), f"{kind.__name__}.{name} lacks the sentence below it"


def test_keys_are_described_once_and_defaults_are_as_in_a_file():
    rows = {name: (type_, default) for name, type_, default, _ in settings.keys_of(Recipe)}
    assert "steps" not in rows
    assert rows["losses"] == ("table of numbers", "`{ l1 = 1.0 }`")
    assert rows["patch_of"] == ('`"lr"` or `"hr"`', '`"lr"`')
    assert rows["scale_range"] == ("list of 2 numbers from 1 to 64", "—")
    every = {name: (type_, default) for name, type_, default, _ in settings.keys_of(TrainingRecipe)}
    assert every["steps"] == ("whole number above 0", "required")
    assert every["ema"] == ("number above 0 below 1", "—")


def test_the_examples_of_recipes_are_read_and_have_every_key(tmp_path, catalog):
    used = set()
    for text in EXAMPLES["recipes.md"]:
        kind = RecognitionRecipe if "height" in text else Recipe
        recipe = read(text, kind, tmp_path)
        catalog.losses.require(recipe.losses)
        catalog.datasets.require(recipe.read_sets)
        used |= tomllib.loads(text).keys()
    assert used == {*Recipe.model_fields, *RecognitionRecipe.model_fields}


def test_the_examples_of_suites_are_read_and_have_every_key(tmp_path):
    suites = [text for text in EXAMPLES["suites.md"] if "[[grid]]" in text]
    for text in suites:
        read(text, Suite, tmp_path)
    used = {Suite: set(), settings.Grid: {"part_recipe"}, settings.Profiling: set(), settings.NeedsOfKind: set()}
    for text in EXAMPLES["suites.md"]:
        data = tomllib.loads(text)
        if text in suites:
            used[Suite] |= data.keys()
        used[settings.Profiling] |= data.get("profile", {}).keys()
        for needs in data.get("needs", {}).values():
            used[settings.NeedsOfKind] |= settings.NeedsOfKind.model_validate(needs).model_fields_set
        for grid in data.get("grid", ()):
            used[settings.Grid] |= grid.keys()
    fields = {kind: {name for name, field in kind.model_fields.items() if not field.exclude} for kind in used}
    assert used == fields | {Suite: fields[Suite] - {"search", "needs"}}
    assert 'part_recipe = "quick"' in (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["suites.md", "gate.md"])
def test_the_first_suite_of_a_page_can_be_planned(page, tmp_path, catalog):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    plan = make_plan(load_suite(str(tmp_path / "mine.toml")), catalog, RunOptions())
    assert {cell.model.seed for cell in plan.cells if cell.model.recipe} == {0, 1, 2}


def test_the_space_of_the_page_on_searches_is_read(tmp_path):
    (text,) = (text for text in EXAMPLES["search.md"] if "[search]" in text)
    assert isinstance(read(text, Suite, tmp_path).search, Search)
