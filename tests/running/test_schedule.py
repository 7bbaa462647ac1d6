"""A schedule knows what every job needs, and why it cannot be done."""

import pytest

from srbench.running.jobs import MeasureJob, TrainJob
from srbench.running.schedule import Failure

TAUGHT = 'architectures = ["dot"]\ndistillers = ["logits"]\nteacher = "wide"'


def test_a_failure_reaches_all_that_need_the_job_and_names_the_job_that_failed(schedule):
    (jobs,) = schedule(TAUGHT).cells.values()
    (student,) = jobs.measure.needs
    (teacher,) = student.needs
    assert [scheduled.reason for scheduled in (*jobs, student, teacher)] == [None] * 4
    teacher.failed = Failure(teacher.job, "no memory")
    assert teacher.reason == "no memory"
    assert jobs.measure.failure is student.failure is teacher.failed
    assert jobs.measure.reason == student.reason == f"it needs {teacher.job.title}, which failed: no memory"
    assert jobs.certify.failure is None


def test_a_job_whose_own_reason_begins_like_that_of_another_is_no_other(schedule):
    (jobs,) = schedule('architectures = ["dot"]').cells.values()
    (training,) = jobs.measure.needs
    training.failed = Failure(training.job, "it needs more memory")
    assert training.reason == "it needs more memory"
    assert jobs.measure.reason == f"it needs {training.job.title}, which failed: it needs more memory"


def test_a_job_that_cannot_be_named_fails_with_the_reason(schedule, tiny):
    for file in (tiny.data / "TinyTrain").iterdir():
        file.unlink()
    planned = schedule(TAUGHT)
    ((cell, jobs),) = planned.cells.items()
    assert jobs.measure.job == MeasureJob(cell, planned.plan.suite.profile)
    assert jobs.measure.name is None
    assert not planned.done(jobs.measure)
    assert "tiny_train" in jobs.measure.reason
    assert not any(isinstance(scheduled.job, TrainJob) for scheduled in planned.open_jobs())


@pytest.mark.parametrize("distillers", ['["none"]', '["none", "logits"]'])
def test_a_model_that_several_need_is_trained_once(schedule, distillers):
    planned = schedule(f'architectures = ["dot", "wide"]\ndistillers = {distillers}\nteacher = "wide"')
    trainings = [scheduled.job.model for scheduled in planned.jobs.values() if isinstance(scheduled.job, TrainJob)]
    assert len(trainings) == len(set(trainings)) == len(planned.plan.models)
