"""``srbench init`` as a person types it."""

import pytest
from typer.testing import CliRunner

from srbench.cli.app import app

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def srbench(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        result = CliRunner().invoke(app, list(words))
        return result.exit_code, result.output

    return run


def test_a_suite_that_was_written_runs_as_it_is(srbench, tmp_path):
    status, text = srbench("init", "suite", "my-suite")
    assert status == 0
    assert "wrote my-suite.toml" in text
    assert "srbench run my-suite.toml" in text
    status, text = srbench("plan", "my-suite.toml")
    assert (status, "espcn" in text) == (0, True), text
    status, text = srbench("run", "my-suite.toml", "--only", "bicubic", "--limit", "1", "--results", "out", "--quiet")
    assert status == 0, text
    assert "bicubic" in (tmp_path / "out/leaderboard.csv").read_text()


def test_the_grids_in_its_comments_can_be_run_too(srbench, tmp_path):
    srbench("init", "suite", "my-suite")
    path = tmp_path / "my-suite.toml"
    head, grids = path.read_text().split("# [[grid]]", 1)
    path.write_text(head + "\n".join(
        line.removeprefix("# ") for line in f"# [[grid]]{grids}".splitlines() if not line.startswith("# Other")
    ))  # fmt: skip
    status, text = srbench("plan", "my-suite.toml")
    assert status == 0, text
    assert all(name in text for name in ("logits", "edsr_medium", "blur_down"))


def test_a_recipe_that_was_written_can_be_trained_by(srbench):
    status, text = srbench("init", "recipe", "my-recipe")
    assert (status, "--recipe my-recipe.toml" in text) == (0, True)
    status, text = srbench("plan", "--architecture", "espcn", "--recipe", "my-recipe.toml", "--scale", "2")
    assert (status, "1 to train" in text) == (0, True), text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("suit", "mine"), "No file to begin with named 'suit'. Did you mean suite?"),
        (("suite", "quick"), "srbench comes with a suite named 'quick'; take another name, such as 'my-quick'."),
        (("recipe", "My Recipe"), "The name 'My Recipe' is not one of lower-case letters"),
        (("suite", "../mine"), "The name '../mine' is not one of lower-case letters"),
    ],
)
def test_wrong_words_are_answered_and_nothing_is_written(srbench, tmp_path, words, said):
    status, text = srbench("init", *words)
    assert (status, said in text) == (2, True), text
    assert list(tmp_path.rglob("*.toml")) == []


def test_nothing_is_overwritten(srbench, tmp_path):
    (tmp_path / "mine.toml").write_text("precious")
    status, text = srbench("init", "suite", "mine")
    assert (status, "mine.toml exists already and is left as it is" in text) == (2, True)
    assert (tmp_path / "mine.toml").read_text() == "precious"
