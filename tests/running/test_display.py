"""What a person sees of a run, in a terminal and in a log."""

import io

import pytest

from srbench.plain import PlainConsole
from srbench.running.display import Display, RunProgress


def shown(terminal, width=200):
    console = PlainConsole(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)
    with Display(console) as display, display.jobs(2) as finished:
        display.begin("Net [x2]", 10, 4)
        display.advance(5, loss=0.125, held_out="31.26 dB", images_per_second=1234.5)
        display._bars.refresh()
        display.note("Started afresh: [/odd].")
        display.end()
        finished("measuring [b]", None)
        finished("training [/c]", "the loss is [not] finite")
        with display.images("measure", 2) as advance:
            advance()
            advance()
    return console.file.getvalue()


def test_a_log_holds_the_finished_jobs_and_the_notes_and_no_bars():
    assert shown(terminal=False).splitlines() == [
        "Started afresh: [/odd].", "done   measuring [b]", "failed training [/c]: the loss is [not] finite",
    ]  # fmt: skip


def test_a_terminal_shows_the_training_under_way():
    text = shown(terminal=True)
    assert "Net [x2]" in text
    assert "loss 0.125 · 31.26 dB held out · 1,234 images/s" in text
    assert "5/10" in text


def test_a_failed_image_takes_its_bar_away():
    console = PlainConsole(file=io.StringIO(), force_terminal=True)
    with Display(console) as display:
        with pytest.raises(RuntimeError), display.images("measure", 2):
            raise RuntimeError
        assert display._bars.tasks == []


def test_jobs_elsewhere_show_nothing(capsys):
    silent = RunProgress()
    silent.begin("x", 1, 0)
    silent.advance(1, loss=1.0, held_out="", images_per_second=1.0)
    silent.note("x")
    silent.end()
    with silent.images("x", 1) as advance, silent.jobs(1) as finished:
        advance()
        finished("x", "y")
    assert capsys.readouterr() == ("", "")
