"""Every bundled plugin has a file of tests that is called as it is, and every file of tests is about one plugin."""

import pytest

from helpers import ROOT, TESTS

KINDS = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py"))
OF_A_WHOLE_KIND = {
    "architectures": {"every_network_learns", "onnx"},
    "degradations": {"golden_draws", "grey_images", "last_bits"},
}
"""Tests that hold for every plugin of a kind."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_plugin_has_its_file_of_tests_and_every_file_its_plugin(kind):
    plugins = {path.stem for path in (ROOT / "plugins" / kind).glob("[!_]*.py")}
    tests = {path.stem.removeprefix("test_") for path in (TESTS / "plugins" / kind).glob("test_*.py")}
    assert tests - OF_A_WHOLE_KIND.get(kind, set()) == plugins
