"""Samplers and fits on the command line: what list, show and plan say of them, and what is refused."""

import csv
import json
import re

import pytest

from helpers import TESTS

SAMPLED = TESTS / "helpers" / "sampled_plugin.py"


def document(answer):
    assert answer.status == 0, answer.err
    return json.loads(answer.out)


def test_list_shows_the_samplers_of_a_network_and_which_is_fitted(srbench):
    things = document(srbench("list", "architectures", "--plugin", SAMPLED, "--json"))["things"]
    drawn = {thing["name"]: thing["facts"]["drawn"] for thing in things}
    assert (drawn["dice"], drawn["mean"], drawn["espcn"]) == ("walk-4, walk-1, leap-2", "fitted", "")


def test_show_names_samplers_with_their_steps_and_the_steps_of_a_fit(srbench):
    dice = srbench("show", "dice", "--plugin", SAMPLED).out
    assert all(word in dice for word in ("samplers", "walk", "leap"))
    assert "fitting: steps 30" in srbench("show", "mean", "--plugin", SAMPLED).out


def test_plan_says_how_sr_is_drawn(srbench, tiny):
    suite = tiny.suite('architectures = ["bicubic", "dice", "mean"]\nfit_steps = 5\nsamples = 3')
    words = (
        "plan",
        suite,
        "--data",
        tiny.data,
        "--plugin",
        tiny.plugin,
        "--plugin",
        SAMPLED,
        "--sampler",
        "walk-1,leap-2",
    )
    models = document(srbench(*words, "--json"))["models"]
    assert [model["drawn"] for model in models if model["title"].startswith(("bicubic", "mean"))] == [[], ["fit=5"]]
    (dice,) = [model for model in models if model["title"].startswith("dice")]
    assert dice["drawn"] == ["walk-1,samples=3", "leap-2,samples=3"]
    assert dice["measuring"]["all"] == 2
    assert "walk-1,samples=3" in srbench(*words).out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--samples", "2"), "samples is given, and no architecture of the suite draws its sr"),
        (("--fit-seconds", "inf"), "--fit-seconds inf is not a time"),
        (("--samples", "0"), "--samples"),
        (("--architecture", "dice", "--sampler", "ddim-4"), "dice has no sampler 'ddim'; choose one of its own"),
        (("--architecture", "dice", "--tile", "64"), "dice draws its sr at random"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(srbench, tiny, words, sentence):
    answer = srbench("plan", tiny.suite(), "--data", tiny.data, "--plugin", tiny.plugin, "--plugin", SAMPLED, *words)
    assert answer.status == 2
    assert sentence in " ".join(answer.err.split())


@pytest.fixture
def measured(run, tiny):
    """A run of two samplers, three samples of each image, and a fit, with a picture of each kept."""

    def running(*words):
        grid = (
            'architectures = ["bicubic", "dice", "mean"]\nsamplers = ["walk-4", "leap-2"]\nsamples = 3\nfit_steps = 4'
        )
        return run("--results", "r", *words, suite=tiny.suite(grid), plugins=[SAMPLED])

    return running


def test_a_run_measures_each_sampler_keeps_all_samples_and_does_nothing_twice(measured, srbench):
    answer = measured()
    assert answer.status == 0, answer.err
    with (srbench.folder / "r" / "leaderboard.csv").open() as file:
        rows = {row["inference"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"whole", "whole,fit=4", "whole,walk-4,samples=3", "whole,leap-2,samples=3"}
    assert [row["evaluations"] for row in rows.values() if row["samples"]] == ["4", "4"]
    assert float(rows["whole,walk-4,samples=3"]["psnr_y_db_sample_sd"]) > 0
    records = [json.loads(path.read_text()) for path in (srbench.folder / "r" / "records").glob("*.json")]
    files = [image["sample_files"] for record in records for image in record["images"] if "sample_files" in image]
    assert files
    for names in files:
        assert len(names) == len({(srbench.folder / "r" / "records" / name).read_bytes() for name in names}) == 3
    key = next(record["key"] for record in records if record.get("drawn") == "walk-4,samples=3")
    shown = srbench("show", f"r#{key}").out
    assert all(
        words in shown for words in ("over samples", "image_costs:", "evaluations: 4", "drawn: walk-4,samples=3")
    )
    again = measured()
    assert again.status == 0
    assert not re.search(r"done +measuring", again.err)
