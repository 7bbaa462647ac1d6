"""What every test may ask for."""

from __future__ import annotations

import functools
import os
import tempfile
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

from helpers import SHARED, TESTS

# Several test processes share the cores: threads that wait for one another would make all of them slow.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A gate must answer the same code the same way, on a slow machine too; `--hypothesis-profile search` explores others.
SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=SLOW)
hypothesis.settings.register_profile("search", max_examples=500, deadline=None, suppress_health_check=SLOW)
# `make mutants` asks whether a test fails, not for the simplest example.
PHASES = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
hypothesis.settings.register_profile(
    "mutants", derandomize=True, deadline=None, suppress_health_check=SLOW, phases=PHASES, max_examples=25
)
hypothesis.settings.load_profile("repeatable")

# Plugins, datasets and weights that a person has must not decide a test; from here on, since collecting loads plugins.
SETTINGS = tempfile.TemporaryDirectory(prefix="srbench-tests-")
os.environ["XDG_CONFIG_HOME"] = SETTINGS.name
# Tests write their own plugins; those of consent and of trials take this back.
os.environ["SRBENCH_TRUST_PLUGINS"] = "1"
for variable in ("SRBENCH_DATA", "SRBENCH_DEBUG", "SRBENCH_PLUGINS", "SRBENCH_WEIGHTS"):
    os.environ.pop(variable, None)

pytest_plugins = ["helpers.fixtures"]

# An assert in a helper shows the values that it compared, as one in a test does.
pytest.register_assert_rewrite("helpers.architectures", "helpers.rounding")

TINY_PLUGIN = TESTS / "helpers" / "tiny_plugin.py"


def pytest_unconfigure() -> None:
    """Take the folder of settings away."""
    SETTINGS.cleanup()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Seed torch's global generator for each test, so that earlier tests of its process do not matter."""
    import torch

    torch.manual_seed(zlib.crc32(item.nodeid.encode()))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Seed it for each shared fixture too, so that the order of tests does not matter."""
    import torch

    if request.scope == "function":
        return (yield)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(fixturedef.argname.encode()))
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _commands_read_once() -> None:
    """Build the parser of the command line once: it takes longer than most commands that tests type."""
    import typer.main
    import typer.testing

    typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a person has cached must not decide a test, nor a test fill it."""
    os.environ["SRBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _own_environment() -> Generator[None, None, None]:
    """Undo what a test sets for the processes that it starts."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A file or folder of the shared facts beside the checkout; skips, naming it, where it is not there."""

    def find(relative: str) -> Path:
        path = SHARED / relative
        if not path.exists():
            pytest.skip(f"../shared/{relative} is not here")
        return path

    return find


@pytest.fixture
def torch_threads() -> Generator[Callable[[int], None], None, None]:
    """Sets how many threads torch may use, until the test ends."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def catalog():
    """The bundled plugins and those of tiny_plugin.py, loaded once."""
    from srbench.catalog.catalog import build_catalog
    from srbench.catalog.discovery import discover, file_plugin
    from srbench.catalog.loading import load_plugin

    bundled = discover(environ={"SRBENCH_PLUGINS": "bundled"})
    return build_catalog([*bundled, load_plugin(*file_plugin(TINY_PLUGIN))])


@dataclass(frozen=True)
class Tiny:
    """A data root with two datasets, a recipe of a few steps, and suites made on demand."""

    folder: Path
    plugin: Path = TINY_PLUGIN

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def suite(self, grid: str = "", top: str = "", name: str = "tiny") -> Path:
        """Write a suite of one grid; later keys replace the default ones."""
        keys = {
            "architectures": '["bicubic", "dot"]', "datasets": '["tiny_test"]', "scales": "[2]",
            **dict(row.split(" = ", 1) for row in grid.splitlines()),
        }  # fmt: skip
        path = self.folder / f"{name}.toml"
        rows = [f'name = "{name}"', 'metrics = ["psnr_y"]', 'recipe = "tiny_recipe.toml"', top, "[[grid]]"]
        path.write_text("\n".join([*rows, *(f"{key} = {value}" for key, value in keys.items())]) + "\n")
        return path

    def recipe(self, **changes: object) -> Path:
        """Write the recipe that the suites name."""
        keys = {"datasets": '["tiny_train"]', "patch": 8, "batch": 2, "steps": 3, "learning_rate": 1e-3} | changes
        path = self.folder / "tiny_recipe.toml"
        path.write_text('name = "tiny"\n' + "".join(f"{key} = {value}\n" for key, value in keys.items()))
        return path

    def picture(self, path: Path, seed: int, height: int = 40, width: int = 36) -> None:
        """Write a smooth picture."""
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> Tiny:
    """Everything a run of a second needs, with a cache of its own."""
    from srbench.running import session

    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SRBENCH_DATA", raising=False)
    session._library.cache_clear()
    made = Tiny(tmp_path)
    made.recipe()
    for number, name in enumerate(("ant", "bee", "cow", "dog", "elk")):
        made.picture(made.data / ("TinyTest" if number < 2 else "TinyTrain") / f"{name}.png", number)
    return made
