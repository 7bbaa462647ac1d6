"""Collect violations: one sentence each, an unexpected exception being one too."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import torch

from srbench.errors import UnavailableError


class Violations(list[str]):
    """Sentences on what is wrong."""

    def expect(self, condition: object, sentence: str) -> bool:
        """Add ``sentence`` unless the condition holds; return whether it does."""
        if not condition:
            self.append(sentence)
        return bool(condition)

    @contextlib.contextmanager
    def during(self, act: str) -> Iterator[None]:
        """Turn an exception, or anything printed, into a violation that names what was being done.

        Args:
            act: What, with its subject: "building it at x2".
        """
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                yield
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - any exception of a plugin is a violation
            text = (str(error).strip().splitlines() or ["no message"])[0]
            self.append(f"{act[:1].upper()}{act[1:]} raised {type(error).__name__}: {text}")
        if text := printed.getvalue().strip():
            self.append(f"{act[:1].upper()}{act[1:]} printed {text.splitlines()[0][:60]!r}; use the logging module.")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run with torch's generator at ``seed``, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
