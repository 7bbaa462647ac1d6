"""Everything that srbench raises on purpose: one sentence for a person, with what happened, was expected, and to do."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor


class SrbenchError(Exception):
    """An expected failure; its text is a sentence for the person at the keyboard."""


def text_of(error: BaseException) -> str:
    """Return the text of an exception in one line; a library's may have several, and a plugin's may fail to print."""
    try:
        return " ".join(str(error).split())
    except Exception as fault:  # noqa: BLE001 - whatever a plugin's own exception does
        return f"its text cannot be printed, {type(fault).__name__}"


def reason_of(error: Exception) -> str:
    """Return what a table says about a failure: the sentence of an expected one, else its type and text."""
    return text_of(error) if isinstance(error, SrbenchError) else f"{type(error).__name__}: {text_of(error)}"


class UsageError(SrbenchError):
    """A wrong option or argument."""


class ConfigError(SrbenchError):
    """A suite, recipe or dataset manifest that cannot be understood."""


class UnknownNameError(SrbenchError, KeyError):
    """A name that nothing provides."""

    __str__ = Exception.__str__  # KeyError would show its repr

    @classmethod
    def among(
        cls, kind: str, name: str, known: Iterable[str], hint: str = "", *, meant: str = ""
    ) -> UnknownNameError:  # fmt: skip
        """The error for ``name``, with the nearest of the ``known`` names.

        Args:
            kind: What was looked up, as a noun: "architecture", "dataset".
            name: What was asked for.
            known: Every name that would have been right.
            hint: A sentence on what to do; empty for none.
            meant: A name that is likelier than the nearest; empty for none.
        """
        choices = sorted(known)
        near = meant or nearest(name, choices)
        text = f"No {kind} named {name!r}."
        if near:
            text += f" Did you mean {near}?"
        elif choices:
            shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
            text += f" Known: {shown}."
        return cls(f"{text} {hint}".rstrip())


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is spelt most like ``name``, in any case, with any hyphens; empty if none is near."""
    spelt = {_plain(choice): choice for choice in known}
    near = difflib.get_close_matches(_plain(name), spelt, n=1, cutoff=0.5)
    return spelt[near[0]] if near else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")


class PluginError(SrbenchError):
    """A plugin that fails to import or to register."""


class DataError(SrbenchError):
    """A missing, incomplete or altered dataset or image."""


class ShapeError(DataError):
    """Tensors or images whose sizes do not fit together."""


class CheckpointError(SrbenchError):
    """Weights that cannot be loaded."""


class ExportError(SrbenchError):
    """A network that cannot be exported in a form."""


class TrainingError(SrbenchError):
    """A training that cannot go on."""


class StoreError(SrbenchError):
    """A results folder or cache that cannot be written."""


class UnavailableError(SrbenchError):
    """A measurement that cannot be made here; shown as an empty cell with this reason."""


class WorkerError(SrbenchError, BrokenExecutor):
    """A worker that died, or was lost, with the job that it had; names the worker and what is known of its end.

    Executors raise it as the result of the job, which is then done again.
    """


class TrainingInterrupted(KeyboardInterrupt):
    """A training that was asked to stop, and did after saving; its text says how to go on.

    It is not a `SrbenchError`: code that continues after a failed cell must not continue after this.

    Attributes:
        signal_number: The signal that asked.
    """

    signal_number: int = signal.SIGINT
