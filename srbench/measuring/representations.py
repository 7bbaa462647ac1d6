"""Store a network's representation of the degradation of each image, with the true numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from torch import Tensor

from srbench.files import atomic_path
from srbench.measuring.pairs import Pair
from srbench.networks.capture import capture
from srbench.networks.network import Network

FILE = "representation.npz"


class Representations:
    """Collects the output of the module that the network's spec names as ``representation``, image by image."""

    def __init__(self, network: Network) -> None:
        self._module, self._path = network.module, network.spec.representation
        self._names: list[str] = []
        self._vectors: list[Tensor] = []
        self._conditions: list[dict[str, float]] = []

    @contextmanager
    def watch(self, pair: Pair) -> Iterator[None]:
        """Record while the network runs once on the whole lr of the pair."""
        with capture(self._module, (self._path,)) as features:
            yield
        self._names.append(pair.name)
        self._vectors.append(features[self._path].flatten().float().cpu())
        self._conditions.append(dict(pair.conditions or {}))

    def write(self, folder: Path) -> str:
        """Write images (n,), vectors (n, d), names (k,), conditions (n, k) to ``FILE`` in a folder; return its name."""
        names = sorted(set.intersection(*(set(one) for one in self._conditions)))
        arrays = {
            "images": np.array(self._names),
            "vectors": np.stack([vector.numpy() for vector in self._vectors]),
            "names": np.array(names, dtype=np.str_),
            "conditions": np.array([[one[name] for name in names] for one in self._conditions], dtype=np.float64),
        }
        with atomic_path(folder / FILE) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        return FILE
