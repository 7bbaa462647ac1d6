"""Runs whose workers die, as a person sees them."""

import csv
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from srbench_plugins.executors import slurm

from helpers import fake_slurm

DEADLY = """
    import os, signal, sys
    from pathlib import Path

    def loss(sr, hr):
        mark = Path({mark!r})
        if len(mark.read_text()) < {deaths} and os.getpid() != {parent}:
            mark.write_text(mark.read_text() + ".")
            print("no memory is left", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return (sr - hr).abs().mean()

    @srbench.hookimpl
    def register_losses():
        return [srbench.LossSpec(name="deadly", build=lambda: loss)]
"""


@pytest.fixture
def deadly(tmp_path, plugin, tiny):
    """A loss that kills the first workers that compute it."""

    def make(deaths):
        mark = tmp_path / "mark"
        mark.write_text("")
        tiny.recipe(losses="{ deadly = 1.0 }")
        return plugin(DEADLY.format(mark=str(mark), deaths=deaths, parent=os.getpid()))

    return make


def rows(folder):
    """The leaderboard without when it was made, and the time and memory that this took."""
    measured = ("created", "seconds", "train_memory")
    with (folder / "leaderboard.csv").open(newline="") as file:
        return [
            {column: value for column, value in row.items() if not any(word in column for word in measured)}
            for row in csv.DictReader(file)
        ]


@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX has it")
def test_a_run_whose_workers_are_killed_while_training_ends_with_the_same_tables(run, deadly, srbench, tmp_path):
    dead = deadly(deaths=2)
    answer = run("--executor", "processes", "--workers", "2", "--results", "killed", plugins=[dead])
    assert answer.status == 0, answer.out + answer.err
    assert answer.out.count("is begun again: its worker died: worker ") == 2
    assert "was ended by SIGKILL" in answer.out
    assert "the last lines of its log are: no memory is left" in answer.out
    shutil.rmtree(tmp_path / "cache")
    assert run("--results", "whole", plugins=[dead]).status == 0
    assert rows(srbench.folder / "killed") == rows(srbench.folder / "whole")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX has it")
def test_a_training_of_two_processes_goes_on_after_one_of_them_was_killed(run, deadly, srbench, tmp_path):
    dead = deadly(deaths=1)
    words = ("--devices", "2", "--device", "cpu")
    answer = run(*words, "--results", "killed", plugins=[dead])
    assert answer.status == 0, answer.out + answer.err
    assert answer.out.count("process 2 of 2 of the training was ended by SIGKILL") == 1
    assert "is begun again: its worker died: process 2 of 2" in answer.out
    shutil.rmtree(tmp_path / "cache")
    assert run(*words, "--results", "whole", plugins=[dead]).status == 0
    assert rows(srbench.folder / "killed") == rows(srbench.folder / "whole")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX has it")
def test_a_training_whose_second_process_always_dies_fails_with_one_sentence(run, deadly):
    answer = run("--devices", "2", "--device", "cpu", plugins=[deadly(deaths=99)])
    assert "its worker died: process 2 of 2 of the training was ended by SIGKILL. It was begun 3 times." in answer.out
    assert "Traceback" not in answer.out + answer.err


def test_needs_that_are_not_understood_are_one_sentence(run):
    for word, text in {
        "train.hour=2": "--needs train.hour=2 is not understood; give KIND.NEED=NUMBER, such as train.hours=12",
        "train.hours=-1": "--needs train.hours=-1: input should be greater than 0; give another number.",
    }.items():
        answer = run("--needs", word)
        assert answer.status == 2
        assert answer.err.startswith(f"error: {text}")
        assert answer.err.count("\n") == 1


PREEMPTED = """
    import os, subprocess, sys, time
    from pathlib import Path

    def loss(sr, hr):
        mark = Path({mark!r})
        if "FAKE_TASK" in os.environ:
            mark.write_text(mark.read_text() + ".")
            steps = len(mark.read_text())
            if steps in (3, 10):
                event = "preempt" if steps == 3 else "limit"
                command = [sys.executable, {fake!r}, event, os.environ["FAKE_TASK"]]
                subprocess.run(command, check=True, start_new_session=True)
        return (sr - hr).abs().mean()

    @srbench.hookimpl
    def register_losses():
        return [srbench.LossSpec(name="preempted", build=lambda: loss)]
"""


@pytest.mark.slow
def test_a_run_on_slurm_that_is_preempted_ends_with_the_same_tables(run, srbench, plugin, tiny, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    for name, value in fake_slurm.install(tmp_path / "cluster").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    (srbench.folder / "slurm.toml").write_text('partition = "gpu"\npoll_seconds = 0.2')
    mark = tmp_path / "mark"
    mark.write_text("")
    tiny.recipe(losses="{ preempted = 1.0 }", steps=20)
    losses = plugin(PREEMPTED.format(mark=str(mark), fake=fake_slurm.__file__))
    answer = run("--executor", "slurm", "--workers", "2", "--results", "slurm_results", plugins=[losses])
    assert answer.status == 0, answer.out + answer.err
    lines = fake_slurm.transcript(tmp_path / "cluster")
    assert sum("srbench_train" in line for line in lines) == 1
    assert sum("scontrol requeue" in line for line in lines) == 1
    assert sum("REQUEUED" in line for line in lines) == 2
    assert len(mark.read_text()) == 20, "a step was done twice"
    record = next(r for r in map(json.loads, map(Path.read_text, srbench.folder.glob("slurm_results/records/*.json")))
                  if r["model"]["source"] == "trained")  # fmt: skip
    assert [Path(log.replace("./", "")).is_file() for log in record["made_by"]["logs"]] == [True, True]
    shutil.rmtree(tmp_path / "cache")
    assert run("--results", "whole", plugins=[losses]).status == 0
    assert rows(srbench.folder / "slurm_results") == rows(srbench.folder / "whole")


ON_TWO_MACHINES = """
    import multiprocessing, os, signal, subprocess, sys
    from pathlib import Path

    def loss(sr, hr):
        machine = os.environ.get("SLURM_PROCID")
        if machine is not None and multiprocessing.parent_process() is None:
            mark = Path({mark!r} + machine)
            calls = len(mark.read_text()) + 1
            mark.write_text("." * calls)
            event = {{("0", 20): "preempt", ("0", 40): "limit"}}.get((machine, calls))
            if event:  # from a session of its own, since all processes of this one get the signal
                command = [sys.executable, {fake!r}, event, os.environ["FAKE_TASK"]]
                subprocess.run(command, check=True, start_new_session=True)
            if (machine, calls) == ("1", 60):
                print("the second machine burns", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
        return (sr - hr).abs().mean()

    @srbench.hookimpl
    def register_losses():
        return [srbench.LossSpec(name="watched", build=lambda: loss)]
"""


@pytest.mark.slow
def test_a_training_on_two_machines_survives_all_three_ends_of_a_job_with_the_same_weights_to_the_last_bit(
    run, srbench, plugin, tiny, tmp_path, monkeypatch
):
    pytest.importorskip("submitit")
    for name, value in fake_slurm.install(tmp_path / "cluster").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setattr(slurm, "FORCED_SECONDS", 2.0)
    (srbench.folder / "slurm.toml").write_text('partition = "gpu"\npoll_seconds = 0.2')
    for machine in "01":
        (tmp_path / f"mark{machine}").write_text("")
    tiny.recipe(losses="{ watched = 1.0 }", steps=30, batch=8, deterministic="true")
    losses = plugin(ON_TWO_MACHINES.format(mark=str(tmp_path / "mark"), fake=fake_slurm.__file__))
    words = ("--executor", "slurm", "--device", "cpu", "--devices", "4", "--nodes", "2")
    answer = run(*words, "--results", "slurm_results", plugins=[losses])
    assert answer.status == 0, answer.out + answer.err
    lines = fake_slurm.transcript(tmp_path / "cluster")
    submitted = [line for line in lines if "srbench_train" in line]
    assert len(submitted) == 2, "the job with the killed machine is submitted again"
    assert all("--nodes=2" in line for line in submitted)
    assert sum("REQUEUED" in line for line in lines) == 2
    assert "is begun again: its worker died: job 1000 on node1 ended in the state FAILED" in answer.out
    record = next(r for r in map(json.loads, map(Path.read_text, srbench.folder.glob("slurm_results/records/*.json")))
                  if r["model"]["source"] == "trained")  # fmt: skip
    assert (record["model"]["processes"], record["model"]["nodes"]) == (4, 2)
    (several,) = tmp_path.glob("cache/train/*/*/weights.safetensors")
    of_two_machines = several.read_bytes()
    shutil.rmtree(tmp_path / "cache")
    assert run("--results", "whole", plugins=[losses]).status == 0
    assert rows(srbench.folder / "slurm_results") == rows(srbench.folder / "whole")
    assert several.read_bytes() == of_two_machines


def test_nodes_that_cannot_be_had_are_one_sentence(run):
    for words, text in {
        ("--nodes", "2", "--devices", "4"):
            "--nodes 2 needs --executor ray or --executor slurm; the executor here gives a job one machine.",
        ("--nodes", "2", "--executor", "slurm", "--devices", "3"):
            "--devices 3 cannot be divided among --nodes 2; give --devices a multiple of 2.",
    }.items():  # fmt: skip
        answer = run(*words)
        assert answer.status == 2
        assert answer.err == f"error: {text}\n"


LOST = """
    import os, time
    from contextlib import suppress
    from pathlib import Path

    def loss(sr, hr):
        if "RAY_JOB_ID" in os.environ or os.getpid() != {parent}:
            import ray

            mark, node = Path({mark!r}), ray.get_runtime_context().get_node_id()
            with suppress(FileExistsError), mark.open("x") as file:
                file.write(node)  # the test takes this node away
            if mark.read_text() == node:
                time.sleep(0.2)
        return (sr - hr).abs().mean()

    @srbench.hookimpl
    def register_losses():
        return [srbench.LossSpec(name="lost", build=lambda: loss)]
"""


@pytest.fixture
def ray_cluster(monkeypatch):
    """A cluster whose head does no jobs, of three machines, which the test may take away."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    machines = {node.node_id: node for node in (cluster.add_node(num_cpus=2) for _ in range(3))}
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster, machines
    cluster.shutdown()


def killing(cluster, machines, mark):
    """Take away the machine that a file names soon, as a cloud does."""

    def kill():
        while not mark.exists() or not mark.read_text():
            time.sleep(0.05)
        time.sleep(3)
        cluster.remove_node(machines[mark.read_text()], allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    return killer


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_run_on_machines_of_ray_one_of_which_is_killed_ends_with_the_same_tables(
    nodes, run, srbench, plugin, tiny, tmp_path, ray_cluster
):
    mark = tmp_path / "mark"
    deterministic = {} if nodes == 1 else {"deterministic": "true"}
    tiny.recipe(losses="{ lost = 1.0 }", steps=100 // nodes, checkpoint_every=5, batch=8, **deterministic)
    losses = plugin(LOST.format(mark=str(mark), parent=os.getpid()))
    killer = killing(*ray_cluster, mark)
    together = ("--devices", str(nodes), "--nodes", str(nodes), "--device", "cpu")
    answer = run(
        "--executor", "ray", "--workers", "2", "--threads", "1", *together, "--results", "ray", plugins=[losses]
    )
    assert answer.status == 0, answer.out + answer.err
    killer.join(30)
    assert not killer.is_alive(), "no machine was killed"
    assert "is begun again: its worker died: " in answer.out
    weights = {path: path.read_bytes() for path in tmp_path.glob("cache/train/*/*/weights.safetensors")}
    shutil.rmtree(tmp_path / "cache")
    assert run("--threads", "1", "--results", "whole", plugins=[losses]).status == 0
    assert rows(srbench.folder / "ray") == rows(srbench.folder / "whole")
    assert weights == {path: path.read_bytes() for path in weights} != {}
