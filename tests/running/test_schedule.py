"""A schedule knows what every job needs, and why it cannot be done."""

import pytest

from srbench.running.jobs import MeasureJob, TrainJob
from srbench.running.schedule import Failure

TAUGHT = 'architectures = ["dot"]\ndistillers = ["logits"]\nteacher = "wide"'


def test_a_failure_reaches_all_that_need_the_job_and_names_the_job_that_failed(schedule):
    (tasks,) = schedule(TAUGHT).cells.values()
    (student,) = tasks.measure.needs
    (teacher,) = student.needs
    assert [task.reason for task in (*tasks, student, teacher)] == [None] * 4
    teacher.failed = Failure(teacher.job, "no memory")
    assert teacher.reason == "no memory"
    assert tasks.measure.failure is student.failure is teacher.failed
    assert tasks.measure.reason == student.reason == f"it needs {teacher.job.title}, which failed: no memory"
    assert tasks.certify.failure is None


def test_a_job_whose_own_reason_begins_like_that_of_another_is_no_other(schedule):
    (tasks,) = schedule('architectures = ["dot"]').cells.values()
    (training,) = tasks.measure.needs
    training.failed = Failure(training.job, "it needs more memory")
    assert training.reason == "it needs more memory"
    assert tasks.measure.reason == f"it needs {training.job.title}, which failed: it needs more memory"


def test_a_job_that_cannot_be_named_fails_with_the_reason(schedule, tiny):
    for file in (tiny.data / "TinyTrain").iterdir():
        file.unlink()
    planned = schedule(TAUGHT)
    ((cell, tasks),) = planned.cells.items()
    assert tasks.measure.job == MeasureJob(cell)
    assert tasks.measure.name is None
    assert not planned.done(tasks.measure)
    assert "tiny_train" in tasks.measure.reason
    assert not any(isinstance(task.job, TrainJob) for task in planned.open_tasks())


@pytest.mark.parametrize("distillers", ['["none"]', '["none", "logits"]'])
def test_a_model_that_several_need_is_trained_once(schedule, distillers):
    planned = schedule(f'architectures = ["dot", "wide"]\ndistillers = {distillers}\nteacher = "wide"')
    trainings = [task.job.model for task in planned.tasks.values() if isinstance(task.job, TrainJob)]
    assert len(trainings) == len(set(trainings)) == len(planned.plan.models)
