"""A random degradation is measured under as many frozen realisations as are asked for, each of them kept."""

import csv
import statistics

import pytest

from srbench.errors import ConfigError
from srbench.records.record import Record
from srbench.report.build import build_report
from srbench.report.leaderboard.sections import make_sections
from srbench.running.events import unheard
from srbench.running.keys import Keys
from srbench.running.runner import run_plan

NOISY = 'architectures = ["bicubic"]\ndegradations = ["down_noise"]'


def numbers(schedule, grid):
    return [cell.realisation for cell in schedule(grid).plan.cells]


def test_there_is_one_realisation_unless_the_suite_or_the_degradation_says_otherwise(schedule):
    assert numbers(schedule, NOISY) == [None]
    assert numbers(schedule, NOISY + "\nrealisations = 1") == [None]
    assert numbers(schedule, NOISY + "\nrealisations = 3") == [0, 1, 2]
    listed = 'architectures = ["bicubic"]\ndegradations = ["gaussian8"]'
    assert numbers(schedule, listed) == list(range(8))
    assert numbers(schedule, listed + "\nrealisations = 2") == [0, 1]


def test_realisations_of_what_is_not_random_are_refused_in_a_sentence(schedule):
    with pytest.raises(ConfigError, match=r"grid\]\] 1: 4 realisations of bicubic would all be the same"):
        schedule('architectures = ["bicubic"]\nrealisations = 4')


def test_the_first_realisation_is_the_one_that_is_measured_alone(schedule, session):
    keys = Keys(session)
    (alone,) = schedule(NOISY).plan.cells
    several = [keys.cell(cell) for cell in schedule(NOISY + "\nrealisations = 3").plan.cells]
    assert keys.cell(alone) == several[0]
    assert len(set(several)) == 3


@pytest.mark.parametrize("change", [{"version": "2"}, {"extra_hash": "a file"}])
def test_version_and_file_of_a_degradation_decide_keys(schedule, session, change, monkeypatch):
    (cell,) = schedule(NOISY).plan.cells
    before = Keys(session).cell(cell)
    shelf = session.catalog.degradations
    spec, plugin = shelf._specs["down_noise"]
    monkeypatch.setitem(shelf._specs, "down_noise", (replace_spec(spec, change), plugin))
    assert Keys(session).cell(cell) != before


def replace_spec(spec, change):
    facts = {name: getattr(spec, name) for name in ("name", "chain", "stochastic", "label")}
    return type(spec)(**facts, **change)


def test_every_realisation_is_a_row_and_a_table_shows_their_mean_and_spread(schedule, catalog, tiny):
    plan = schedule(NOISY + "\nrealisations = 3")
    results = tiny.folder / "results"
    outcome = run_plan(plan, results, catalog.executors["here"], 1, unheard)
    assert (outcome.measured, outcome.failed) == (3, ())
    records = [Record.model_validate_json(p.read_bytes()) for p in (results / "records").glob("*.json")]
    assert sorted(r.realisation for r in records) == [0, 1, 2]
    scores = [r.scores["psnr_y"].value for r in records]
    assert len(set(scores)) == 3
    ((table,),) = [section.tables for section in make_sections(records)]
    (line,) = table.lines
    assert line.repeats == "3 realisations"
    value = line.scores[table.headline]
    assert value.mean == pytest.approx(statistics.fmean(scores))
    assert value.spread == pytest.approx(statistics.stdev(scores))
    files = build_report(results)
    with files.csv.open() as file:
        assert sorted(row["realisation"] for row in csv.DictReader(file)) == ["0", "1", "2"]
    text = files.markdown.read_text(encoding="utf-8")
    assert "(3 realisations)" in text
    assert f"{value.mean:.2f} ± {value.spread:.2f}" in text
    assert "Means over frozen realisations" in text


def test_seeds_and_realisations_are_counted_separately():
    from srbench.report.leaderboard.tables import Line

    one = Record.model_construct(model=MODEL(0), realisation=0)
    line = Line(records=[replace_record(one, seed, number) for seed in (0, 1) for number in (0, 1, 2)])
    assert line.repeats == "2 seeds × 3 realisations"
    assert Line(records=[one]).repeats == ""


class MODEL:
    def __init__(self, seed):
        self.seed = seed


def replace_record(record, seed, number):
    return record.model_copy(update={"model": MODEL(seed), "realisation": number})
