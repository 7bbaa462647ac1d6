from __future__ import annotations

import sys

import pytest

from srbench.training.progress import curves


def test_curves_are_dropped_without_a_folder_or_without_tensorboard(tmp_path, monkeypatch):
    with curves(None, 0) as plot:
        plot(1, {"loss": 1.0})
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with curves(tmp_path, 0) as plot:
        plot(1, {"loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_curves_go_on_where_a_killed_process_was_resumed(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with curves(tmp_path, 0) as plot:
        for step in (1, 2, 3, 4):
            plot(step, {"loss": 1.0})
    with curves(tmp_path, 3) as plot:
        plot(3, {"loss": 2.0})
    points = events.EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [(p.step, p.value) for p in points] == [(1, 1.0), (2, 1.0), (3, 2.0)]
