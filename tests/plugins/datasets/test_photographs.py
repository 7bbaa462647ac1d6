"""The embedded photographs are all there, sound, and found without a heavy library."""

import subprocess
import sys

from srbench.catalog.catalog import load_catalog
from srbench.datasets.library import Library
from srbench.datasets.overlap import assert_disjoint


def test_the_embedded_photographs_are_all_there_and_sound():
    catalog = load_catalog()
    library = Library(None, catalog.datasets)
    assert set(library.images(catalog.datasets["photographs"])) == {"astronaut", "chelsea", "coffee", "camera"}
    for name in ("photographs", "photographs_train", "photographs_fit", "photographs_validate"):
        assert library.verification(catalog.datasets[name]).state == "complete"


def test_embedded_training_and_test_photographs_never_overlap():
    catalog = load_catalog()
    library = Library(None, catalog.datasets)
    train, test = (library.images(catalog.datasets[name]) for name in ("photographs_train", "photographs"))
    assert set(train) & set(test) == set()
    assert_disjoint(train, test)


def test_photographs_to_fit_and_to_validate_on_are_those_of_training_each_once():
    catalog = load_catalog()
    entries = {name: set(catalog.datasets[f"photographs_{name}"].entries) for name in ("fit", "validate", "train")}
    assert entries["fit"] | entries["validate"] == entries["train"]
    assert entries["fit"] & entries["validate"] == set()


def test_finding_and_checking_photographs_imports_neither_torch_nor_scikit_image():
    code = (
        "import sys; from srbench_plugins.datasets import photographs; from srbench.datasets.library import Library; "
        "specs = {s.name: s for s in photographs.register_datasets()}; library = Library(None, specs); "
        "assert all(library.content_hash(s) for s in specs.values()); "
        "print([m for m in ('torch', 'skimage', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
