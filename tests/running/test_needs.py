"""What the jobs of a run need is estimated, or given."""

from dataclasses import replace

import pytest

from srbench.planning.needs import NeedsOfKind
from srbench.records.stored import Measured
from srbench.running.estimate import Estimator
from srbench.running.needs import USUAL_MEMORY_GIB, needs_by_kind

CHAIN = 'architectures = ["bicubic", "dot"]'


def test_jobs_that_compute_need_a_gpu_with_cuda_and_no_other_does(schedule, session):
    for device, gpus in (("cpu", 0), ("cuda", 1), ("cuda:1", 0)):
        planned = schedule(CHAIN, within=replace(session, device=device, threads=3))
        found = needs_by_kind(planned, planned.open_jobs(), estimated=False)
        assert {kind: need.gpus for kind, need in found.items()} == {"train": gpus, "measure": gpus, "certify": 0}
        assert {need.cpus for need in found.values()} == {3}


@pytest.mark.parametrize(
    ("device", "threads", "gpus", "cpus"), [("cuda", 0, 4, 8), ("cuda", 16, 4, 16), ("cpu", 0, 0, 8), ("cpu", 3, 0, 4)]
)
def test_a_training_on_several_devices_needs_all_of_them_and_other_jobs_need_one(
    schedule, session, device, threads, gpus, cpus
):
    planned = schedule(CHAIN, within=replace(session, device=device, threads=threads, devices=4))
    found = needs_by_kind(planned, planned.open_jobs(), estimated=False)
    assert (found["train"].gpus, found["train"].cpus) == (gpus, cpus)
    assert (found["measure"].gpus, found["measure"].cpus) == (min(gpus, 1), threads or 2)


def test_a_training_on_two_machines_needs_half_of_its_devices_on_each(schedule, session):
    planned = schedule(CHAIN, within=replace(session, device="cuda", devices=8, nodes=2))
    found = needs_by_kind(planned, planned.open_jobs(), estimated=False)
    assert (found["train"].nodes, found["train"].gpus, found["train"].cpus) == (2, 4, 8)
    assert (found["measure"].nodes, found["measure"].gpus) == (1, 1)


def test_a_limit_is_three_times_the_longest_job_in_half_hours(schedule, monkeypatch):
    seconds = {"training dot · x2 · bicubic · seed 0": 3601.0}
    monkeypatch.setattr(Estimator, "seconds", lambda self, job: seconds.get(job.title, 1.0))
    planned = schedule(CHAIN)
    found = needs_by_kind(planned, planned.open_jobs(), estimated=True)
    assert (found["train"].hours, found["measure"].hours) == (3.5, 0.5)


@pytest.mark.parametrize(("mib", "gib"), [(1024 * 1024, 11), (1.0, USUAL_MEMORY_GIB)])
def test_memory_comes_from_the_profile_of_the_network(schedule, monkeypatch, mib, gib):
    planned = schedule(CHAIN, profile=True)
    todo = planned.open_jobs()

    class Profile:
        peak_memory_mib = Measured(value=mib)

    monkeypatch.setattr(planned, "result", lambda job: Profile)
    found = needs_by_kind(planned, todo, estimated=True)
    # a batch of 2 patches of 8x8 pixels is 1/512 of an image of 256x256, so a forward pass takes 2 GiB of 1024
    assert found["train"].memory_gib == gib
    assert found["measure"].memory_gib == USUAL_MEMORY_GIB


def test_what_the_suite_says_goes_first(schedule):
    planned = schedule(CHAIN)
    suite = planned.plan.suite.model_copy(update={"needs": {"train": NeedsOfKind(hours=48, gpus=2)}})
    object.__setattr__(planned.plan, "suite", suite)
    found = needs_by_kind(planned, planned.open_jobs(), estimated=False)
    assert (found["train"].hours, found["train"].gpus, found["measure"].gpus) == (48, 2, 0)
