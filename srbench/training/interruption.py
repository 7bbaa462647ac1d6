"""Stop work after the step under way when the user or the system asks for it by a signal."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from srbench.errors import TrainingInterrupted


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Let the first SIGINT or SIGTERM only make the yielded function return True.

    A second SIGINT acts as usual. A second SIGTERM does not: a pool one of whose workers has died sends some to the
    others, which save their work and then end by that signal. A signal on which nothing has acted by the end is raised
    again there: it came after the last step, or the work failed.

    Threads other than the main one get no signals; there the function always returns False.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if number == signal.SIGINT:
            signal.signal(number, handlers[signal.SIGINT])

    for number in handlers:
        signal.signal(number, ask)
    try:
        yield lambda: bool(asked)
    except TrainingInterrupted as stop:
        if asked and not (asked[0] == signal.SIGTERM and multiprocessing.parent_process()):
            stop.signal_number = asked[0]
            asked.clear()
        raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if asked:
            signal.raise_signal(asked[0])
