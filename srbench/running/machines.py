"""The machines that do one training together: how they find each other, and learn why one cannot go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from srbench.catalog.executors import Node
from srbench.errors import TrainingError, WorkerError, text_of

if TYPE_CHECKING:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

BEGUN = "begun"
READY = "ready"
LOST, FAILED = "lost", "failed"
LOOK_SECONDS = 0.2
PATIENCE = 1800.0
"""Seconds in which all machines must come; each loads Python and the training set first."""
LAST_WORDS = 2.0
"""Seconds in which the reason of a machine comes that has left the others."""


@contextmanager
def meeting_held(node: Node) -> Iterator[None]:
    """Let other machines meet at this one, if it is the first of several, until the block ends.

    They then know that there is nothing to wait for. This begins before the job is claimed, since another run may have
    it for hours, in which they are to see that this process lives.

    Raises:
        WorkerError: Something else uses the port.
    """
    from srbench.training.group import opened_meeting_point

    store = None if node.count == 1 else opened_meeting_point(node.port)
    yield
    del store


class Machines:
    """What the machines of a training say to each other, beside numbers; one alone has nobody to talk to."""

    def __init__(self, node: Node, store: TCPStore) -> None:
        self._node, self._store = node, store

    def wait_for_begin(self) -> None:
        """Wait until the first machine has something to train.

        Raises:
            RuntimeError: It has ended.
        """
        while not self._store.check([BEGUN]):
            time.sleep(LOOK_SECONDS)

    def begin(self) -> None:
        """Say that there is something to train, if this is the first machine."""
        if not self._node.number:
            self._store.set(BEGUN, "")

    def gather(self) -> None:
        """Say that this machine's processes can join; the first waits until all others have said so.

        Raises:
            TrainingError: One cannot begin.
            WorkerError: One was lost before, or did not come.
        """
        if self._node.number:
            self._store.add(READY, 1)
            return
        until = time.monotonic() + PATIENCE
        while (came := self._store.add(READY, 0)) < self._node.count - 1:
            if reason := self._reason():
                raise reason
            if time.monotonic() > until:
                raise WorkerError(f"{came + 1} of the {self._node.count} machines of the training were there in time")
            time.sleep(LOOK_SECONDS)

    def report(self, error: Exception) -> None:
        """Let the first machine know why this one cannot go on."""
        with suppress(RuntimeError):  # it has ended by itself
            key = LOST if isinstance(error, WorkerError) else FAILED
            self._store.set(key, text_of(error) or type(error).__name__)

    def why_lost(self, error: Exception) -> Exception | None:
        """Return why the first machine lost another, at which it got ``error``; None if there is no other."""
        if self._node.count == 1 or self._node.number:
            return None
        until = time.monotonic() + LAST_WORDS
        while (reason := self._reason()) is None and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        said = (str(error.__cause__ or error).splitlines() or [""])[0]
        return reason or WorkerError(f"another machine of the training was lost, or cannot be reached ({said})")

    def _reason(self) -> Exception | None:
        for key, kind in ((FAILED, TrainingError), (LOST, WorkerError)):
            if self._store.check([key]):
                return kind(self._store.get(key).decode())
        return None
