"""The commands that go to a Slurm cluster, and what becomes of jobs there; a fake cluster stands in for one."""

import os
import re
import signal
import sys
import time
from dataclasses import replace
from functools import partial

import pytest

import srbench
from helpers import ROOT, fake_slurm
from srbench.errors import SrbenchError, UnavailableError, WorkerError
from srbench.testing import violations_of

pytest.importorskip("submitit", reason="submitit is not installed")
from srbench_plugins.executors import slurm as plugin

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Slurm is a POSIX program")
(SPEC,) = plugin.register_executors()
TRAIN = srbench.Needs(kind="train", gpus=1, cpus=4, memory_gib=24, hours=12)
MEASURE = srbench.Needs(kind="measure", cpus=2, memory_gib=8, hours=0.5)
SETTINGS = """
poll_seconds = 0.1
partition = "gpu"
account = "vision"
setup = ["export GREETING=hello"]

[kinds.measure]
partition = "short"
constraint = "avx512"
"""


class Work:
    """A job with needs, that cloudpickle takes with it."""

    def __init__(self, needs, call, *words):
        self.needs, self._call, self._words = needs, call, words

    def __call__(self, *node):
        return self._call(*self._words, *node)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster, and a folder from which jobs are submitted to it; waits in the end for processes of their own."""
    folder = tmp_path / "cluster"
    for name, value in fake_slurm.install(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugin, "GATHER_SECONDS", 0.05)
    (tmp_path / "slurm.toml").write_text(SETTINGS)
    return folder


def commands(cluster, word):
    return [line for line in fake_slurm.transcript(cluster) if line.startswith(word)]


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_jobs_of_one_kind_are_one_array_with_what_they_need(cluster):
    with SPEC.make(2, TRAIN) as executor:
        jobs = [executor.submit(Work(TRAIN, os.getenv, "GREETING")) for _ in range(3)]
        jobs += [executor.submit(Work(MEASURE, divmod, 7, 0))]
        assert [job.result(120) for job in jobs[:3]] == ["hello"] * 3
        error = jobs[3].exception(120)
    assert isinstance(error, ZeroDivisionError)
    assert "Traceback" in "".join(error.__notes__)
    train, measure = sorted(commands(cluster, "sbatch"), key=lambda line: "measure" in line)
    assert "--array=0-2%2" in train
    assert "--job-name=srbench_train --partition=gpu --account=vision" in train
    assert "--time=720 --mem=24GB --nodes=1 --gpus-per-node=1 --cpus-per-task=4 --requeue" in train
    assert "--job-name=srbench_measure --partition=short --account=vision --constraint=avx512" in measure
    assert "--gpus-per-node" not in measure


def test_a_job_that_slurm_refuses_has_its_sentence_as_reason(cluster, tmp_path):
    (tmp_path / "slurm.toml").write_text('partition = "closed"\npoll_seconds = 0.1')
    with SPEC.make(1, TRAIN) as executor:
        error = executor.submit(Work(TRAIN, os.getpid)).exception(120)
    assert isinstance(error, SrbenchError)
    assert "Slurm did not take the job" in str(error)
    assert "sbatch: error: invalid partition specified: closed" in str(error)


def where(node):
    """Return what a machine of a job is given."""
    sys.stdout.write(f"machine {node.number}\n")
    return node


def test_a_job_of_two_nodes_is_called_on_both_and_the_first_one_answers(cluster):
    with SPEC.make(1, replace(TRAIN, nodes=2)) as executor:
        job = executor.submit(Work(replace(TRAIN, nodes=2), where))
        answer = job.result(120)
        folder = executor._folder
    assert (answer.number, answer.count, answer.address) == (0, 2, "localhost")
    assert 20_000 <= answer.port <= 60_000
    (line,) = commands(cluster, "sbatch")
    assert "--nodes=2 --gpus-per-node=1 --cpus-per-task=4" in line
    assert "--kill-on-bad-exit=1" in (folder / "1000_submission.sh").read_text()
    wait_for(lambda: commands(cluster, "task"))
    assert [(folder / f"1000_{n}_log.out").read_text().count(f"machine {n}") for n in (0, 1)] == [1, 1]


def test_a_job_of_two_nodes_cannot_be_in_this_process(cluster, tmp_path):
    (tmp_path / "slurm.toml").write_text('cluster = "debug"')
    with pytest.raises(SrbenchError, match=r'^A job of several nodes needs cluster = "slurm" or "local" in slurm.toml'):
        SPEC.make(1, replace(TRAIN, nodes=2))


def working_until_told(folder, signals):
    """Save work when asked to stop, as a training does; the second attempt finds it and ends."""
    saved = folder / "saved"
    if saved.exists():
        return f"went on after {saved.read_text()}"
    asked = []
    former = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    (folder / "begun").touch()
    while not asked:
        time.sleep(0.02)
    signal.signal(signal.SIGTERM, former)
    saved.write_text(signals)
    raise KeyboardInterrupt


@pytest.mark.parametrize("event", ["preempt", "limit"])
def test_a_job_that_is_preempted_or_meets_its_time_limit_goes_on_where_it_was(cluster, tmp_path, event):
    with SPEC.make(1, TRAIN) as executor:
        job = executor.submit(Work(TRAIN, working_until_told, tmp_path, event))
        wait_for((tmp_path / "begun").exists)
        getattr(fake_slurm, event)("1000")
        assert job.result(120) == f"went on after {event}"
    assert len(commands(cluster, "sbatch")) == 1
    assert len(commands(cluster, "scontrol requeue 1000")) == (event == "limit")
    wait_for(lambda: len(commands(cluster, "task")) == 2)
    assert [line.split(" (")[0] for line in commands(cluster, "task")] == ["task 1000 REQUEUED", "task 1000 COMPLETED"]


def test_a_job_whose_node_failed_is_a_lost_worker_with_state_node_and_log(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("submitit.core.core.Job._results_timeout_s", 0.1)
    with SPEC.make(1, TRAIN) as executor:
        job = executor.submit(Work(TRAIN, partial(working_until_told, tmp_path), ""))
        wait_for((tmp_path / "begun").exists)
        fake_slurm.node_fails("1000")
        error = job.exception(120)
    assert isinstance(error, WorkerError)
    assert "job 1000 on node1 ended in the state NODE_FAIL; the last lines of its log, " in str(error)


def test_an_interrupt_cancels_what_runs_and_what_waits(cluster, tmp_path):
    executor = SPEC.make(1, TRAIN)
    running = executor.submit(Work(TRAIN, partial(working_until_told, tmp_path), ""))
    wait_for((tmp_path / "begun").exists)
    executor.shutdown(wait=False, cancel_futures=True)
    executor.shutdown()
    assert running.done()
    assert commands(cluster, "scancel") == ["scancel 1000"]
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(Work(TRAIN, os.getpid))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("partition = 3", "slurm.toml: partition: input should be a valid string. The keys are partition, account"),
        ("partitoin = 'x'", "slurm.toml: partitoin: extra inputs are not permitted"),
        ("[", "slurm.toml cannot be read"),
    ],
)
def test_settings_that_are_not_understood_are_one_sentence(cluster, tmp_path, text, sentence):
    (tmp_path / "slurm.toml").write_text(text)
    with pytest.raises(SrbenchError, match=sentence):
        SPEC.make(1, TRAIN)


def test_without_slurm_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="There is no Slurm on this machine"):
        SPEC.make(1, TRAIN)


def test_the_page_on_scale_has_an_example_that_is_read_and_every_key(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    (tmp_path / "slurm.toml").write_text(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    monkeypatch.chdir(tmp_path)
    assert plugin.read_settings({}).kinds["measure"].partition == "short"
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    described = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert described == plugin.Settings.model_fields.keys() - {"kinds"}


@pytest.mark.slow
def test_it_keeps_the_contract_in_processes_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slurm.toml").write_text('cluster = "local"\npoll_seconds = 0.1')
    assert violations_of(SPEC) == []
