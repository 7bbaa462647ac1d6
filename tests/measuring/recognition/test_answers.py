"""Answers that do not fit their labels are refused, and hits become percent."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import srbench
from srbench.errors import DataError, ShapeError
from srbench.testing import made_up_answers

ANSWERS = made_up_answers("classification", noise=1)
INFINITE = np.where(np.isin(np.arange(240), (3, 7))[:, None], np.inf, ANSWERS.embeddings)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"embeddings": ANSWERS.embeddings[1:]}, ShapeError, "expected a row for each of 240 images"),
        ({"mirrored": ANSWERS.mirrored[:, 1:]}, ShapeError, "they must be equal"),
        ({"mirrored": ANSWERS.mirrored[1:]}, ShapeError, "^The mirrored have shape"),
        ({"logits": np.zeros(240)}, ShapeError, r"The logits have shape \(240,\)"),
        (
            {"logits": np.zeros((240, 3))},
            ShapeError,
            r"3 columns for 24 classes; give one .* or None if the model was trained on other classes\.$",
        ),
        (
            {"embeddings": INFINITE},
            DataError,
            r"answered 2 of 240 images with NaN .* no score can rank; train it with a lower learning rate\.$",
        ),
        ({"names": ("00/0",) * 240}, DataError, r"^An image has several answers; give each image one row\.$"),
    ],
)
def test_answers_that_do_not_fit_are_refused(change, error, text):
    with pytest.raises(error, match=text):
        replace(ANSWERS, **change)


def test_a_model_of_other_classes_answers_without_logits():
    assert replace(ANSWERS, logits=None).logits is None


def test_the_rows_of_images_are_found_by_name():
    assert ANSWERS.rows(["00/1", "00/0"]).tolist() == [24, 0]
    with pytest.raises(DataError, match="not answered the image 'nobody'"):
        ANSWERS.rows(["nobody"])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_mean_of_the_items_is_the_value(rows):
    hits, groups = map(np.array, zip(*rows, strict=True))
    names = [str(number) for number in range(len(rows))]
    plain, grouped = srbench.Result.of_hits(names, hits), srbench.Result.of_hits(names, hits, groups)
    assert plain.value == pytest.approx(100 * hits.mean())
    assert grouped.value == pytest.approx(100 * np.mean([hits[groups == group].mean() for group in set(groups)]))
    for result in (plain, grouped):
        assert np.mean(list(result.items.values())) == pytest.approx(result.value)
