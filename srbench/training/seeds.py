"""Random numbers that need no state: every stream is named by what it is for, so a resumed training draws the same."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def seed_of(*names: int | str) -> int:
    """A seed in [0, 2^63) for the stream called ``names``, such as a run's seed, a phase and a step.

    Neighbouring names give unrelated seeds, which ``seed + step`` would not.
    """
    digest = hashlib.blake2b(repr(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def numpy_stream(*names: int | str) -> np.random.Generator:
    """The NumPy stream called ``names``."""
    return np.random.Generator(np.random.Philox(key=seed_of(*names)))


def torch_stream(*names: int | str) -> torch.Generator:
    """The torch stream called ``names``, on the CPU."""
    return torch.Generator().manual_seed(seed_of(*names))
