"""``srbench pick``."""

import pytest

from helpers import ROOT

QUICK = ("--output", "48x40", "--seconds", "0.01")


def models(table):
    """Name and numbers of each line of the tables in an output."""
    lines = [line.split() for line in table.splitlines()]
    return [(words[0], *(float(word.replace(",", "")) for word in words[1:])) for words in lines if is_row(words)]


def is_row(words):
    return len(words) > 3 and all(word.replace(",", "").replace(".", "").isdigit() for word in words[1:])


def test_published_weights_are_chosen_by_the_scores_of_their_authors(srbench):
    words = ("pick", "--scale", "4", "--budget", "params_k <= 600", "--budget", "latency_ms_p50 <= 1e6", *QUICK)
    answer = srbench(*words, "--count", "1")
    assert answer.status == 0, answer.err
    within, _, over = answer.out.partition("Better, but over the budget")
    ((name, score, params, *costs),) = models(within)
    assert "." in name
    assert params <= 600
    assert all(cost > 0 for cost in costs)
    assert all(own[1] > score and own[2] > 600 for own in models(over))
    assert "as its authors report it" in answer.out
    assert "timing" in answer.err
    assert "timing" not in srbench(*words, "--count", "1").err, "what was measured is in the cache"


def test_results_are_chosen_by_their_own_scores(srbench):
    folder = ROOT / "results"
    words = ("--from", str(folder), "--budget", "params_k <= 25", "--count", "2", *QUICK)
    answer = srbench("pick", "--scale", "2", *words)
    assert answer.status == 0, answer.err
    best, second = models(answer.out.partition("Better")[0])[:2]
    assert best[1] >= second[1]
    assert max(best[2], second[2]) <= 25
    assert all(name[0].startswith(str(folder)) for name in (best, second))
    assert "as measured" in answer.out


def test_where_nothing_fits_the_nearest_is_named_with_its_figures(srbench):
    answer = srbench("pick", "--scale", "4", "--budget", "params_k <= 0.1", *QUICK)
    assert answer.status == 1
    assert "timing" not in answer.err, "what is too large by its count is not timed"
    assert answer.out.strip().startswith("Over the budget at x4, 48x40, cpu; the nearest")
    (name, _, params, *_), *others = models(answer.out)
    assert all(params <= own[2] for own in others)
    said = (
        f"No model fits: the nearest, {name}, has a params_k of {params:,.1f} over the limit of 0.1; loosen a budget."
    )
    assert said in " ".join(answer.err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scale", "4", "--budget", "params_k <= 0.1"), "No model fits"),
        (("--scale", "4", "--budget", "speed <= 3"), "speed"),
        (("--scale", "4", "--budget", "params_k <= 3", "--output", "big"), "1280x720"),
        (("--scale", "17", "--budget", "params_k <= 3"), "scale 17"),
        (("--scale", "4", "--budget", "params_k <= 3", "--from", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_is_one_sentence(srbench, words, said):
    answer = srbench("pick", *words)
    assert answer.status in (1, 2)
    assert said in answer.err
    assert "Traceback" not in answer.err
