"""Let commands use a catalog that is loaded once."""

import srbench.catalog.plugin_facts
import srbench.running.session
import srbench.testing.adopting  # noqa: F401 - see below


def share(monkeypatch, catalog):
    """Make `load_catalog` return ``catalog`` in a test.

    What it calls is replaced, and not itself, and the modules above, which call that too, are imported before: a module
    that is first imported in the test would keep the replacement.
    """
    monkeypatch.setattr("srbench.catalog.catalog.discover", lambda files: ())
    monkeypatch.setattr("srbench.catalog.catalog.build_catalog", lambda plugins, **_: catalog)
