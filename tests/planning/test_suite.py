"""Suites and recipes: read strictly, and every fault named with file, line and table."""

import pytest

from srbench.errors import ConfigError, UnknownNameError
from srbench.files import shipped_tables
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.recipes import find_recipe
from srbench.planning.suite import Suite, load_suite
from srbench.recipe import Recipe
from srbench.toml import read_table

GOOD = """\
name = "mine"
recipe = "quick"
seeds = [0, 1]

[profile]
memory = false

[[grid]]
architectures = ["bicubic"]
datasets = ["photographs"]
scales = [2, 4]

[[grid]]
architectures = ["espcn"]
datasets = ["photographs"]
scales = [2]
self_ensemble = true
"""


@pytest.fixture
def read(tmp_path):
    """Read a suite from its text."""

    def reading(text, kind=Suite):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return read_table(path, kind)

    return reading


@pytest.fixture
def refused(read, tmp_path):
    """The sentence that a faulty suite is answered with, without its folder."""

    def sentence(text, kind=Suite):
        with pytest.raises(ConfigError) as error:
            read(text, kind)
        return str(error.value).replace(f"{tmp_path}/", "")

    return sentence


def test_a_suite_is_read_with_its_tables(read):
    suite = read(GOOD)
    assert suite.seeds == (0, 1)
    assert not suite.profile.memory
    assert [grid.scales for grid in suite.grid] == [(2, 4), (2,)]
    assert suite.grid[1].self_ensemble
    assert suite.grid[0].distillers == ("none",)


@pytest.mark.parametrize("name", shipped_tables("suites"))
def test_every_shipped_suite_can_be_read(name):
    assert load_suite(name).name == name


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("seeds =", "seed =", "mine.toml, line 3: unknown key 'seed'; did you mean 'seeds'?"),
        ("memory =", "memry =", "mine.toml, line 6, [profile]: unknown key 'memry'; did you mean 'memory'?"),
        ("self_ensemble =", "ensemble =", "mine.toml, line 17, [[grid]] 2: unknown key 'ensemble'; did you mean"),
        ("self_ensemble =", "qqq =", "mine.toml, line 17, [[grid]] 2: unknown key 'qqq'; the keys are architectures,"),
        ("scales = [2]\n", 'scales = "two"\n', "mine.toml, line 16, [[grid]] 2: scales = 'two' does not fit:"),
        ("scales = [2]\n", 'scales = ["two"]\n', "mine.toml, line 16, [[grid]] 2: scales = 'two' does not fit:"),
        ("scales = [2]\n", 'scales = ["2"]\n', "mine.toml, line 16, [[grid]] 2: scales = '2' does not fit:"),
        ("scales = [2]\n", 'scales = ["2,3"]\n', "mine.toml, line 16, [[grid]] 2: scales = '2,3' does not fit:"),
        ("scales = [2]\n", "scales = [nan]\n", "mine.toml, line 16, [[grid]] 2: scales = nan does not fit:"),
        ("scales = [2]\n", "scales = [inf]\n", "mine.toml, line 16, [[grid]] 2: scales = inf does not fit:"),
        ("scales = [2]\n", "scales = [0.5]\n", "mine.toml, line 16, [[grid]] 2: scales = 0.5 does not fit:"),
        ("scales = [2]\n", "scales = [1e9]\n", "mine.toml, line 16, [[grid]] 2: scales = 1000000000.0 does not fit:"),
        ("scales = [2]\n", "scales = [2, 0]\n", "mine.toml, line 16, [[grid]] 2: scales = 0 does not fit:"),
        ("scales = [2]\n", "scales = [-1]\n", "mine.toml, line 16, [[grid]] 2: scales = -1 does not fit:"),
        ("scales = [2]\n", "scales = []\n", "mine.toml, line 16, [[grid]] 2: scales = [] does not fit:"),
        ("scales = [2]\n", "", "mine.toml, line 13, [[grid]] 2: the key 'scales' is missing; add it."),
        ("true", '"yes"', "mine.toml, line 17, [[grid]] 2: self_ensemble = 'yes' does not fit:"),
        ("seeds = [0, 1]", "seeds = [0, nan]", "mine.toml, line 3: seeds = nan does not fit:"),
        ('name = "mine"', 'name = "My Suite"', "mine.toml, line 1: name = 'My Suite' does not fit:"),
        (
            "memory = false",
            "latency_seconds = inf",
            "mine.toml, line 6, [profile]: latency_seconds = inf does not fit:",
        ),
        ("seeds = [0, 1]", "seeds = [0, 1", "mine.toml is not valid TOML: "),
        ("seeds = [0, 1]", 'name = "twice"', "mine.toml is not valid TOML: Cannot overwrite a value (at line 3,"),
    ],
)
def test_a_fault_is_named_with_its_line_and_table(refused, old, new, sentence):
    said = refused(GOOD.replace(old, new))
    assert said.startswith(sentence)
    assert said.count("\n") == 0


def test_a_suite_without_a_grid_or_with_an_empty_one_says_what_is_missing(refused):
    assert refused('name = "mine"\n') == "mine.toml: the key 'grid' is missing; add it."
    assert "grid = [] does not fit" in refused('name = "mine"\ngrid = []\n')
    assert (
        refused('name = "mine"\n[[grid]]\n')
        == "mine.toml, line 2, [[grid]] 1: the key 'architectures' is missing; add it."
    )


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ('patch = "48"', "mine.toml, line 4: patch = '48' does not fit"),
        ("patch = 0", "mine.toml, line 4: patch = 0 does not fit"),
        ("learning_rate = inf", "mine.toml, line 4: learning_rate = inf does not fit"),
        ("weight_decay = nan", "mine.toml, line 4: weight_decay = nan does not fit"),
        ("losses = {}", "mine.toml, line 4: losses = {} does not fit"),
        ('losses = { l1 = "a" }', "mine.toml, line 4, losses: l1 = 'a' does not fit"),
        ("learning_rte = 1", "mine.toml, line 4: unknown key 'learning_rte'; did you mean 'learning_rate'?"),
        ('schedule = "cosin"', "mine.toml, line 4: schedule = 'cosin' does not fit"),
        ("ema = 1.0", "mine.toml, line 4: ema = 1.0 does not fit"),
        ('schedule = "halve"', "mine.toml: the schedule 'halve' needs halve_every; add it."),
        ("betas = [0.9]", "mine.toml, line 4: betas = [0.9] does not fit"),
    ],
)
def test_a_faulty_recipe_is_refused_with_its_line(refused, row, sentence):
    assert refused(f'name = "r"\ndatasets = ["t91"]\nsteps = 10\n{row}\n', Recipe).startswith(sentence)


def test_an_unknown_suite_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"No suite named 'quik'. Did you mean quick"):
        load_suite("quik")
    with pytest.raises(UnknownNameError, match=r"'suites/clasic.toml'. Did you mean suites/classic"):
        load_suite("suites/clasic.toml")


def test_a_shipped_suite_goes_by_its_path_outside_a_clone_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_suite("suites/classic.toml").name == "classic"


SPEC = ArchitectureSpec(name="net", build=lambda scale: None, scales=frozenset({2}))


def test_a_recipe_is_found_by_name_by_file_and_beside_its_suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "r.toml").write_text('name = "r"\ndatasets = ["t91"]\nsteps = 10\n')
    assert find_recipe("quick", SPEC, "").name == "quick"
    assert find_recipe("deep/r.toml", SPEC, "").steps == 10
    assert find_recipe("r.toml", SPEC, "deep/suite.toml").steps == 10
    with pytest.raises(ConfigError, match=r"deep/suite.toml: the recipe file s.toml does not exist"):
        find_recipe("s.toml", SPEC, "deep/suite.toml")
    with pytest.raises(UnknownNameError, match=r"Did you mean quick"):
        find_recipe("quik", SPEC, "")
    with pytest.raises(ConfigError, match=r"net declares no recipe of its paper"):
        find_recipe("paper", SPEC, "")
