"""Fixtures of several rooms, which the root conftest registers: tiny datasets on disk."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srbench.datasets.spec import DatasetSpec, ImageEntry
from srbench.imaging.pixels import pixel_hash

Pictures = Mapping[str, np.ndarray]


@pytest.fixture
def empty_cache(tmp_path_factory, monkeypatch) -> None:
    """A cache of the test's own, so that nothing of another test is found in it."""
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def pictures() -> dict[str, np.ndarray]:
    """Three different pictures with structure at every size."""
    made = {}
    for number, (name, height, width) in enumerate([("ant", 48, 60), ("bee", 48, 48), ("cow", 36, 48)]):
        coarse = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        made[name] = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return made


@pytest.fixture
def save() -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, image: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)

    return write


@pytest.fixture
def shrink() -> Callable[[np.ndarray, int], np.ndarray]:
    def smaller(image: np.ndarray, scale: int) -> np.ndarray:
        return np.asarray(Image.fromarray(image).reduce(scale))

    return smaller


@pytest.fixture
def farm(pictures) -> DatasetSpec:
    """The dataset of the three pictures, fully known."""
    return DatasetSpec(
        name="farm",
        label="Farm",
        split="test",
        images=3,
        license="CC0-1.0",
        citation="nobody",
        entries=tuple(
            ImageEntry(name=name, height=p.shape[0], width=p.shape[1], sha256=pixel_hash(p))
            for name, p in pictures.items()
        ),
    )


@pytest.fixture
def root(tmp_path, pictures, save, shrink) -> Path:
    """A data root with a sound copy of it, LR included."""
    for name, picture in pictures.items():
        save(tmp_path / "Farm" / "HR" / f"{name}.png", picture)
        save(tmp_path / "Farm" / "LR_bicubic" / "X2" / f"{name}x2.png", shrink(picture, 2))
    return tmp_path
