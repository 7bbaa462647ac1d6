"""Verification pairs: every genuine one, impostors without repetition, the same everywhere."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.datasets.labelled.drawn_pairs import draw_pairs
from srbench.errors import DataError


def labels_of(identities, each):
    return {f"s{one}/{number}": (one,) for one in range(identities) for number in range(each)}


@given(identities=st.integers(2, 5), each=st.integers(2, 5), seed=st.integers(0, 99), share=st.floats(0.01, 1))
def test_pairs_are_complete_and_never_repeated(identities, each, seed, share):
    labels = labels_of(identities, each)
    possible = [pair for pair in combinations(labels, 2) if labels[pair[0]] != labels[pair[1]]]
    impostors = max(1, int(share * len(possible)))
    pairs = draw_pairs(labels, impostors=impostors, seed=seed, folds=1)
    genuine = {(pair.left, pair.right) for pair in pairs if pair.same}
    drawn = [(pair.left, pair.right) for pair in pairs if not pair.same]
    assert genuine == {pair for pair in combinations(labels, 2) if labels[pair[0]] == labels[pair[1]]}
    assert len(set(drawn)) == len(drawn) == impostors
    assert set(drawn) <= set(possible)
    assert pairs == draw_pairs(labels, impostors=impostors, seed=seed, folds=1)


def test_the_pairs_with_the_smallest_words_of_pcg64_are_drawn():
    """NumPy documents ``default_rng(1).random(2)`` as 0.5118 and 0.9505: the upper 53 bits of the same words."""
    words = np.random.PCG64(1).random_raw(2)
    assert ((words >> 11) * 2.0**-53).round(4).tolist() == [0.5118, 0.9505]
    [pair] = [
        pair for pair in draw_pairs({"a": (0,), "b": (1,), "c": (1,)}, impostors=1, seed=1, folds=1) if not pair.same
    ]
    assert (pair.left, pair.right) == ("a", "b")  # and not a and c, whose word is larger


def test_every_fold_has_both_kinds_in_equal_parts():
    pairs = draw_pairs(labels_of(4, 5), impostors=40, seed=1, folds=10)
    for fold in range(10):
        kinds = [pair.same for pair in pairs if pair.fold == fold]
        assert (kinds.count(True), kinds.count(False)) == (4, 4)
    assert len({(pair.left, pair.right) for pair in pairs}) == 80


def test_another_seed_draws_other_pairs():
    labels = labels_of(4, 5)
    assert draw_pairs(labels, impostors=40, seed=1, folds=10) != draw_pairs(labels, impostors=40, seed=2, folds=10)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(DataError, match="7 impostor pairs are to be drawn, and the images make 4"):
        draw_pairs(labels_of(2, 2), impostors=7, seed=1, folds=1)
    with pytest.raises(DataError, match="an image of the set is missing"):
        draw_pairs(labels_of(2, 3), impostors=8, seed=1, folds=4)
