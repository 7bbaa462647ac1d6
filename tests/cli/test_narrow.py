"""What a terminal of 80 columns shows: every word whole, wide names too, and everything that is left out is said."""

import dataclasses
import re

import pytest

from helpers.catalogs import share
from srbench.cli.tables import print_table

WIDE = "a_network_whose_name_has_forty_character"


@pytest.fixture
def narrow(srbench, monkeypatch, catalog, tmp_path):
    """A terminal of 80 columns, and a network with a wide name among the others."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    spec, plugin = catalog.architectures._specs["espcn"]
    wide = dataclasses.replace(spec, name=WIDE, label="A network")
    monkeypatch.setitem(catalog.architectures._specs, WIDE, (wide, plugin))
    share(monkeypatch, catalog)

    def typed(*words):
        answer = srbench(*words)
        assert answer.status == 0, answer.err
        return answer.out

    return typed


def too_long(text):
    """Return the lines beyond 80 columns that could have been broken: those of several words below the first."""
    return [line for line in text.splitlines() if len(line) > 80 and " " in line.strip()]


def test_a_list_keeps_names_and_says_which_columns_are_left_out(narrow):
    text = narrow("list", "architectures")
    assert too_long(text) == []
    assert re.search(rf"^{WIDE}  A network", text, re.MULTILINE)
    assert re.search(r"^Left out: .*license; --long shows all\.$", text, re.MULTILINE)
    whole = narrow("list", "architectures", WIDE, "--long")
    assert "license" in whole
    assert "Left out" not in whole


@pytest.mark.parametrize("kind", ["distillers", "degradations", "steps", "metrics", "losses", "suites", "recipes"])
def test_no_word_of_a_list_is_cut(narrow, srbench, monkeypatch, kind):
    text = narrow("list", kind)
    assert too_long(text) == []
    monkeypatch.setenv("COLUMNS", "400")
    known = set(srbench("list", kind, "--long").out.split())
    assert set(text.split()) - known <= {"Left", "out:", "--long", "shows", "all."} | set(
        re.findall(r"\S+", " ".join(line for line in text.splitlines() if line.startswith("Left out")))
    )


def test_a_plan_has_the_sum_first_and_last_the_models_and_the_stages(narrow, tiny):
    text = narrow("plan", "quick", "--architecture", WIDE, "--scale", "2")
    first, *_, last = text.splitlines()
    assert first == last
    assert re.fullmatch(r"suite quick: 2 cells, \d+ jobs to do, about .+ on this machine\.", first)
    assert too_long(text.replace(first, "")) == []
    assert re.search(rf"^{WIDE}", text, re.MULTILINE)
    assert "1 to train" in text
    for stage in ("train", "measure", "certify", "profile"):
        assert re.search(rf"^{stage} +\d+ +\d+ +\d+ (s|min)$", text, re.MULTILINE), text


def test_seeds_are_one_line_of_a_plan(narrow):
    words = ("--architecture", "espcn", "--scale", "2", "--seed", "0", "--seed", "1")
    text = narrow("plan", "quick", *words)
    assert len(re.findall(r"^espcn ", text, re.MULTILINE)) == 1
    assert "2 to train" in text


def test_show_hides_defaults_and_has_scores_by_dataset_and_scale(narrow):
    text = narrow("show", "edsr_baseline")
    assert too_long("\n".join(text.splitlines()[1:])) == []
    for line in (
        r"    dataset +metric +x2 +x4", r"    set5 +psnr_y +37.99 +32.09", r"    total +1,369,859 +[\d,.]+ M",
        r"    steps = 300000",
    ):  # fmt: skip
        assert re.search(f"^{line}$", text, re.MULTILINE), line
    assert text.count("comparison table of a later paper") == 1
    for default in ("betas", "weight_decay", "trainable", "padding"):
        assert default not in text
        assert default in narrow("show", "edsr_baseline", "--long")


def test_show_resolves_a_suite_and_says_what_it_costs(narrow):
    text = narrow("show", "quick", "--kind", "suite")
    assert too_long(text) == []
    flat = " ".join(text.split())
    assert re.search(r"cost: 11 cells, 9 trainings; from the beginning, training takes about .+ and measuring ", flat)
    assert re.search(r"^    edsr_medium · x2 · bicubic +quick +0$", text, re.MULTILINE)  # it only teaches


def test_show_prints_a_recipe_and_a_file_of_either(narrow, srbench):
    text = narrow("show", "recognition_flowers")
    assert text.startswith("recognition_flowers, recipe:\n")
    assert "  learning_rate = 0.002\n" in text
    assert "betas" not in text
    (srbench.folder / "own.toml").write_text(
        'name = "own"\n[[grid]]\narchitectures = ["bicubic"]\ndatasets = ["photographs"]\nscales = [2]\n'
    )
    assert "own.toml, suite:" in narrow("show", "own.toml")
    (srbench.folder / "r.toml").write_text('name = "r"\ndatasets = ["t91"]\nsteps = 5\nlosses = { l1 = 1.0 }\n')
    assert "r.toml, recipe" in narrow("show", "r.toml")


def test_the_datasets_are_listed_without_a_box_and_in_a_pipe_with_tabs(narrow, srbench, monkeypatch):
    text = narrow("data", "list", "set*")
    assert not set(text) & set("┏━┃│┃└─")
    assert re.search(r"^set5  +test  +0 of 5", text, re.MULTILINE)
    monkeypatch.delenv("COLUMNS")
    assert "set5\ttest\t0 of 5\tabsent\tunknown\n" in srbench("data", "list", "set*").out


def test_a_table_breaks_between_words_and_drops_what_does_not_fit(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    rows = [("name", "some words to be broken", "x" * 20), ("n", "", "")]
    print_table("Title", ("one", "two", "three"), rows)
    assert capsys.readouterr().out.splitlines() == [
        "Title", "one   two", "name  some words to be broken", "n", "Left out: three; --long shows all.", "",
    ]  # fmt: skip
    print_table("", ("one", "two", "three"), rows, long=True)
    assert capsys.readouterr().out.splitlines() == [
        "name", "    two: some words to be broken", f"    three: {'x' * 20}", "n", "",
    ]  # fmt: skip
    monkeypatch.delenv("COLUMNS")
    print_table("Title", ("one", "two"), [("a", "b\nc")])
    assert capsys.readouterr().out == "Title\none\ttwo\na\tb; c\n\n"
