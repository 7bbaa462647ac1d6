"""What contracts share: the violations that they collect, a fixed seed, and made-up photographs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import torch
from torch import Tensor

from srbench.errors import UnavailableError
from srbench.imaging.resize import imresize

_hearing: ContextVar[Callable[[str], None] | None] = ContextVar("hearing", default=None)
"""Hears what a contract is about to do."""


@contextlib.contextmanager
def heard_by(hear: Callable[[str], None]) -> Iterator[None]:
    """Call ``hear`` with each act of a contract before it begins: "building espcn at x2"."""
    token = _hearing.set(hear)
    try:
        yield
    finally:
        _hearing.reset(token)


class Violations(list[str]):
    """The sentences that describe what is wrong."""

    def expect(self, condition: object, sentence: str) -> bool:
        """Add ``sentence`` unless the condition holds; return whether it does."""
        if not condition:
            self.append(sentence)
        return bool(condition)

    @contextlib.contextmanager
    def during(self, act: str) -> Iterator[None]:
        """Turn an exception, or anything printed, into a violation that names the ``act``: "building it at x2"."""
        printed = io.StringIO()
        if hear := _hearing.get():
            hear(act)
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


def photograph(count: int, channels: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    """Make images with the statistics that matter to a test: strong low frequencies, an edge, weak texture.

    Returns:
        (count, channels, height, width) float32, rounded to 8 bits, in [0, 1]; other images for another ``seed``.
    """
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(count, channels, max(height // 8, 2), max(width // 8, 2), generator=generator)
    image = 0.15 + 0.7 * imresize(rough, size=(height, width)).clamp(0, 1)
    image[..., width // 2 :] *= 0.6
    image += 0.02 * torch.randn(image.shape, generator=generator)
    return (image.clamp(0, 1) * 255).round() / 255
