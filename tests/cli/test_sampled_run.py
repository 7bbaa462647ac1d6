"""A run of networks that draw sr and of one that is fitted, from a suite to records, here and in worker processes."""

import csv
import json
from statistics import fmean

import pytest

from helpers import TESTS

SAMPLED = TESTS / "helpers" / "sampled_plugin.py"
GRID = 'architectures = ["bicubic", "dice", "mean"]\nsamplers = ["walk-2", "leap-1"]\nfit_steps = 5\nsamples = 3'


@pytest.fixture
def run(srbench, tiny):
    suite = tiny.suite(GRID, "profile = { enabled = false }")

    def typed(*words, results="results"):
        folder = tiny.folder / results
        answer = srbench(
            "run", suite, "--data", tiny.data, "--plugin", tiny.plugin, "--plugin", SAMPLED, "--results", folder, *words
        )
        assert answer.status == 0, answer.err + answer.out
        found = [json.loads(path.read_text()) for path in (folder / "records").glob("*.json")]
        return {(one["model"]["architecture"], one.get("drawn", "")): one for one in found}

    return typed


def test_samples_fits_and_their_costs_are_recorded(run, tiny):
    found = run()
    assert sorted(found) == [
        ("bicubic", ""), ("dice", "leap-1,samples=3"), ("dice", "walk-2,samples=3"), ("mean", "fit=5"),
    ]  # fmt: skip
    assert "image_costs" not in found["bicubic", ""]
    evaluations = {how: found[how]["image_costs"]["evaluations"] for how in found if how[1]}
    assert list(evaluations.values()) == [{"walk": 2, "leap": 2, "fit=": 5}[how[:4]] for _, how in evaluations]
    for how in evaluations:
        costs = found[how]["image_costs"]
        assert costs["seconds"]["value"] > 0
        assert costs["peak_memory_mib"]["value"] > 0
    drawn = found["dice", "walk-2,samples=3"]
    images, score = drawn["images"], drawn["scores"]["psnr_y"]
    assert [len(image["samples"]) for image in images] == [3, 3]
    assert score["samples"] == pytest.approx(
        [fmean(image["samples"][number]["psnr_y"] for image in images) for number in range(3)]
    )
    assert score["value"] == pytest.approx(fmean(score["samples"]))
    kept = [tiny.folder / "results" / "records" / name for name in images[0]["sample_files"]]
    assert len({path.read_bytes() for path in kept}) == 3
    with (tiny.folder / "results" / "per_sample.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2 * 2 * 3


@pytest.mark.slow
def test_workers_draw_what_this_process_draws(run):
    here = run()
    there = run("--executor", "processes", "--workers", "2", "--fresh", results="there")
    assert {how: record["scores"] for how, record in here.items()} == {
        how: record["scores"] for how, record in there.items()
    }
