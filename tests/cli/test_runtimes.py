"""A runtime that a person writes as a file, from `srbench add-plugin` to its row in the tables."""

import csv
import os
import shlex

import pytest

TIMED = """
[profile]
latency_height = 16
latency_width = 16
latency_seconds = 0.02
latency_repeats = 1
memory = false
"""


@pytest.mark.slow  # torch.export takes 10 s
def test_a_runtime_of_a_file_is_checked_and_is_in_the_leaderboard_and_in_deployment(srbench, tiny):
    written = srbench("add-plugin", "runtime", "my_runtime")
    assert (written.status, written.err) == (0, "")
    typed = [shlex.split(line) for line in written.out.splitlines() if line.startswith("  srbench ")]
    check, run = typed
    checked = srbench(*check[1:])
    assert (checked.status, checked.err) == (0, "")
    assert "my_runtime" in checked.out

    ran = run[run.index("--backend") :]
    assert ran == ["--backend", "eager,my_runtime", "--plugin", "plugins/my_runtime.py"]
    suite = tiny.suite('architectures = ["espcn"]', TIMED)
    answer = srbench("run", suite, "--data", tiny.data, "--plugin", tiny.plugin, *ran)
    assert answer.status == 0, answer.err
    results = srbench.folder / "results"
    assert "ESPCN, my_runtime-fp32" in (results / "leaderboard.md").read_text()
    assert "| my_runtime-fp32 |" in (results / "deployment.md").read_text()
    rows = list(csv.DictReader((results / "deployment.csv").open()))
    eager, mine = sorted(rows, key=lambda row: row["runtime"])
    assert (eager["runtime"], mine["runtime"]) == ("eager", "my_runtime")
    assert float(mine["loss"]) == pytest.approx(0, abs=1e-3)
    assert float(mine["speed_up"]) == pytest.approx(float(eager["latency_ms_p50"]) / float(mine["latency_ms_p50"]))
    assert float(mine["file_mib"]) > 0


@pytest.mark.skipif(os.name != "posix", reason="it ends its process by a signal of POSIX")
def test_a_runtime_that_ends_its_process_costs_its_row_alone(srbench, tiny, crashing):
    suite = tiny.suite('architectures = ["espcn"]', TIMED)
    typed = ("run", suite, "--data", tiny.data, "--plugin", tiny.plugin, "--plugin", crashing)
    answer = srbench(*typed, "--backend", "crashing,eager")
    assert answer.status == 1, answer.out + answer.err
    (reason,) = [line for line in answer.out.splitlines() if line.startswith("failed ")]
    assert "was ended by SIGSEGV; it crashed in: File " in reason
    assert "in open_crashing | " in reason
    assert "It was begun 3 times." in reason
    table = (srbench.folder / "results" / "leaderboard.md").read_text()
    assert "ESPCN, eager-fp32" in table
    assert "SIGSEGV" in table
