"""Keep what a network makes of the degradation of each image, beside what the degradation says about it."""

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
    """Collects the output of the module that a spec calls its ``representation``, image by image.

    Args:
        network: Whose spec names the module.
    """

    def __init__(self, network: Network) -> None:
        self._module, self._path = network.module, network.spec.representation
        self._names: list[str] = []
        self._vectors: list[Tensor] = []
        self._conditions: list[dict[str, float]] = []

    @contextmanager
    def watch(self, pair: Pair) -> Iterator[None]:
        """Record while the network runs on the pair's lr, once and whole."""
        with capture(self._module, (self._path,)) as features:
            yield
        self._names.append(pair.name)
        self._vectors.append(features[self._path].flatten().float().cpu())
        self._conditions.append(dict(pair.conditions or {}))

    def write(self, folder: Path) -> str:
        """Write the file ``FILE`` in a folder.

        It holds ``images`` (n,), ``vectors`` (n, d), ``names`` (k,) and ``conditions`` (n, k).

        Returns:
            Its name.
        """
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
