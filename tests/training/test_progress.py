from __future__ import annotations

import sys

import pytest

from srbench.training.progress import Curves


def test_curves_are_dropped_without_a_folder_or_without_tensorboard(tmp_path, monkeypatch):
    with Curves(None, 0) as curves:
        curves.write(1, {"loss": 1.0})
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with Curves(tmp_path, 0) as curves:
        curves.write(1, {"loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_curves_go_on_where_a_killed_process_was_resumed(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Curves(tmp_path, 0) as curves:
        for step in (1, 2, 3, 4):
            curves.write(step, {"loss": 1.0})
    with Curves(tmp_path, 3) as curves:
        curves.write(3, {"loss": 2.0})
    points = events.EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [(p.step, p.value) for p in points] == [(1, 1.0), (2, 1.0), (3, 2.0)]
