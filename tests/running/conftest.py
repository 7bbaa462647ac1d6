"""Plans, sessions and schedules on the tiny datasets."""

from __future__ import annotations

import pytest

from srbench.planning.plan import make_plan
from srbench.planning.suite import load_suite
from srbench.running import session as sessions
from srbench.running.schedule import Schedule
from srbench.running.session import Session


@pytest.fixture
def session(tiny, catalog, monkeypatch) -> Session:
    """On the catalog that all tests share."""
    monkeypatch.setattr(sessions, "_catalog", lambda files, strict: catalog)
    return Session(plugin_files=(tiny.plugin,), data_root=tiny.data, cache=tiny.folder / "cache", images_kept=1)


@pytest.fixture
def schedule(tiny, session):
    """Lay out a suite of one grid, without profiles."""

    def make(grid="", *, within=session, profile=False):
        sessions._library.cache_clear()
        suite = load_suite(str(tiny.suite(grid)))
        suite = suite.model_copy(update={"profile": suite.profile.model_copy(update={"enabled": profile})})
        return Schedule(make_plan(suite, within.catalog), within)

    return make
