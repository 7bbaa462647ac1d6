"""ORL, Omniglot and flowers as they are, with the splits that the manifest fixes."""

import functools
from itertools import product

import numpy as np
import pytest

from srbench.datasets.labelled.splits import assert_splits_fit
from srbench.datasets.library import Library
from srbench.datasets.manifest import read_manifest
from srbench.datasets.overlap import assert_disjoint
from srbench.errors import DataError

SPECS = {spec.name: spec for spec in read_manifest() if spec.labels is not None}
TRAIN_AND_TEST = [
    ("orl_train", "orl_verify"), ("orl_train", "orl_identify"), ("orl_fit", "orl_validate"),
    ("orl_fit", "orl_verify"), ("orl_closed_train", "orl_closed_test"), ("omniglot_train", "omniglot_test"),
    ("omniglot_fit", "omniglot_validate"), ("omniglot_alphabets", "omniglot_oneshot"),
    ("flowers_train", "flowers_test"), ("flowers_fit", "flowers_validate"),
]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    """One cache for these tests, instead of one for each: thousands of images are read once."""
    monkeypatch.setenv("SRBENCH_CACHE", str(cache))


@functools.cache
def library_below(root):
    """Read and verify each set once for all tests."""
    return Library(root, SPECS)


@pytest.fixture
def library(shared):
    return library_below(shared("data/recognition"))


def test_orl_is_verified_on_identities_25_to_40(library):
    found = library.labelled(SPECS["orl_verify"])
    assert found.classes == tuple(f"s{number}" for number in range(25, 41))
    genuine = [pair for pair in found.pairs if pair.same]
    impostors = [pair for pair in found.pairs if not pair.same]
    assert len({(pair.left, pair.right) for pair in genuine}) == 720
    assert len({frozenset((pair.left, pair.right)) for pair in impostors}) == 720
    for fold, kind in product(range(10), (genuine, impostors)):
        assert sum(pair.fold == fold for pair in kind) == 72
    assert all((found.labels[pair.left] == found.labels[pair.right]) is pair.same for pair in found.pairs)


def test_orl_is_identified_by_the_first_image_of_each_identity(library):
    found = library.labelled(SPECS["orl_identify"])
    assert found.gallery == tuple(f"s{number}/1" for number in range(25, 41))
    assert len(found.probes) == 144


def test_orl_closed_set_is_split_by_the_numbers_of_the_images(library):
    train, test = (library.labelled(SPECS[f"orl_closed_{part}"]) for part in ("train", "test"))
    assert {name.split("/")[1] for name in train.images} == set("12345")
    assert {name.split("/")[1] for name in test.images} == {"6", "7", "8", "9", "10"}
    assert train.classes == test.classes
    assert len(train.classes) == 40


def test_omniglot_is_split_by_drawers(library):
    for part, drawers in {
        "train": range(1, 16),
        "fit": range(1, 14),
        "validate": (14, 15),
        "test": range(16, 21),
    }.items():
        found = library.labelled(SPECS[f"omniglot_{part}"])
        assert len(found.classes) == 136
        assert {int(name.rpartition("_")[2]) for name in found.images} == set(drawers)


def test_one_shot_alphabets_are_not_trained_on(library):
    train, test = (library.labelled(SPECS[f"omniglot_{part}"]) for part in ("alphabets", "oneshot"))
    assert {name.split("/")[0] for name in test.classes} == {"Early_Aramaic", "Korean"}
    assert {name.split("/")[0] for name in train.classes} == {"Balinese", "Greek", "Latin"}
    assert all(name.endswith("_01") for name in test.gallery)
    assert (len(test.gallery), len(test.probes)) == (62, 62 * 19)


def test_every_class_of_the_flowers_is_as_large(library):
    test = library.labelled(SPECS["flowers_test"])
    assert np.bincount([label for (label,) in test.labels.values()]).tolist() == [100] * 5
    train = library.labelled(SPECS["flowers_train"])
    assert np.bincount([label for (label,) in train.labels.values()]).tolist() == [199, 200, 199, 199, 200]


@pytest.mark.parametrize(("train", "test"), TRAIN_AND_TEST)
def test_no_image_is_in_both_and_the_protocols_fit(library, train, test):
    sets = {name: library.labelled(SPECS[name]) for name in (train, test)}
    assert_disjoint(sets[train].images, sets[test].images)
    assert_splits_fit((train, sets[train]), (test, sets[test]))


def test_verification_after_closed_set_training_is_refused_by_name(library):
    sets = [(name, library.labelled(SPECS[name])) for name in ("orl_closed_train", "orl_verify")]
    with pytest.raises(DataError, match=r"16 identities of orl_verify \(s25, .*\) are also in orl_closed_train"):
        assert_splits_fit(*sets)


@pytest.mark.parametrize("name", [name for name in SPECS if name.split("_")[0] in {"orl", "omniglot"}])
def test_the_copies_are_those_that_the_manifest_knows(library, name):
    assert library.verification(SPECS[name]).state == "complete"
