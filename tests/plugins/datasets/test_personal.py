"""Datasets that a person has recorded join the others, and their faults stay their own."""

import pytest

from srbench.catalog.catalog import load_catalog

USER_SET = """
[my_own]
label = "My own"
split = "test"
images = 3
license = "CC0-1.0"
citation = "me"
"""


@pytest.fixture
def own_manifest(tmp_path, monkeypatch):
    path = tmp_path / "datasets.toml"
    monkeypatch.setenv("SRBENCH_DATASETS", str(path))
    return path


def test_a_persons_own_sets_join_them(own_manifest):
    own_manifest.write_text(USER_SET)
    catalog = load_catalog()
    assert catalog.datasets["my_own"].label == "My own"
    assert "set5" in catalog.datasets


def test_a_faulty_manifest_of_a_persons_own_does_not_take_the_others_down(own_manifest):
    own_manifest.write_text(USER_SET.replace("label", "lable"))
    catalog = load_catalog()
    assert "set5" in catalog.datasets
    [broken] = catalog.broken
    assert "did you mean 'label'?" in broken.error
