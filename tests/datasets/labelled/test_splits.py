"""A training set and a test set fit together, or the reason is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.labelled import draw
from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.labelled.splits import assert_large_enough, assert_splits_fit
from srbench.errors import DataError

HERE = Path("/orl")


def labelled(*classes, question="classification", origin=HERE):
    return LabelledImages(question=question, images={}, classes=classes, origin=origin)


def fit(train, test):
    assert_splits_fit(("mine_train", train), ("mine_test", test))


def test_the_same_classes_fit():
    fit(labelled("a", "b"), labelled("a", "b"))
    fit(labelled("a", question="multilabel"), labelled("a", question="multilabel"))


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (labelled("a", "b"), labelled("a"), r"mine_test lacks 1 class of mine_train \(b\); train and test on sets of"),
        (labelled("a"), labelled("a", "b", "c"), r"mine_train lacks 2 classes of mine_test \(b, c\)"),
        (labelled("b", "a"), labelled("a", "b"), "mine_train and mine_test list their classes in another order"),
        (labelled("a"), labelled("a", question="multilabel"), "mine_train trains classification, and mine_test tests"),
    ],
)
def test_other_classes_are_refused(train, test, said):
    with pytest.raises(DataError, match=said):
        fit(train, test)


@pytest.mark.parametrize("question", ["verification", "identification"])
def test_identities_in_both_sets_are_refused_by_name(question):
    test = labelled("s25", "s26", "s27", question=question)
    fit(labelled("s1", "s2"), test)
    with pytest.raises(
        DataError, match=rf"2 identities of mine_test \(s25, s27\) are also in mine_train, and {question}"
    ):
        fit(labelled("s1", "s25", "s27"), test)
    with pytest.raises(DataError, match=r"1 identity of mine_test \(s26\) is also in mine_train"):
        fit(labelled("s26"), test)


def test_names_of_other_folders_are_other_people():
    test = labelled("1", "2", question="verification")
    fit(labelled("1", origin=Path("/casia")), test)
    fit(labelled("1", origin=None), replace(test, origin=None))


def test_images_below_the_ratio_are_named(tmp_path, empty_cache):
    draw(tmp_path / "small.png", side=8)
    draw(tmp_path / "large.png", side=32)
    images = {path.stem: path for path in tmp_path.glob("*.png")}
    assert_large_enough("mine", images, 8)
    with pytest.raises(DataError, match=r"1 image of mine cannot be reduced by 16 .*: small \(8×8\); choose a smaller"):
        assert_large_enough("mine", images, 16)
    with pytest.raises(DataError, match="2 images of mine cannot be reduced by 4 to 16 pixels or more"):
        assert_large_enough("mine", images, 4, least=16)
    with pytest.raises(DataError, match="no image at"):
        assert_large_enough("mine", {"absent": tmp_path / "absent.png"}, 2)
