"""The commands of Slurm on one machine, for tests: sbatch, srun, sacct, scancel and scontrol, by the name of the file.

``install`` puts them into a folder for PATH. A task of an array is a process of its own, whose state is a file in the
folder FAKE_SLURM; ``transcript`` there has every command. ``preempt`` and ``limit`` do to a task what Slurm does.
"""

# ruff: noqa: T201 - commands print

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

with contextlib.suppress(ImportError):  # then there is nothing to stand in for
    import submitit

COMMANDS = ("sbatch", "srun", "sacct", "scancel", "scontrol")
GRACE_SECONDS = 30.0


def install(folder):
    """Write the commands into ``folder / "bin"``; returns what the environment must have."""
    submitit.SlurmJob.watcher.clear()  # it remembers jobs by their numbers, which begin again here
    bin_folder = folder / "bin"
    bin_folder.mkdir(parents=True)
    (folder / "tasks").mkdir()
    for name in COMMANDS:
        path = bin_folder / name
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} {name} "$@"\n')
        path.chmod(0o755)
    return {"FAKE_SLURM": str(folder), "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}


def transcript(folder):
    """Return the commands and what happened, one a line."""
    return (folder / "transcript").read_text().splitlines()


def root():
    return Path(os.environ["FAKE_SLURM"])


def note(line):
    with (root() / "transcript").open("a") as file:
        file.write(line + "\n")


@contextlib.contextmanager
def task(name):
    """Read and change the state of a task, one at a time."""
    with (root() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = root() / "tasks" / f"{name}.json"
        state = json.loads(path.read_text()) if path.is_file() else {}
        yield state
        path.write_text(json.dumps(state))


def tasks(job):
    """Return the names of the tasks of an array, or that of one task."""
    return [p.stem for p in sorted((root() / "tasks").glob("*.json")) if p.stem == job or p.stem.startswith(f"{job}_")]


def sbatch(script):
    text = Path(script).read_text()
    flags = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", text, re.MULTILINE))
    kept = ("array", "job-name", "partition", "account", "constraint", "time", "mem", "nodes", "gpus-per-node",
            "cpus-per-task", "requeue", "signal")  # fmt: skip
    if flags.get("partition") == "closed":
        note(f"sbatch --partition={flags['partition']}: refused")
        sys.exit("sbatch: error: invalid partition specified: closed")
    number = 1000 + len({p.stem.partition("_")[0] for p in (root() / "tasks").glob("*.json")})
    given = (f"--{key}={flags[key]}" if flags[key] else f"--{key}" for key in kept if key in flags)
    note(f"sbatch {number}: {' '.join(given)}")
    last, parallel = map(int, re.match(r"0-(\d+)%(\d+)", flags["array"]).groups()) if "array" in flags else (0, 1)
    for index in range(last + 1):
        name = f"{number}_{index}" if "array" in flags else str(number)
        with task(name) as state:
            state |= {"state": "PENDING", "restarts": 0, "parallel": parallel, "nodes": int(flags.get("nodes", 1))}
        subprocess.Popen([sys.executable, __file__, "node", name, script], start_new_session=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    print(f"Submitted batch job {number}")


def node(name, script):
    """Run a task, again while it is requeued."""
    array, _, index = name.partition("_")
    with task(name) as state:
        nodes = str(state["nodes"])
    environment = os.environ | {
        "SLURM_JOB_ID": name, "SLURM_NTASKS": nodes, "SLURM_LOCALID": "0", "SLURM_JOB_NODELIST": "localhost",
        "SLURM_JOB_NUM_NODES": nodes, "FAKE_TASK": name,
    }  # fmt: skip
    if index:
        environment |= {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index}
    while True:
        while not _begin(name, array):
            time.sleep(0.05)
        with task(name) as state:
            if state["state"] == "CANCELLED":
                return
        code = subprocess.run(["bash", script], env=environment, check=False).returncode
        with task(name) as state:
            again = state["state"] == "REQUEUED"
            if not again and state["state"] == "RUNNING":
                state["state"] = "COMPLETED" if code == 0 else "FAILED"
            note(f"task {name} {state['state']} (status {code})")
            if not again:
                return
            state |= {"state": "PENDING", "restarts": state["restarts"] + 1}


def _begin(name, array):
    """Let a task run if its array leaves room, or end if it was cancelled; returns whether it is its turn."""
    others = [json.loads((root() / "tasks" / f"{other}.json").read_text() or "{}") for other in tasks(array)]
    running = sum(other.get("state") == "RUNNING" for other in others)
    with task(name) as state:
        if state["state"] == "PENDING" and running < state["parallel"]:
            state["state"] = "RUNNING"
        return state["state"] != "PENDING"


def srun(*words):
    options = {"--output": os.devnull, "--error": os.devnull, "--kill-on-bad-exit": ""}
    words = list(words)
    while words[0].startswith("--"):
        option, _, value = words.pop(0).partition("=")
        if option in options:
            options[option] = value or words.pop(0)
    name = os.environ["FAKE_TASK"]
    array, _, index = name.partition("_")
    processes = []
    for number in range(int(os.environ["SLURM_NTASKS"])):
        places = [
            path.replace("%A", array).replace("%a", index).replace("%j", name).replace("%t", str(number))
            for path in (options["--output"], options["--error"])
        ]
        environment = os.environ | {"SLURM_PROCID": str(number), "SLURM_NODEID": str(number)}
        with open(places[0], "a") as output, open(places[1], "a") as error:  # noqa: PTH123
            processes.append(
                subprocess.Popen(words, stdout=output, stderr=error, env=environment, start_new_session=True)
            )
    with task(name) as state:
        state["pids"] = [process.pid for process in processes]
    while None in (codes := [process.poll() for process in processes]):
        if any(codes) and options["--kill-on-bad-exit"]:
            _kill({"pids": [process.pid for process in processes]}, signal.SIGKILL)
        time.sleep(0.05)
    sys.exit(next(filter(None, codes), 0) & 255)


def sacct(*words):
    asked = [words[i + 1] for i, word in enumerate(words) if word == "-j"]
    print("JobID|State|NodeList")
    for name in (name for job in asked for name in tasks(job)):
        with task(name) as state:
            print(f"{name}|{state['state']}|node1")


def scancel(job, *_):
    note(f"scancel {job}")
    for name in tasks(job):
        with task(name) as state:
            if state["state"] in ("PENDING", "RUNNING"):
                state["state"] = "CANCELLED"
                _kill(state, signal.SIGTERM)


def scontrol(action, name):
    note(f"scontrol {action} {name}")
    with task(name) as state:
        state["state"] = "REQUEUED"


def preempt(name):
    """Take the machine from a task, and put the task into the queue again, as PreemptMode=REQUEUE."""
    note(f"preempt {name}: SIGTERM, and its place in the queue again")
    with task(name) as state:
        state["state"] = "REQUEUED"
        _kill(state, signal.SIGTERM)


def limit(name):
    """Send the signal that announces the time limit."""
    note(f"time limit of {name}: SIGUSR2")
    with task(name) as state:
        _kill(state, signal.SIGUSR2)


def node_fails(name):
    """Lose the machine of a task, which is not put into the queue again."""
    note(f"the node of {name} fails")
    with task(name) as state:
        state["state"] = "NODE_FAIL"
        _kill(state, signal.SIGKILL)


def _kill(state, number):
    """Send a signal to all processes of a task on all its nodes, as Slurm does, those that it started too."""
    for pid in state.get("pids", ()):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)


if __name__ == "__main__":
    command, *given = sys.argv[1:]
    {f.__name__: f for f in (sbatch, srun, sacct, scancel, scontrol, node, preempt, limit, node_fails)}[command](*given)
