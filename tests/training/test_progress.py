from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from srbench.training.progress import Bar, Curves


def test_the_bar_shows_loss_psnr_speed_and_notes():
    text = io.StringIO()
    bar = Bar(Console(file=text, force_terminal=True, width=120))
    bar.begin("EDSR x2", 200, 0)
    bar.note("A sentence with [brackets].")
    bar.advance(50, loss=0.01234, psnr=31.456, images_per_second=1234.5)
    bar.end()
    bar.begin("FSRCNN x2", 10, 4)
    bar.advance(5, loss=1.0, psnr=None, images_per_second=3)
    bar.end()
    shown = text.getvalue()
    for piece in (
        "EDSR x2",
        "50/200",
        "loss 0.01234 · 31.46 dB · 1,234 images/s",
        "A sentence with [brackets].",
        "FSRCNN x2",
        "5/10",
    ):
        assert piece in shown


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
