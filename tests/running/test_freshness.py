"""A finished run is answered from its note only while nothing that it depended on has changed."""

from __future__ import annotations

import json
import os

import pytest

from srbench.running.events import unheard
from srbench.running.freshness import NOTE, note_finished, still_finished
from srbench.running.runner import run_plan

QUESTION = {"suite": "tiny", "limit": None}


@pytest.fixture
def finished(tiny, schedule, catalog):
    """A small run that ended well, and its results folder."""
    laid_out = schedule('architectures = ["bicubic"]')
    results = tiny.folder / "results"
    outcome = run_plan(laid_out, results, catalog.executors["here"], 1, unheard)
    assert not outcome.failed
    note_finished(results, QUESTION, laid_out)
    return laid_out, results


def _touch(path):
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000))


def test_the_same_question_has_the_same_answer(finished):
    _, results = finished
    assert still_finished(results, QUESTION)
    assert still_finished(results, dict(reversed(QUESTION.items())))


def test_another_question_is_asked_properly(finished):
    _, results = finished
    assert not still_finished(results, QUESTION | {"limit": 1})


def test_an_empty_folder_holds_no_answer(tmp_path):
    assert not still_finished(tmp_path, QUESTION)


def test_a_damaged_note_is_no_answer(finished):
    _, results = finished
    (results / "records" / NOTE).write_text("{")
    assert not still_finished(results, QUESTION)


def test_a_changed_image_asks_again(finished, session, catalog):
    _, results = finished
    _touch(next(iter(session.library.images(catalog.datasets["tiny_test"]).values())))
    assert not still_finished(results, QUESTION)


def test_an_image_more_asks_again(finished, session, catalog):
    _, results = finished
    path = next(iter(session.library.images(catalog.datasets["tiny_test"]).values()))
    (path.parent / "another.png").write_bytes(path.read_bytes())
    assert not still_finished(results, QUESTION)


def test_changed_code_asks_again(finished, tiny):
    _, results = finished
    note = results / "records" / NOTE
    marks = json.loads(note.read_text())
    code = [path for path in marks["code"] if path.endswith("networks/network.py")]
    assert code
    marks["code"][code[0]][1] += 1
    note.write_text(json.dumps(marks))
    assert not still_finished(results, QUESTION)


def test_a_plugin_more_asks_again(finished, tmp_path, monkeypatch):
    _, results = finished
    monkeypatch.setattr("srbench.catalog.code_state.user_folder", lambda: tmp_path / "own")
    (tmp_path / "own").mkdir()
    assert still_finished(results, QUESTION)
    (tmp_path / "own" / "new.py").write_text("x = 1")
    assert not still_finished(results, QUESTION)


def test_a_changed_list_of_ones_own_datasets_asks_again(finished, tmp_path, monkeypatch):
    """A published score that is corrected there changes what is certified."""
    laid_out, results = finished
    manifest = tmp_path / "mine.toml"
    monkeypatch.setenv("SRBENCH_DATASETS", str(manifest))
    note_finished(results, QUESTION, laid_out)
    assert still_finished(results, QUESTION)
    manifest.write_text("")
    assert not still_finished(results, QUESTION)


def test_a_lost_record_or_stored_result_asks_again(finished, session):
    laid_out, results = finished
    record = next((results / "records").glob("*.json"))
    text = record.read_text()
    record.unlink()
    assert not still_finished(results, QUESTION)
    record.write_text(text)
    (jobs,) = laid_out.cells.values()
    session.store.forget(jobs.measure.name)
    assert not still_finished(results, QUESTION)


def test_another_environment_asks_again(finished, monkeypatch):
    _, results = finished
    monkeypatch.setenv("SRBENCH_PLUGINS", "bundled")
    assert not still_finished(results, QUESTION)


def test_nothing_is_noted_while_a_metric_is_absent(finished, session):
    laid_out, results = finished
    (results / "records" / NOTE).unlink()
    (jobs,) = laid_out.cells.values()
    stored = laid_out.result(jobs.measure)
    absent = {"value": None, "reason": "absent for now"}
    scores = {name: score.model_copy(update=absent) for name, score in stored.scores.items()}
    session.store.write(jobs.measure.name, stored.model_copy(update={"scores": scores}))
    note_finished(results, QUESTION, laid_out)
    assert not (results / "records" / NOTE).exists()


def test_nothing_is_noted_while_a_result_besides_the_scores_is_missing(finished, session):
    laid_out, results = finished
    (results / "records" / NOTE).unlink()
    (jobs,) = laid_out.cells.values()
    session.store.forget(jobs.certify.name)
    note_finished(results, QUESTION, laid_out)
    assert not (results / "records" / NOTE).exists()
