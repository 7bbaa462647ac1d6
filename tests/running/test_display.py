"""What a person sees of a run on a terminal."""

import io

from srbench.plain import PlainConsole
from srbench.running.display import Display
from srbench.running.events import Done, Failed, Finished, Measuring, Note, Planned, Started, Training, Writing

NET = {"number": 1, "jobs": 3, "job": "training [/c]"}
CELL = {"number": 2, "jobs": 3, "job": "measuring [b]"}


def display_on(width=200):
    return Display(PlainConsole(file=io.StringIO(), force_terminal=True, width=width, color_system=None))


def test_a_terminal_shows_what_is_under_way_and_what_ended():
    display = display_on()
    with display:
        display(Planned(suite="tiny", cells=1, impossible=0, jobs=3, estimated_seconds=3.0))
        display(Started(**NET))
        display(Training(**NET, step=4, steps=10, title="Net [x2]"))
        facts = {"loss": 0.125, "held_out": "31.26 dB", "images_per_second": 1234.5, "seconds_left": 7.0}
        display(Training(**NET, step=5, steps=10, title="Net [x2]", **facts))
        display(Measuring(**CELL, image=1, images=4))
        display._bars.refresh()
        assert [task.description for task in display._bars.tasks] == ["[bold]jobs", r"Net \[x2]", r"measuring \[b]"]
        display(Note(text="Started afresh: [/odd]."))
        display(Failed(**NET, reason="the loss is [not] finite"))
        display(Finished(**CELL, seconds=1.0))
        assert [task.completed for task in display._bars.tasks] == [2]
        display(Finished(number=3, jobs=3, job="certifying it", seconds=1.0))
        assert display._bars.tasks == []
        display(Writing(results="results"))
        display(Done(measured=2, cached=0, failed=1, seconds=100.0, results="results"))
    text = display._console.file.getvalue()
    assert "Net [x2]" in text
    assert "loss 0.125 · 31.26 dB held out · 1,234 images/s" in text
    assert "5/10" in text
    for line in (
        "Started afresh: [/odd].", "done   measuring [b]", "failed training [/c]: the loss is [not] finite",
        "2 cells measured, 0 from the cache, 1 failed. It took 2 min.",
    ):  # fmt: skip
        assert line in text
