"""Run a plugin's code so that it can neither hang srbench, nor print into its output, nor fail without its name."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from srbench.errors import PluginError, text_of

SECONDS_TO_GIVE_UP = 5.0
"""Seconds from the first interruption of a plugin that ignores it until srbench ends itself with a sentence."""


def in_one_line(error: BaseException, file: Path | None) -> str:
    """Return an exception as one line, with the line of ``file`` that it came from."""
    text = f"{type(error).__name__}: {text_of(error)}".rstrip(": .")
    if isinstance(error, SyntaxError):
        return text  # which names file and line itself
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(file)]
    return text + "".join(f" ({Path(f.filename).name}, line {f.lineno})" for f in own[-1:])


_end_process = os._exit


@contextmanager
def without_ending() -> Iterator[None]:
    """Let ``os._exit`` raise SystemExit in this process, so that a plugin that calls it is reported like any other."""
    process = os.getpid()

    def instead(status: int) -> NoReturn:
        if os.getpid() != process:  # a fork
            _end_process(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = instead
    try:
        yield
    finally:
        os._exit = _end_process


@contextmanager
def quietly(notices: list[str]) -> Iterator[None]:
    """Collect what is printed and warned, and keep it out of srbench's output, which may be JSON for a program."""
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(printed):
        warnings.simplefilter("default")
        try:
            yield
        finally:
            notices += printed.getvalue().splitlines()
            notices += [
                f"{w.category.__name__}: {w.message}"
                for w in warned
                if not issubclass(w.category, DeprecationWarning | PendingDeprecationWarning | ImportWarning)
            ]


class _GiveUpError(BaseException):
    """The interruption: not an `Exception`, so that a plugin's ``except Exception`` does not catch it."""


@contextmanager
def time_limit(plugin: str, seconds: float) -> Iterator[None]:
    """Interrupt the block after ``seconds``, if it runs in the main thread; other threads cannot be interrupted.

    A plugin that catches the interruption is interrupted again every second. One that cannot be interrupted, since it
    waits in C, ends the whole process after `SECONDS_TO_GIVE_UP` more seconds, with a sentence.

    Raises:
        PluginError: The time is over.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return
    advice = f"did not finish loading within {seconds:g} s; fix it, remove it, or raise SRBENCH_PLUGIN_TIMEOUT"

    def interrupt(*_: object) -> None:
        raise _GiveUpError

    def end() -> None:
        os.write(2, f"Plugin {plugin} {advice}. It could not be interrupted, so srbench ends here.\n".encode())
        _end_process(2)

    watchdog = threading.Timer(seconds + SECONDS_TO_GIVE_UP, end)
    watchdog.daemon = True
    watchdog.start()
    handler = signal.signal(signal.SIGALRM, interrupt)
    start = time.monotonic()
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    except _GiveUpError:
        raise PluginError(f"it {advice}.") from None
    finally:
        watchdog.cancel()
        signal.signal(signal.SIGALRM, handler)
        # An alarm that was set before, such as a test runner's, continues.
        left = max(remaining - (time.monotonic() - start), 0.001) if remaining else 0.0
        signal.setitimer(signal.ITIMER_REAL, left, interval)
