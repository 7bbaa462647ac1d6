"""``srbench search`` as a person types it, killed and gone on with, and in two processes at once."""

import csv
import subprocess
import sys

import pytest

from helpers import TESTS
from helpers.sentences import sentence
from srbench.running import session

SIZED = TESTS / "helpers" / "sized_plugin.py"
RECIPE = 'datasets = ["tiny_train"]\npatch = 8\nbatch = 2\nlearning_rate = 1e-2\n'
SUITE = """\
name = "little"
protocol = "classic-y"
metrics = ["psnr_y"]
recipe = "final.toml"
[profile]
enabled = false
[[grid]]
architectures = ["bicubic", "dot"]
datasets = ["tiny_test"]
scales = [2]
[search]
dataset = "tiny_validate"
recipes = ["short.toml"]
trials = 3
others = 1
[search.limits]
parameters = 120
[[search.network]]
family = "sized"
choices = { width = [1, 2, 3, 4], kernel = [1, 3] }
"""


@pytest.fixture
def suite(tiny):
    for number in range(10, 14):
        tiny.picture(tiny.data / "TinyValidate" / f"{number}.png", number)
    for name, steps in (("short", 4), ("final", 6)):
        (tiny.folder / f"{name}.toml").write_text(f'name = "{name}"\n{RECIPE}steps = {steps}\n')
    path = tiny.folder / "little.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture
def typed(srbench, tiny, suite):
    def run(command, *words):
        session._library.cache_clear()
        return srbench(command, *words, "--data", tiny.data, "--plugin", tiny.plugin, "--plugin", SIZED)

    return run


@pytest.fixture
def in_processes(tiny, suite, tmp_path):
    """Search in other processes; see helpers.search_processes. Gives their exit statuses and what they printed."""

    def run(end):
        where = tmp_path / "there"
        where.mkdir()
        words = ["-m", "helpers.search_processes", where, end, suite, "--results", "found", "--data", tiny.data]
        words += ["--plugin", tiny.plugin, "--plugin", SIZED, "--threads", "1"]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=TESTS)
        assert done.returncode == 0, done.stderr
        printed = [path.read_text() for path in sorted(where.glob("out-*.txt"))]
        return list(map(int, done.stdout.split())), printed, where / "found"

    return run


def rows(folder):
    with (folder / "search.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_search_ends_with_networks_that_a_run_takes_from_the_cache(typed, suite, tmp_path):
    answer = typed("search", suite)
    assert (answer.status, answer.err) == (0, "")
    found = tmp_path / "here" / "results" / "little"
    for name in ("leaderboard.md", "search.md", "search.csv", "found.toml"):
        assert f"results/little/{name}" in answer.out
        assert (found / name).is_file()
    again = typed("run", found / "found.toml", "--results", "again")
    assert "0 cells measured" in again.out
    assert again.status == 0, again.err
    name = next(row["network"] for row in rows(found) if row["status"] == "measured")
    alone = typed("run", found / "found.toml", "--results", "alone", "--architecture", f"{name},dot")
    assert alone.status == 0, alone.err
    with (tmp_path / "here" / "alone" / "leaderboard.csv").open() as file:
        assert {row["architecture"] for row in csv.DictReader(file)} == {"bicubic", name, "dot"}


def test_the_same_command_again_trains_nothing(typed, suite, tmp_path):
    typed("search", suite)
    page = (tmp_path / "here" / "results" / "little" / "search.md").read_bytes()
    second = typed("search", suite)
    assert second.status == 0
    assert "training" not in second.out
    assert (tmp_path / "here" / "results" / "little" / "search.md").read_bytes() == page


def test_more_trials_go_on_from_those_that_were_made(typed, suite, tmp_path):
    typed("search", suite, "--trials", "1")
    typed("search", suite, "--trials", "2")
    status = [row["status"] for row in rows(tmp_path / "here" / "results" / "little")]
    assert status.count("measured") == 2


def test_a_search_that_was_killed_in_a_training_goes_on_with_that_network(in_processes):
    statuses, _, found = in_processes("2")
    assert statuses == [-9, 0]
    status = [row["status"] for row in rows(found)]
    assert "running" not in status
    assert status.count("measured") == 3
    assert not list((found / ".search").glob("worker-*"))


def test_two_processes_share_a_search_and_one_of_them_finishes_it(in_processes):
    statuses, printed, found = in_processes("two")
    assert statuses == [0, 0], printed
    measured = [row["network"] for row in rows(found) if row["status"] == "measured"]
    assert len(set(measured)) == len(measured) >= 3
    assert (found / "search.md").is_file()


def changed(*pairs):
    text = SUITE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed(('"sized"', '"sizes"')), "No family of architectures named 'sizes'. Did you mean sized?"),
        (changed(('"sized"', '"plain"')), "the family plain has no typed parameters"),
        (changed(("width", "widths")), "No parameter of sized named 'widths'. Did you mean width?"),
        (changed(("[1, 3]", "[2]")), "kernel = 2 does not fit sized: expected 1, 3 or 5."),
        (changed(("[1, 3]", '["3"]')), "kernel = '3' does not fit sized: expected 1, 3 or 5."),
        (changed(("[1, 3]", "[]")), "kernel = [] does not fit"),
        (changed(("choices = {", "choices = {} #")), "choices = {} does not fit"),
        (changed(("parameters = 120", "parameters = 1")), "none of 8 networks that were proposed can be tried"),
        (changed(("trials = 3", "trials = 0")), "trials = 0 does not fit"),
        (changed(("trials = 3", "trails = 3")), "unknown key 'trails'; did you mean 'trials'?"),
        (changed(("tiny_validate", "tiny_test")), "tiny_test would choose networks and test them too"),
        (changed(("tiny_validate", "tiny_train2")), "No dataset named 'tiny_train2'"),
        (changed(("short.toml", "shorter.toml")), "the recipe file shorter.toml does not exist"),
        (SUITE[: SUITE.index("[search]")], "has no table [search]"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_in_one_sentence(typed, suite, tmp_path, text, said):
    suite.write_text(text)
    assert said in sentence(typed("search", suite))


def test_a_shipped_suite_without_a_search_says_so(typed):
    assert "Suite quick has no table [search]" in sentence(typed("search", "quick"))


def test_without_optuna_the_sentence_names_the_extra(typed, suite, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "install srbench[search]" in sentence(typed("search", suite))


def test_the_help_says_what_it_does(typed, srbench):
    answer = srbench("search", "--help")
    assert answer.status == 0
    for words in ("--trials", "--results", "--workers", "[search]"):
        assert words in answer.out
