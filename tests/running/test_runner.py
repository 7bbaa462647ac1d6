"""Jobs run after what they need, once, anywhere; what fails is a reason and stops nothing else."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from srbench.catalog.executors import ExecutorSpec
from srbench.errors import DataError, StoreError
from srbench.records.costs import Profile
from srbench.records.record import Environment, Record
from srbench.records.scores import Certification
from srbench.records.stored import Measured
from srbench.running import runner
from srbench.running.events import Failed, Finished, unheard
from srbench.running.jobs import TrainJob
from srbench.running.runner import run_plan
from srbench.running.stages import CERTIFY, MEASURE, PACE, PROFILE, TRAIN, MeasuredCell, Pace, Trained

CHAIN = 'architectures = ["bicubic", "dot", "wide"]\ndistillers = ["none", "logits"]\nteacher = "wide"'


class Threads(ThreadPoolExecutor):
    """Many at once, for jobs that do nothing."""


@pytest.fixture
def fake(session, monkeypatch):
    """Jobs that only note that they ran; those whose title holds a word fail."""
    log, faults, lock = [], {}, threading.Lock()

    def perform(job, name, within, progress=None):
        with lock:
            log.append(job.title)
        for word, error in faults.items():
            if word in job.title:
                raise error
        within.store.write(name, RESULTS[name.stage])
        return 0.0

    monkeypatch.setattr(runner, "perform", perform)
    perform.log, perform.faults = log, faults
    return perform


ENVIRONMENT = Environment(srbench="0", torch="0", python="3", device="cpu", machine="m", machine_name="M")
RESULTS = {
    PACE: Pace(ratio=1.0, seconds_per_step=1.0, plain_seconds_per_step=1.0, late_names={}),
    TRAIN: Trained(weights_sha256="0", train_seconds=1.0, train_steps=1, late_names={}, environment=ENVIRONMENT),
    MEASURE: MeasuredCell(
        scores={}, images=(), lr_source="", environment=ENVIRONMENT, seconds=0.1, created="2026-01-01T00:00:00+00:00"
    ),
    CERTIFY: Certification(status="no reference", detail=""),
    PROFILE: Profile(
        machine="m",
        **{name: Measured(value=1.0) for name, field in Profile.model_fields.items() if field.annotation is Measured},
    ),
}
THREADS = ExecutorSpec(name="threads", make=lambda workers, needs: Threads(4))


@pytest.fixture(params=["here", "threads"])
def executor(request, catalog):
    return THREADS if request.param == "threads" else catalog.executors["here"]


def records(folder):
    return [Record.model_validate_json(file.read_bytes()) for file in sorted((folder / "records").glob("*.json"))]


def test_every_job_runs_once_and_after_what_it_needs(schedule, fake, executor, tmp_path):
    planned = schedule(CHAIN)
    outcome = run_plan(planned, tmp_path / "results", executor, 2, unheard)
    assert outcome == runner.Outcome(measured=5, cached=0, failed=())
    assert len(fake.log) == len(set(fake.log)) == 5 + 4 + 1
    place = {title: number for number, title in enumerate(fake.log)}
    for scheduled in planned.jobs.values():
        for parent in scheduled.needs:
            assert place[parent.job.title] < place[scheduled.job.title]
    assert len(records(tmp_path / "results")) == 5


def test_a_second_run_does_nothing(schedule, fake, executor, tmp_path):
    run_plan(schedule(CHAIN), tmp_path / "results", executor, 2, unheard)
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "results").rglob("*.json")}
    fake.log.clear()
    outcome = run_plan(schedule(CHAIN), tmp_path / "results", executor, 2, unheard)
    assert outcome == runner.Outcome(measured=0, cached=5, failed=())
    assert fake.log == []
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "results").rglob("*.json")} == before


def test_a_fresh_run_does_all_again(schedule, fake, catalog, tmp_path):
    here = catalog.executors["here"]
    run_plan(schedule(CHAIN), tmp_path / "results", here, 1, unheard)
    fake.log.clear()
    outcome = run_plan(schedule(CHAIN), tmp_path / "results", here, 1, unheard, fresh=True)
    assert (outcome.measured, outcome.cached, len(fake.log)) == (5, 0, 10)


def test_another_results_folder_is_filled_from_the_cache(schedule, fake, catalog, tmp_path):
    for folder in ("one", "two"):
        run_plan(schedule(CHAIN), tmp_path / folder, catalog.executors["here"], 1, unheard)
    assert [r.model_dump() for r in records(tmp_path / "one")] == [r.model_dump() for r in records(tmp_path / "two")]


class Watching:
    """Remembers how each job ended."""

    def __init__(self):
        self.shown, self.total = {}, 0

    def __call__(self, event):
        if isinstance(event, Finished | Failed):
            self.shown[event.job] = event.reason if isinstance(event, Failed) else None
            self.total = event.jobs


def test_a_failed_teacher_fails_what_needs_it_with_its_reason_and_nothing_else(schedule, fake, executor, tmp_path):
    watching = Watching()
    fake.faults["training wide · x2"] = DataError("the data are gone")
    outcome = run_plan(schedule(CHAIN), tmp_path / "results", executor, 2, watching)
    assert (outcome.measured, len(outcome.failed)) == (2, 3)
    reasons = dict(outcome.failed)
    for title, reason in reasons.items():
        assert "wide" in title
        assert reason == "it needs training wide · x2 · bicubic · seed 0, which failed: the data are gone"
    by_status = {r.status: [x for x in records(tmp_path / "results") if x.status == r.status]
                 for r in records(tmp_path / "results")}  # fmt: skip
    assert (len(by_status["ok"]), len(by_status["failed"])) == (2, 3)
    assert {r.reason for r in by_status["failed"]} == set(reasons.values())
    # Jobs that could not start are shown as failed, not as done.
    assert watching.total == len(watching.shown) == 10
    assert sum(failure is not None for failure in watching.shown.values()) == 1 + 2 + 3
    assert "training dot, logits from wide · x2 · bicubic · seed 0" not in fake.log


def test_a_failure_is_tried_again_and_its_record_makes_way(schedule, fake, catalog, tmp_path):
    here = catalog.executors["here"]
    fake.faults["measuring bicubic"] = RuntimeError("oops")
    outcome = run_plan(schedule(CHAIN), tmp_path / "results", here, 1, unheard)
    assert dict(outcome.failed) == {"bicubic · x2 on tiny_test (x2, bicubic)": "RuntimeError: oops"}
    fake.faults.clear()
    outcome = run_plan(schedule(CHAIN), tmp_path / "results", here, 1, unheard)
    assert (outcome.measured, outcome.cached, outcome.failed) == (1, 4, ())
    assert {r.status for r in records(tmp_path / "results")} == {"ok"}
    assert len(records(tmp_path / "results")) == 5


def test_a_result_that_comes_back_from_the_cache_replaces_a_newer_one_of_other_code(schedule, fake, catalog, tmp_path):
    here, results = catalog.executors["here"], tmp_path / "results"
    run_plan(schedule('architectures = ["bicubic"]'), results, here, 1, unheard)
    (file,) = (results / "records").glob("*.json")
    newer = json.loads(file.read_text()) | {"key": "0" * 64, "created": "2099-01-01T00:00:00+00:00"}
    file.unlink()
    (results / "records" / f"{'0' * 64}.json").write_text(json.dumps(newer))
    run_plan(schedule('architectures = ["bicubic"]'), results, here, 1, unheard)
    assert list((results / "records").glob("*.json")) == [file]


def test_a_run_of_other_cells_leaves_the_records_there_are(schedule, fake, catalog, tmp_path):
    here, results = catalog.executors["here"], tmp_path / "results"
    run_plan(schedule('architectures = ["bicubic"]'), results, here, 1, unheard)
    (results / "records" / "damaged.json").write_text("{")
    run_plan(schedule('architectures = ["dot"]'), results, here, 1, unheard)
    assert len(list((results / "records").glob("*.json"))) == 3


def test_a_missing_training_set_fails_its_cells_and_costs_no_job(schedule, fake, catalog, tmp_path, tiny):
    for file in (tiny.data / "TinyTrain").iterdir():
        file.unlink()
    (tiny.data / "TinyTrain").rmdir()
    planned = schedule(CHAIN)
    outcome = run_plan(planned, tmp_path / "results", catalog.executors["here"], 1, unheard)
    assert (outcome.measured, len(outcome.failed)) == (1, 4)
    assert all("tiny_train is not below" in reason for _, reason in outcome.failed)
    assert sorted(fake.log) == ["certifying tiny_test x2", "measuring bicubic · x2 on tiny_test (x2, bicubic)"]


def test_stopping_keeps_what_was_finished(schedule, fake, catalog, tmp_path):
    here, results = catalog.executors["here"], tmp_path / "results"
    fake.faults["training wide, logits"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_plan(schedule(CHAIN), results, here, 1, unheard)
    done = len(records(results))
    fake.faults.clear()
    assert run_plan(schedule(CHAIN), results, here, 1, unheard) == runner.Outcome(
        measured=5 - done, cached=done, failed=()
    )


def test_a_full_disk_ends_the_run(schedule, fake, executor, tmp_path):
    fake.faults["certifying"] = StoreError("The disk is full")
    with pytest.raises(StoreError, match=r"The disk is full"):
        run_plan(schedule(CHAIN), tmp_path / "results", executor, 2, unheard)


def test_profiles_come_last_and_one_by_one_and_complete_the_records(schedule, fake, tmp_path):
    made = []

    def make(workers, needs):
        made.append(workers)
        return Threads(workers)

    planned = schedule(CHAIN, profile=True)
    run_plan(planned, tmp_path / "results", ExecutorSpec(name="t", make=make), 3, unheard)
    assert made == [3, 1]
    profiles = [title.startswith("profiling") for title in fake.log]
    assert profiles == sorted(profiles)
    assert sum(profiles) == 3
    assert all(record.profile.parameters.value == 1.0 for record in records(tmp_path / "results"))


def test_a_cells_certificate_is_shared_by_its_dataset_and_scale(schedule):
    planned = schedule('architectures = ["bicubic", "dot"]\nscales = [2, 3]')
    certificates = {jobs.certify for jobs in planned.cells.values()}
    assert len(certificates) == 2
    assert len(planned.cells) == 4


def test_training_that_no_open_cell_needs_is_not_done(schedule, session, fake, catalog, tmp_path):
    here = catalog.executors["here"]
    run_plan(schedule(CHAIN), tmp_path / "results", here, 1, unheard)
    planned = schedule(CHAIN)
    for name, scheduled in planned.jobs.items():
        if isinstance(scheduled.job, TrainJob):
            session.store.forget(name)
    assert planned.open_jobs() == []


def test_the_limit_is_part_of_a_record(schedule, session, fake, catalog, tmp_path):
    run_plan(schedule('architectures = ["bicubic"]', within=replace(session, limit=1)), tmp_path / "r",
             catalog.executors["here"], 1, unheard)  # fmt: skip
    (record,) = records(tmp_path / "r")
    assert record.inference == "whole,first=1"


def test_a_record_has_the_row_that_was_planned_for_its_cell(schedule, fake, catalog, tmp_path):
    fake.faults["logits"] = DataError("gone")  # records of failures too
    planned = schedule(CHAIN + '\nbudget = "time"\ndegradations = ["bicubic", "grainy"]\nrealisations = 1')
    run_plan(planned, tmp_path / "r", catalog.executors["here"], 1, unheard)
    assert {r.row_id for r in records(tmp_path / "r")} == {cell.row_id for cell in planned.plan.cells}


BACKENDS = 'architectures = ["espcn"]\nbackends = ["eager", "onnxruntime"]'


def places(todo, executor, session):
    """Where each kind of job runs."""
    batches = runner._batches(todo, 2, executor, session)
    return {type(planned.job).__name__: place.name for batch, _, place in batches for planned in batch}


def test_backends_run_in_another_process_than_the_run(schedule, session, catalog, monkeypatch):
    monkeypatch.setattr(runner, "is_script", lambda: False)
    todo = schedule(BACKENDS, profile=True).open_jobs()
    here, processes = catalog.executors["here"], catalog.executors["processes"]
    usual = {"TrainJob": "here", "CertifyJob": "here", "OnnxJob": "processes", "MeasureJob": "processes"}
    usual["ProfileJob"] = "here"
    assert places(todo, here, session) == usual
    assert set(places(todo, processes, session).values()) == {"processes"}
    remote = ExecutorSpec(name="remote", make=THREADS.make, isolated=True, elsewhere=True)
    assert places(todo, remote, session) == {
        **dict.fromkeys(usual, "remote"),
        "MeasureJob": "processes",
        "ProfileJob": "this_machine",
    }
    monkeypatch.setattr(runner, "is_script", lambda: True)
    assert set(places(todo, here, session).values()) == {"here"}
    monkeypatch.setattr(runner, "is_script", lambda: False)
    only_here = replace(session, given=object())
    assert set(places(todo, here, only_here).values()) == {"here"}


def test_a_gpu_is_free_for_jobs_in_other_processes(schedule, session, fake, catalog, tmp_path, monkeypatch):
    freed = []
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: freed.append(list(fake.log)))
    on_gpu, apart = replace(session, device="cuda"), ExecutorSpec(name="apart", make=THREADS.make, isolated=True)
    run_plan(schedule(CHAIN, within=on_gpu), tmp_path / "here", catalog.executors["here"], 1, unheard)
    assert freed == []
    run_plan(schedule(CHAIN, within=on_gpu), tmp_path / "apart", apart, 1, unheard, fresh=True)
    assert len(freed) == 1
    assert freed[0]
