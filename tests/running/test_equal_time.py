"""Trainings of equal time: how many steps fit comes from a ratio that is measured once and kept."""

from dataclasses import replace

import pytest

from srbench.records.record import Record
from srbench.running.equal_time import RATIO_GRAIN, compare_paces, steps_in_time
from srbench.running.events import unheard
from srbench.running.jobs import PaceJob, TrainJob, perform
from srbench.running.keys import Keys
from srbench.running.runner import run_plan
from srbench.running.stages import Pace

GRID = 'architectures = ["dot"]\ndistillers = ["none", "logits"]\nteacher = "wide"\nbudget = "time"'


@pytest.fixture
def timed(schedule, tiny):
    tiny.recipe(steps=40)
    return schedule(GRID)


def jobs_of(schedule, kind):
    return [scheduled.job for scheduled in schedule.jobs.values() if isinstance(scheduled.job, kind)]


def test_plain_training_is_the_time_and_everything_else_is_paced(timed):
    models = {model.distiller: model for model in timed.plan.models if model.architecture == "dot"}
    assert models["none"].budget == "steps"
    assert models["logits"].budget == "time"
    assert models["logits"].title.endswith("equal time")
    training = timed.jobs[timed.keys.model(models["logits"])]
    teacher, pace = training.needs
    assert teacher.job == TrainJob(models["logits"].teachers[0])
    assert pace.job == PaceJob(models["logits"])


def test_the_budget_decides_the_key_of_weights_and_seeds_share_a_pace(timed, session):
    keys = Keys(session)
    (model,) = [m for m in timed.plan.models if m.budget == "time"]
    assert keys.model(replace(model, budget="steps")) != keys.model(model)
    other = replace(model, seed=9, teachers=tuple(replace(t, seed=9) for t in model.teachers))
    assert keys.pace(other) == keys.pace(model)
    assert keys.pace(replace(model, distiller="fitnet")) != keys.pace(model)
    longer = replace(model, recipe=model.recipe.model_copy(update={"batch": 3}))
    assert keys.pace(longer) != keys.pace(model)


def test_a_worker_with_threads_of_its_own_finds_the_key_of_who_sent_it(timed, session, torch_threads):
    (model,) = [m for m in timed.plan.models if m.budget == "time"]
    asked = replace(session, threads=1)
    torch_threads(2)
    sent = Keys(asked).pace(model)
    torch_threads(1)
    assert Keys(asked).pace(model) == sent
    torch_threads(2)
    assert Keys(replace(session, threads=2)).pace(model) != sent


def test_the_ratio_is_kept_and_decides_the_steps(timed, session, catalog, tmp_path, monkeypatch):
    calls = []

    def fixed(model, within):
        calls.append(model)
        return Pace(ratio=1.6, seconds_per_step=0.016, plain_seconds_per_step=0.01, late_names={})

    monkeypatch.setattr("srbench.running.equal_time.compare_paces", fixed)
    results = tmp_path / "results"
    outcome = run_plan(timed, results, catalog.executors["here"], 1, unheard)
    assert not outcome.failed
    rows = {}
    for file in (results / "records").glob("*.json"):
        record = Record.model_validate_json(file.read_bytes())
        rows[record.model.distiller] = record
    assert rows["none"].model.train_steps == 40
    assert rows["none"].model.time_ratio is None
    timed_facts = rows["logits"].model
    assert (timed_facts.train_steps, timed_facts.time_ratio, timed_facts.training) == (25, 1.6, "tiny, equal time")
    assert timed_facts.costs.teacher_forwards == 1.0
    (training,) = [job for job in jobs_of(timed, TrainJob) if job.model.budget == "time"]
    session.store.forget(timed.keys.model(training.model))
    perform(training, timed.keys.model(training.model), session)
    assert len(calls) == 1, "the stored ratio serves again"


def test_the_ratio_is_that_of_the_two_times_as_a_round_number_and_trials_leave_nothing_behind(
    timed, session, monkeypatch
):
    monkeypatch.setattr("srbench.running.equal_time.TRIAL_TURNS", 1)
    (job,) = jobs_of(timed, PaceJob)
    pace = compare_paces(job.model, session)
    assert pace.ratio / RATIO_GRAIN == pytest.approx(round(pace.ratio / RATIO_GRAIN))
    assert pace.ratio == pytest.approx(pace.seconds_per_step / pace.plain_seconds_per_step, abs=RATIO_GRAIN)
    assert session.store.read(Keys(session).model(job.model)) is None, "a trial leaves nothing behind"


@pytest.mark.parametrize(("ratio", "steps"), [(1.0, 40), (1.6, 25), (0.95, 42), (3.0, 13), (1e6, 1)])
def test_steps_fit_into_the_time(timed, ratio, steps):
    recipe = timed.plan.models[-1].recipe
    assert steps_in_time(recipe, ratio) == steps
