"""The options of a run are declared once, and ``run`` and ``plan`` have them all."""

import dataclasses
import inspect
from pathlib import Path

import pytest

from srbench.cli import plan, run
from srbench.cli.options import with_run_options
from srbench.errors import UsageError
from srbench.planning.overrides import RunOptions
from srbench.scales import parse_scale

NAMES = [field.name for field in dataclasses.fields(RunOptions) if field.name != "profile"]


@pytest.mark.parametrize("command", [run.run, plan.plan])
def test_a_command_has_every_option_of_a_run_in_order_and_in_one_place(command):
    parameters = [*inspect.signature(command).parameters]
    first = parameters.index(NAMES[0])
    assert parameters[first : first + len(NAMES)] == NAMES
    assert "options" not in parameters


@pytest.fixture
def read():
    """Call a command with what Typer makes of the words, and return the options that it receives."""
    received = []

    @with_run_options
    def command(suite: str, *, options: RunOptions) -> None:
        received.append((suite, options))

    def reading(**typed):
        parameters = inspect.signature(command).parameters
        defaults = {name: parameter.default for name, parameter in parameters.items() if name != "suite"}
        command(suite="s", **defaults | typed)
        (suite, options) = received.pop()
        assert suite == "s"
        return options

    return reading


def test_what_is_not_typed_is_the_default(read):
    assert read() == RunOptions()


def test_words_become_values_of_the_types_that_are_declared(read):
    typed = read(only=["a,b", "c"], scales=["2, 4"], seeds=[0, 1], tile=0, weights=[Path("a,b.pth")], chop=True)
    assert typed == RunOptions(
        only=("a", "b", "c"), scales=(2, 4), seeds=(0, 1), tile=0, weights=(Path("a,b.pth"),), chop=True
    )


def test_scales_are_whole_numbers_or_real_ones_for_both_axes_or_each(read):
    assert read(scales=["2,2.0,2.3", "3.7x1.5"]).scales == (2, 2, parse_scale("2.3"), parse_scale("3.7x1.5"))


def test_a_comma_between_the_parameters_of_a_name_does_not_end_it(read):
    typed = read(architectures=["stack:n_blocks=4,n_feats=16,imdn, stack:base=none , base=nearest"])
    assert typed.architectures == ("stack:n_blocks=4,n_feats=16", "imdn", "stack:base=none , base=nearest")


@pytest.mark.parametrize("word", ["0", "1", "-1", "two", "2.5.1", "2x", "65", "2,x"])
def test_a_scale_that_is_not_one_is_refused_with_the_way_to_write_it(read, word):
    wrong = word.rpartition(",")[2]
    with pytest.raises(UsageError) as refused:
        read(scales=[word])
    assert str(refused.value) == (
        f"--scale {wrong} is not a scale; give a number above 1 and up to 64, or two for height and width, such as "
        "2, 2.3 or 3.7x1.5."
    )
