"""Random numbers that need no state: every stream is named by what it is for, so a resumed training draws the same."""

from __future__ import annotations

import hashlib

import torch


def seed_of(*names: int | str) -> int:
    """Compute a seed in [0, 2^63) for the stream called ``names``, such as a run's seed, a phase and a step.

    Neighbouring names give unrelated seeds, which ``seed + step`` would not.
    """
    digest = hashlib.blake2b(repr(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def stream(*names: int | str) -> torch.Generator:
    """Return the random stream called ``names``, on the CPU."""
    return torch.Generator().manual_seed(seed_of(*names))


def seed_everything(device: torch.device, *names: int | str) -> None:
    """Set torch's global streams, which initialisation and dropout draw from, to the stream called ``names``.

    `torch.manual_seed` would keep a stack trace for every call as long as no GPU was used: a third of the time of a
    small step, and never given back.
    """
    seed = seed_of(*names)
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed_all(seed)
