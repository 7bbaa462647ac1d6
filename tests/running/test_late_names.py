"""What a distiller asks for by name decides its training too, though no suite and no recipe names it."""

import pytest

from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover, file_plugin
from srbench.catalog.loading import load_plugin
from srbench.datasets.library import Library
from srbench.running import session as sessions
from srbench.running.equal_time import compare_paces
from srbench.running.events import unheard
from srbench.running.keys import Keys
from srbench.running.late_names import LateNames, current_code
from srbench.running.runner import run_plan

ASKING = """
import srbench

class Asking(srbench.Distiller):
    def __init__(self, setup):
        super().__init__(setup)
        self.helper = [setup.build("helper").module]

    def phases(self):
        return (srbench.Phase("whole"), srbench.Phase("dim", degradation="dim"))

@srbench.hookimpl
def register_distillers():
    return [srbench.DistillerSpec(name="asking", build=Asking, needs_teacher=False)]
"""
HELPER = """
import srbench
from torch import nn

@srbench.hookimpl
def register_architectures():
    build = lambda scale: nn.Sequential(nn.Conv2d(3, 3 * scale**2, 1), nn.PixelShuffle(scale))
    return [srbench.ArchitectureSpec(name="helper", build=build, scales=frozenset({2}))]
"""
DIM = """
import srbench

@srbench.hookimpl
def register_degradations():
    apply = lambda hr, scale, generator: hr[..., ::scale, ::scale] / 2
    return [srbench.DegradationSpec(name="dim", apply=apply, stochastic=False)]
"""


@pytest.fixture(scope="module")
def bundled():
    return discover(environ={"SRBENCH_PLUGINS": "bundled"})


@pytest.fixture
def provide(bundled, tiny, tmp_path, monkeypatch):
    """Make a catalog of plugin files, and take the session to it."""

    def make(**texts):
        files = [tiny.plugin]
        for name, text in texts.items():
            files.append(tmp_path / f"{name}_plugin.py")
            files[-1].write_text(text)
        made = build_catalog([*bundled, *(load_plugin(*file_plugin(file)) for file in files)])
        monkeypatch.setattr(sessions, "_catalog", lambda files, strict: made)
        return made

    return make


GRID = 'architectures = ["dot"]\ndistillers = ["asking"]'


@pytest.mark.parametrize("changed", ["helper", "dim"])
def test_a_change_of_what_was_asked_for_by_name_trains_and_measures_again(
    schedule, session, provide, tmp_path, changed
):
    texts = {"asking": ASKING, "helper": HELPER, "dim": DIM}

    def run():
        catalog = provide(**texts)
        planned = schedule(GRID, within=session)
        return run_plan(planned, tmp_path / "results", catalog.executors["here"], 1, unheard), planned

    first, planned = run()
    assert (first.measured, first.failed) == (1, ())
    (model,) = planned.plan.models
    key = Keys(session).model(model)
    assert session.store.read(key).late_names.keys() == {"architecture", "degradation"}
    assert run()[0].cached == 1, "nothing has changed"
    before = texts[changed]
    texts[changed] += "# another version\n"
    again, _ = run()
    assert (again.measured, again.cached) == (1, 0)
    assert Keys(session).model(model) != key
    assert run()[0].cached == 1
    texts[changed] = before
    assert run()[0].cached == 1, "what was trained with the earlier code serves again"
    assert Keys(session).model(model) == key


def test_what_nobody_asked_for_changes_nothing(schedule, session, provide, tmp_path):
    grid = 'architectures = ["dot"]'
    keys = []
    for text in (HELPER, HELPER + "# another version\n"):
        catalog = provide(helper=text)
        planned = schedule(grid, within=session)
        run_plan(planned, tmp_path / "results", catalog.executors["here"], 1, unheard)
        (model,) = planned.plan.models
        keys.append(Keys(session).model(model))
        assert session.store.read(keys[-1]).late_names == {}
    assert keys[0] == keys[1]


def test_a_ratio_of_times_notes_what_its_trials_asked_for(schedule, session, provide, monkeypatch):
    monkeypatch.setattr("srbench.running.equal_time.TRIAL_TURNS", 1)
    provide(asking=ASKING, helper=HELPER, dim=DIM)
    (model,) = (m for m in schedule(GRID + '\nbudget = "time"').plan.models)
    key, pace = Keys(session).pace(model), compare_paces(model, session)
    session.store.write(key, pace)
    assert Keys(session).pace(model) == key
    provide(asking=ASKING, helper=HELPER + "# slower\n", dim=DIM)
    assert Keys(session).pace(model) != key


def test_what_is_no_longer_there_is_another_than_what_was(provide):
    names = LateNames(provide(helper=HELPER), Library(None, {}), 2, None)
    names.network("helper")
    assert current_code(provide(helper=HELPER), names.code) == names.code
    assert current_code(provide(), names.code) == {"architecture": {"helper": []}}
