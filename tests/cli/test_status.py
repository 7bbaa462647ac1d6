"""``srbench run --detach``, ``srbench status`` and ``srbench cancel``, as a person types them."""

import json
import time

from srbench.running.events import Planned, Training, unheard
from srbench.running.run_files import RunFiles
from srbench.running.store import results_lock


def test_a_run_in_the_background_can_be_followed_to_its_end(run, srbench):
    answer = run("--detach", "--results", "mine")
    assert answer.status == 0, answer.err
    assert "srbench status mine shows how far it is" in answer.out
    end = time.monotonic() + 200
    while json.loads(srbench("status", "mine", "--json").out)["state"] == "running":
        assert time.monotonic() < end
        time.sleep(0.3)
    said = srbench("status", "mine").out
    assert "suite tiny done" in said
    assert "4 of 4 jobs done, 0 failed; 2 cells" in said
    assert (srbench.folder / "mine" / "leaderboard.csv").is_file()


def test_a_run_that_cannot_begin_says_so_at_once(run):
    answer = run("--detach", "--only", "nothing")
    assert answer.status == 2
    assert answer.err.startswith("error: ")
    assert "nothing" in answer.err


def test_status_and_cancel_print_what_runs(srbench):
    assert srbench("status").err == (
        "error: There is no run in results; give the folder of --results, and start one with srbench run.\n"
    )
    folder = srbench.folder / "results"
    with results_lock(folder), RunFiles(folder).following("slurm", 8, (), unheard) as hear:
        hear(Planned(suite="tiny", cells=1, impossible=0, jobs=1, estimated_seconds=1.0))
        hear(Training(number=1, jobs=1, job="training dot", step=0, steps=50, title="training dot"))
        said = srbench("status").out
        assert "suite tiny running" in said
        assert "slurm with 8 at once" in said
        assert "training dot" in said
        assert "0 of 50" in said
    assert "is stopped. Nothing is to be cancelled" in srbench("cancel").err
