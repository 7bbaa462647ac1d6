import subprocess
import sys

import pytest

from srbench.catalog.catalog import load_catalog
from srbench.datasets.layouts import find_images
from srbench.datasets.library import Library
from srbench.datasets.overlap import assert_disjoint

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


def test_the_embedded_photographs_are_all_there_and_sound():
    catalog = load_catalog()
    library = Library(None, catalog.datasets)
    assert set(library.images(catalog.datasets["photographs"])) == {"astronaut", "chelsea", "coffee", "camera"}
    for name in ("photographs", "photographs_train"):
        assert library.verification(catalog.datasets[name]).state == "complete"


def test_embedded_training_and_test_photographs_never_overlap():
    catalog = load_catalog()
    library = Library(None, catalog.datasets)
    train, test = (library.images(catalog.datasets[name]) for name in ("photographs_train", "photographs"))
    assert set(train) & set(test) == set()
    assert_disjoint(train, test)


def test_every_set_the_suites_may_name_is_registered():
    names = set(load_catalog().datasets)
    assert names >= {
        "photographs", "photographs_train", "set5", "set14", "b100", "urban100", "manga109", "div2k_train",
        "div2k_valid", "flickr2k", "t91", "general100", "bsds200", "bsds300", "realsr_v3_train_x4", "realsr_v3_test_x4",
    }  # fmt: skip


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


def test_finding_and_checking_photographs_imports_neither_torch_nor_scikit_image():
    code = (
        "import sys; from srbench_plugins.datasets import photographs; from srbench.datasets.library import Library; "
        "specs = {s.name: s for s in photographs.register_datasets()}; library = Library(None, specs); "
        "assert all(library.content_hash(s) for s in specs.values()); "
        "print([m for m in ('torch', 'skimage', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_absent_sets_are_absent_and_not_errors(tmp_path):
    for spec in load_catalog().datasets.values():
        if spec.locate is None:
            assert find_images(spec, tmp_path).hr == {}
