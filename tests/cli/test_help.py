"""Help: examples that can be typed, and options in panels; hints for what other programs call an option."""

import shlex

import pytest
import typer

from helpers.sentences import sentence
from srbench.cli.app import app
from srbench.cli.help import EXAMPLES, FEW, examples_of
from srbench.cli.hints import _KEYS, _OTHER_NAMES

COMMAND = typer.main.get_command(app)
GROUPS = {name: group for name, group in COMMAND.commands.items() if hasattr(group, "commands")}
ALL = {name: command for name, command in COMMAND.commands.items() if name not in GROUPS} | {
    f"{group} {name}": command for group in GROUPS for name, command in GROUPS[group].commands.items()
}


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_examples_which_it_understands(name):
    examples = examples_of(ALL[name].help.partition(f"\n{EXAMPLES}\n")[2])
    assert examples
    for example in examples:
        assert example.startswith(f"srbench {name}")
        words = shlex.split(example.partition(" > ")[0])[1 + len(name.split()) :]
        context = ALL[name].make_context(name, words, resilient_parsing=True)
        known = {option for parameter in ALL[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
        assert not context.args


def test_help_of_run_is_in_panels_and_narrow(srbench, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = srbench("run", "--help").out
    titles = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "Examples:", "Arguments:", "Files and folders:", "Plugins:", "Keep a part of the suite:", "Change the suite:",
        "How to run:", "What to print:", "Options:",
    ]  # fmt: skip
    assert max(map(len, text.splitlines())) <= 80
    assert "\n  srbench run classic --data ~/datasets\n" in text
    assert text.count("--architecture NAME") == 1


def test_few_options_are_one_list(srbench):
    text = srbench("list", "--help").out
    assert "Plugins:" not in text
    assert len(ALL["list"].params) <= FEW


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("run", "--gpus", "1"), "No such option: --gpus. Use --device cuda (see `srbench run --help`)."),
        (("run", "-j", "2"), "No such option: -j. Use --executor processes --workers N (see `srbench run --help`)."),
        (("run", "--log", "x"), "Use --json-log FILE, or `> FILE` for text (see"),
        (("run", "--lr", "1"), "a recipe file sets learning_rate: give one with --recipe"),
        (("run", "--epochs", "1"), "a recipe file sets steps"),
        (("profile", "espcn", "--gpu"), "Use --device cuda"),
        (("plan", "--results", "x"), "`srbench run --dry-run` shows the same with every option of a run"),
        (("list", "--all"), "Use --long"),
    ],
)
def test_an_option_of_other_programs_is_answered_with_what_to_type(srbench, words, hint):
    assert hint.lower() in sentence(srbench(*words)).lower()


def test_every_hint_is_an_option_and_every_key_one_of_recipes():
    from srbench.recipe import Recipe

    options = {option for command in ALL.values() for parameter in command.params for option in parameter.opts}
    assert {right.split()[0].rstrip(",") for right in _OTHER_NAMES} <= options
    assert set(_KEYS) <= set(Recipe.model_fields)


def test_names_are_found_across_kinds_families_and_spellings(srbench):
    (srbench.folder / "family.py").write_text(
        "import srbench\n@srbench.hookimpl\ndef register_losses():\n"
        "    return [srbench.Family(name='f', make=len, example='f:xyzzy')]\n"
    )
    for words, meant in (
        (("niqe",), "pyiqa:niqe"),
        (("xyzzy", "--kind", "loss"), "f:xyzzy"),
        (("EDSR-Baseline",), "edsr_baseline"),
        (("Charbonier",), "charbonnier"),
    ):
        assert f"Did you mean {meant}?" in srbench("show", *words, "--plugin", "family.py").err
    assert "There is a loss of this name." in srbench("show", "charbonnier", "--kind", "distiller").err


def test_the_words_of_other_programs_in_a_recipe_are_answered_with_its_keys(srbench):
    (srbench.folder / "r.toml").write_text('name = "r"\ndatasets = ["t91"]\nsteps = 5\nlr = 1e-3\n')
    assert "unknown key 'lr'; did you mean 'learning_rate'?" in srbench("show", "r.toml").err
