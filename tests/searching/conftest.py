"""A space of networks of a few weights, on images of a few pixels."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from helpers import TESTS
from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover, file_plugin
from srbench.catalog.loading import load_plugin
from srbench.planning.suite import load_suite
from srbench.running import session as sessions
from srbench.running.events import Note
from srbench.running.session import Session
from srbench.searching.search import Searching
from srbench.searching.space import Space
from srbench.searching.study import Study

SIZED = TESTS / "helpers" / "sized_plugin.py"
RECIPE = 'datasets = ["tiny_train"]\npatch = 8\nbatch = 2\nlearning_rate = 1e-2\n'
SUITE = """\
name = "little"
about = "A little space."
protocol = "classic-y"
metrics = ["psnr_y"]
recipe = "final.toml"
[profile]
enabled = false
[[grid]]
architectures = ["bicubic", "dot"]
datasets = ["tiny_test"]
scales = [2]
"""
SEARCH = """\
[search]
dataset = "tiny_validate"
recipes = ["short.toml"]
trials = 4
others = 1
"""
NETWORK = """\
[[search.network]]
family = "sized"
choices = { width = [1, 2, 3, 4], kernel = [1, 3] }
"""


@dataclass(frozen=True)
class Little:
    """Suites with a search, and what searches them."""

    folder: Path
    data: Path
    catalog: object
    said: list[str] = field(default_factory=list)

    def suite(self, more="", *, search=SEARCH, network=NETWORK, grid=SUITE):
        """Write a suite; ``more`` is added to its table [search]."""
        path = self.folder / "little.toml"
        path.write_text(f"{grid}\n{search}\n{more}\n{network}")
        return path

    def space(self, *words, **changes):
        return Space(load_suite(str(self.suite(*words, **changes))), self.catalog)

    @property
    def session(self):
        return Session(data_root=self.data, cache=self.folder / "cache", images_kept=0)

    def study(self, space, name="found"):
        return Study(space, self.session, self.folder / name)

    def search(self, space, *, workers=1, name="found"):
        """Search a space to its end, and return what was proposed."""
        study, said = self.study(space, name), self.said

        def hear(event):
            if isinstance(event, Note):
                said.append(event.text)

        with study.working():
            here = self.catalog.executors["here"]
            Searching(space, study, self.session, self.folder / name, here, workers, hear).run()
        return study.tried()


@pytest.fixture(scope="session")
def sized_catalog(catalog):
    bundled = discover(environ={"SRBENCH_PLUGINS": "bundled"})
    files = [load_plugin(*file_plugin(path)) for path in (TESTS / "helpers" / "tiny_plugin.py", SIZED)]
    return build_catalog([*bundled, *files])


@pytest.fixture
def little(tiny, sized_catalog, monkeypatch):
    for number in range(10, 14):
        tiny.picture(tiny.data / "TinyValidate" / f"{number}.png", number)
    for name, steps in (("short", 4), ("longer", 8), ("final", 12)):
        (tiny.folder / f"{name}.toml").write_text(f'name = "{name}"\n{RECIPE}steps = {steps}\n')
    monkeypatch.setattr(sessions, "_catalog", lambda files, strict: sized_catalog)
    return Little(tiny.folder, tiny.data, sized_catalog)
