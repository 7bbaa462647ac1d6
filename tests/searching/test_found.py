"""What was found is a suite that every run accepts, and a page that says how far the search predicted its scores."""

import csv
import math

import numpy as np
import pytest

from srbench.errors import UsageError
from srbench.planning.plan import make_plan
from srbench.planning.suite import load_suite
from srbench.running.events import unheard
from srbench.running.runner import run_plan
from srbench.searching.costs import Costs
from srbench.searching.found import Final, Findings, findings_of, front_of, schedule_found, write_found
from srbench.searching.page import render_page, write_page
from srbench.searching.study import Tried

from .conftest import SEARCH


def tried(name, score, macs, status="measured"):
    return Tried(
        number=0,
        name=name,
        status=status,
        scores={},
        score=score,
        costs=Costs(parameters=int(1000 * macs), macs_g=macs),
    )


def test_the_front_is_what_no_other_beats_at_its_cost(little):
    all_tried = [tried("a", 30, 1), tried("b", 29, 2), tried("c", 31, 2), tried("d", 31, 3), tried("e", None, 0.5)]
    assert [one.name for one in front_of(little.space(), all_tried)] == ["a", "c"]


def test_the_suite_of_what_was_found_has_the_front_and_others_across_the_rest(little):
    name = "sized:width={},kernel={}".format
    scores = [(1, 1, 30, 1), (1, 3, 27, 2), (2, 1, 25, 3), (2, 3, 26, 4), (3, 1, 33, 5), (3, 3, 28, 6)]
    all_tried = [tried(name(width, kernel), score, macs) for width, kernel, score, macs in scores]
    space = little.space(search=SEARCH.replace("others = 1", "others = 3"))
    suite = write_found(space, all_tried, little.folder / "found")
    front, others = [name(1, 1), name(3, 1)], [name(2, 1), name(1, 3), name(3, 3)]
    assert suite.grid[0].architectures == ("bicubic", "dot", *front, *others)
    assert (suite.name, suite.search, suite.recipe) == ("little-found", None, "../final.toml")
    read = load_suite(str(little.folder / "found" / "found.toml"))
    assert {cell.model.architecture for cell in make_plan(read, little.catalog).cells} == set(
        suite.grid[0].architectures
    )


def test_a_search_that_measured_nothing_says_why(little):
    failed = Tried(number=0, name="a", status="failed", reason="the loss is not a number", scores={})
    with pytest.raises(UsageError, match="measured no network; the first: the loss is not a number"):
        write_found(little.space(), [failed], little.folder)


def final(label, expected, scores, macs, *, front=False):
    costs = Costs(parameters=1500, macs_g=macs)
    return Final(
        name=label.lower(), label=label, costs=costs, expected=expected, on_front=front, scores=np.array(scores)
    )


def test_gains_are_paired_by_image_and_over_what_has_no_seeds_too(little):
    findings = Findings(space=little.space(), tried=[], finals=[], tau=None, tau_interval=None)
    own = final("Own", 30.0, [[31.0, 33.0, 35.0], [31.5, 33.5, 35.5]], 1)
    base, other = final("Base", None, [[30.0, 32.0, 34.0]], 1), final("Other", None, [[1.0]], 1)
    mean, (low, high) = findings.gain(own, base)
    assert mean == pytest.approx(1.25)
    assert low < 1.25 < high
    assert findings.gain(own, other) is None


def test_the_page_has_costs_scores_gains_names_and_the_agreement(little):
    finals = [
        final("Base", None, [[30.0, 32.0]], 2),
        final("Small_net", 30.0, [[30.5, 32.75]], 1, front=True),
        final("Broken", 29.0, [], 3),
    ]
    page = render_page(
        Findings(space=little.space(), tried=[tried("a", 30, 1)], finals=finals, tau=0.5, tau_interval=(-0.2, 0.9)),
        shown=True,
    )
    (row,) = [line for line in page.splitlines() if line.startswith("| Small")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "Small_net", "yes", "1.5", "1.00", "30.000", "31.625", "+0.625 (−0.963 to +2.213)"
    ]  # fmt: skip
    assert "\nsmall_net\nbroken\n" in page
    assert "τ = 0.50 (95 % interval -0.20 to 0.90) over 1 networks" in page
    assert "![" in page


def test_a_search_ends_with_final_trainings_a_page_a_table_and_a_picture(little):
    space, folder = little.space(), little.folder / "found"
    all_tried = little.search(space)
    schedule = schedule_found(write_found(space, all_tried, folder), little.session)
    run_plan(schedule, folder, little.catalog.executors["here"], 1, unheard)
    findings = findings_of(space, all_tried, schedule)
    assert [one.name for one in findings.references] == ["bicubic", "dot"]
    assert all(one.score is not None and math.isfinite(one.score) for one in findings.finals)
    assert findings.references[0].costs is None
    paths = write_page(findings, folder)
    assert {path.name for path in paths} >= {"search.md", "search.csv", "found.toml"}
    assert (findings.metric_label, findings.bracketed_unit) == ("PSNR-Y", " [dB]")
    with (folder / "search.csv").open() as file:
        rows = list(csv.DictReader(file))
    measured = {row["network"]: row for row in rows if row["status"] == "measured"}
    assert len(measured) == 4
    for one in findings.found:
        assert float(measured[one.name]["final"]) == pytest.approx(one.score)
        assert float(measured[one.name]["psnr_y short.toml"]) == pytest.approx(one.expected)
    before = {path: path.read_bytes() for path in paths}
    write_page(findings, folder)
    assert {path: path.read_bytes() for path in paths} == before
