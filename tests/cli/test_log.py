"""What `srbench run` prints where there is no terminal: lines, JSON, or almost nothing."""

import json
import os
import re
import subprocess
import sys
import time

SRBENCH = (sys.executable, "-c", "from srbench.cli import main; main()")


def of_kind(log, *kinds):
    return [event for event in log if event["event"] in kinds]


def test_a_run_in_a_pipe_writes_a_line_for_each_event(run, tiny):
    answer = run(suite=tiny.suite('architectures = ["dot"]'))
    assert (answer.status, answer.err) == (0, "")
    lines = [line[20:] for line in answer.out.splitlines() if re.match(r"\d{4}-\d\d-\d\d ", line)]
    assert re.fullmatch(r"suite tiny: 1 cells, 3 jobs to do, about \d+ (s|min)", lines[0])
    (begun,) = [line for line in lines if " begun " in line]
    assert re.fullmatch(r"1/3 begun  training dot · x2 · bicubic · seed 0: \d+ steps", begun)
    titles = [line.split(" done   ")[1].split(" (")[0] for line in lines if " done " in line]
    assert sorted(titles) == [
        "certifying tiny_test x2",
        "measuring dot · x2 · bicubic · seed 0 on tiny_test",
        "training dot · x2 · bicubic · seed 0",
    ]
    assert lines[-2] == "writing tables and figures to results"
    assert re.fullmatch(r"1 cells measured, 0 from the cache, 0 failed. It took \d+ (s|min).", lines[-1])


def test_a_quiet_run_says_where_its_results_are_and_a_second_one_too(run):
    for _ in range(2):
        answer = run("--quiet")
        assert (answer.status, answer.out, answer.err) == (0, "Results: results\n", "")


def test_a_quiet_run_prints_what_failed_as_an_error(run, tiny):
    (tiny.data / "TinyTest" / "ant.png").write_bytes(b"\x89PNG damaged")
    answer = run("--quiet", "--only", "bicubic")
    assert answer.status != 0
    assert answer.out in ("", "Results: results\n")
    assert "ant.png" in answer.err


def test_the_json_log_is_the_run_in_a_file_and_goes_on_in_the_next_run(run, srbench, tiny):
    suite = tiny.suite('architectures = ["dot"]')
    assert "cells measured" in run("--json-log", "run.jsonl", suite=suite).out
    file = srbench.folder / "run.jsonl"
    first = [json.loads(line) for line in file.read_text().splitlines()]
    assert [event["event"] for event in of_kind(first, "planned", "writing", "done")] == ["planned", "writing", "done"]
    (planned,), (done,) = of_kind(first, "planned"), of_kind(first, "done")
    assert (planned["suite"], planned["cells"], planned["jobs"]) == ("tiny", 1, 3)
    assert (done["measured"], done["cached"], done["failed"], done["results"]) == (1, 0, 0, "results")
    started, finished = of_kind(first, "started"), of_kind(first, "finished")
    assert [event["job"] for event in started] == [event["job"] for event in finished]
    assert of_kind(first, "training")[0]["step"] == 0
    assert run("--json-log", "run.jsonl", suite=suite).status == 0
    both = [json.loads(line) for line in file.read_text().splitlines()]
    assert both[: len(first)] == first
    assert [event["event"] for event in both[len(first) :]] == ["planned", "writing", "done"]


def test_json_on_standard_output_is_alone_there(run):
    answer = run("--json-log", "-")
    assert (answer.status, answer.err) == (0, "")
    assert [json.loads(line)["event"] for line in answer.out.splitlines()][-1] == "done"


def test_a_log_that_cannot_be_written_is_one_sentence(run):
    answer = run("--json-log", "none/run.jsonl")
    assert answer.status == 2
    assert answer.err.startswith("error: none/run.jsonl could not be written")
    assert answer.err.count("\n") == 1


def test_lines_of_workers_in_other_processes_come_while_they_work(tiny, tmp_path):
    """The log of a run whose training is under way says so, although the training is in another process."""
    tiny.recipe(steps=100_000)
    suite = tiny.suite('architectures = ["dot"]')
    words = ["run", suite, "--data", tiny.data, "--plugin", tiny.plugin, "--no-profile", "--executor", "processes"]
    environment = os.environ | {"SRBENCH_PLUGINS": "bundled"}
    log = tmp_path / "log"
    with log.open("w") as file, subprocess.Popen(
        [*SRBENCH, *map(str, words)], cwd=tmp_path, stdout=file, stderr=file, env=environment
    ) as process:  # fmt: skip
        try:
            while " begun " not in log.read_text():
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        finally:
            process.kill()
    assert "training dot · x2 · bicubic · seed 0: 100,000 steps" in log.read_text()
