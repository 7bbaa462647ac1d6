"""What is stored can be read back, and says why it is incomplete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from srbench.records.model import ModelFacts
from srbench.records.record import Record
from srbench.records.scores import ImageScores, Score
from srbench.records.stored import Measured

numbers = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=20)


def record(**changes):
    facts = {
        "key": "k", "suite": "s", "status": "ok", "dataset": "set5", "dataset_label": "Set5", "scale": 2,
        "degradation": "bicubic", "protocol": "classic-y", "headline": "psnr_y", "created": "2026-01-01T00:00:00+00:00",
        "model": ModelFacts(key="m", architecture="dot", label="Dot", source="trained", seed=0),
    }  # fmt: skip
    return Record(**(facts | changes))


scores = st.builds(
    Score, metric=words, column=words, protocol=words, higher_is_better=st.booleans(), value=numbers, low=numbers
)
images = st.builds(ImageScores, name=words, scores=st.dictionaries(words, st.none() | numbers, max_size=3))


@given(st.dictionaries(words, scores, max_size=3), st.lists(images, max_size=3).map(tuple), words)
def test_a_record_survives_its_file_bit_by_bit(scores_, images_, reason):
    before = record(scores=scores_, images=images_, reason=reason)
    assert Record.model_validate_json(before.model_dump_json(indent=1)) == before


def test_a_score_says_that_it_is_of_right_and_wrong_answers_only_if_it_is():
    facts = {"metric": "top1", "column": "top1_percent", "protocol": "p", "higher_is_better": True, "value": 50.0}
    assert "binary" not in Score(**facts).model_dump() | Score(**facts, binary=False).model_dump(mode="json")
    assert '"binary":true' in Score(**facts, binary=True).model_dump_json()
    for score in (Score(**facts), Score(**facts, binary=True)):
        assert Score.model_validate_json(score.model_dump_json()) == score


@pytest.mark.parametrize("facts", [{}, {"value": 1.0, "reason": "both"}])
def test_a_measured_is_a_number_or_a_reason(facts):
    with pytest.raises(ValidationError, match=r"one of the two"):
        Measured(**facts)


def test_unknown_keys_are_refused():
    data = record().model_dump(mode="json") | {"psnr": 3}
    with pytest.raises(ValidationError, match=r"psnr"):
        Record.model_validate(data)


def test_another_version_of_the_format_is_refused():
    with pytest.raises(ValidationError, match=r"version"):
        Record.model_validate(record().model_dump(mode="json") | {"version": 2})


def test_rows_differ_in_what_a_leaderboard_distinguishes():
    one = record()
    assert record(key="other", created="later", suite="other", seconds=3.0).row_id == one.row_id
    for change in (
        {"dataset": "set14"}, {"scale": 3}, {"degradation": "blur_down"}, {"protocol": "rgb"}, {"inference": "chop"},
        *({"model": one.model.model_copy(update=facts)} for facts in (
            {"architecture": "wide"}, {"checkpoint": "div2k"}, {"distiller": "logits"}, {"teacher": "wide"},
            {"recipe": "paper"}, {"train_degradation": "noise"}, {"seed": 1},
        )),
    ):  # fmt: skip
        assert record(**change).row_id != one.row_id
