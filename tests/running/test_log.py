"""The log of a run: lines for people, and JSON for programs."""

import dataclasses
import io
import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from srbench.running import log
from srbench.running.events import (
    EVENTS,
    Done,
    Failed,
    Finished,
    Measuring,
    Note,
    Planned,
    Started,
    Training,
    Writing,
)
from srbench.running.log import JsonLog, LogLines, Sparse

NET = {"number": 1, "jobs": 12, "job": "training dot"}
CELL = {"number": 2, "jobs": 12, "job": "measuring dot"}
PACE = {"loss": 0.125, "images_per_second": 1234.5, "seconds_left": 300.0}
STEPS = {"steps": 2000, "title": "Dot"}
RUN = [
    Planned(suite="tiny", cells=5, impossible=2, jobs=12, estimated_seconds=600.0),
    Started(**NET),
    Training(**NET, **STEPS, step=0),
    Training(**NET, **STEPS, **PACE, step=400, held_out="31.26 dB"),
    Finished(**NET, seconds=65.2),
    Started(**CELL),
    Measuring(**CELL, image=0, images=5),
    Measuring(**CELL, image=3, images=5),
    Failed(**CELL, reason="the disk\nis [odd]"),
    Note(text="Take care."),
    Writing(results="results"),
    Done(measured=4, cached=0, failed=1, seconds=800.0, results="results"),
]


def lines_of(events):
    lines = []
    for event in events:
        LogLines(lines.append)(event)
    return lines


def test_every_event_is_a_line_with_the_time():
    stamped = lines_of(RUN)
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in stamped)
    assert [line[20:] for line in stamped] == [
        "suite tiny: 5 cells, 2 of them impossible, 12 jobs to do, about 10 min",
        " 1/12 begun  training dot: 2,000 steps",
        " 1/12 going  training dot: step 400 of 2,000, loss 0.125, 31.26 dB held out, 1,234 images/s, about 5 min left",
        " 1/12 done   training dot (65 s)",
        " 2/12 going  measuring dot: image 0 of 5",
        " 2/12 going  measuring dot: image 3 of 5",
        " 2/12 failed measuring dot: the disk is [odd]",
        "Take care.",
        "writing tables and figures to results",
        "4 cells measured, 0 from the cache, 1 failed. It took 13 min.",
    ]


def test_a_resumed_training_says_where_it_continues():
    (line,) = lines_of([Training(**NET, **STEPS, step=400)])
    assert line.endswith("training dot: continues after step 400 of 2,000")


def test_a_loss_that_is_not_finite_is_said():
    (line,) = lines_of([Training(**NET, **STEPS, **(PACE | {"loss": None}), step=400)])
    assert "loss not finite" in line


def test_the_json_log_has_every_field_of_every_event():
    file = io.StringIO()
    for event in RUN:
        JsonLog(file)(event)
    objects = [json.loads(line) for line in file.getvalue().splitlines()]
    for event, facts in zip(RUN, objects, strict=True):
        assert datetime.fromisoformat(facts.pop("time")).utcoffset().total_seconds() == 0
        assert EVENTS[facts.pop("event")](**facts) == event
    assert {event.name for event in RUN} == set(EVENTS)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now[0])
    return now


def test_progress_is_written_at_the_beginning_and_then_once_a_minute_for_each_job(clock):
    passed = []
    sparse = Sparse(passed.append, 60.0)
    for event in RUN[:3]:
        sparse(event)
    assert passed == RUN[:3]
    passed.clear()
    other = {"number": 3, "jobs": 12, "job": "training wide"}
    for second in range(0, 180, 10):
        clock[0] = 1000.0 + second
        for job in (NET, other):
            sparse(Training(**job, **STEPS, **PACE, step=second + 1))
    assert [event.step for event in passed if event.number == 1] == [61, 121]
    assert [event.step for event in passed if event.number == 3] == [1, 61, 121]
    passed.clear()
    sparse(Finished(**NET, seconds=1.0))
    assert len(passed) == 1


def test_measuring_few_images_is_no_line_of_its_own(clock):
    passed = []
    sparse = Sparse(passed.append, 60.0)
    for event in RUN[5:9]:
        sparse(event)
    assert [type(event) for event in passed] == [Started, Failed]


def test_events_are_plain_data():
    for kind in EVENTS.values():
        assert {str(field.type) for field in dataclasses.fields(kind)} <= {"str", "int", "float", "float | None"}


def test_the_page_on_the_log_names_every_event_and_field():
    page = (Path(__file__).parents[2] / "docs" / "log.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    common = {field.name for field in dataclasses.fields(Started)}
    assert set(EVENTS) <= set(rows)
    for name, kind in EVENTS.items():
        for field in {field.name for field in dataclasses.fields(kind)} - (common if name != "started" else set()):
            assert f"`{field}`" in rows[name], (name, field)
