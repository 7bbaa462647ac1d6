"""The facts that the scores of all tasks share."""

import pytest

import srbench
from srbench.errors import PluginError, UsageError
from srbench.measuring.metrics.spec import MetricSpec, all_of

PSNR = srbench.MetricSpec(name="psnr", label="PSNR", unit="dB", load=lambda device: None)
TOP1 = srbench.RecognitionMetricSpec(
    name="top1", label="Top-1", questions=frozenset({"multilabel", "classification"}), score=lambda answers: None
)


def test_the_column_has_the_unit_and_the_spec_its_task():
    assert [(spec.column, spec.task, spec.scored) for spec in (PSNR, TOP1)] == [
        ("psnr_db", "sr", "rgb"), ("top1_percent", "recognition", "classification, multilabel"),
    ]  # fmt: skip
    plain = srbench.RecognitionMetricSpec(
        name="loss", label="loss", unit="", questions=frozenset({"classification"}), score=lambda answers: None
    )
    assert plain.column == "loss"
    assert srbench.ScoreSpec(name="mine", label="m").scored == ""


def test_a_name_that_no_column_can_have_is_refused():
    with pytest.raises(PluginError, match=r"^The metric name 'Top-1' is not lower_snake_case"):
        srbench.RecognitionMetricSpec(name="Top-1", label="", questions=frozenset(), score=lambda answers: None)


def test_scores_of_another_task_are_refused_by_name():
    assert all_of(MetricSpec, [PSNR]) == [PSNR]
    says = (
        r"^The metric 'top1' scores the task 'recognition', not 'sr'; leave it out, or .* \(srbench list metrics\)\.$"
    )
    with pytest.raises(UsageError, match=says):
        all_of(MetricSpec, [PSNR, TOP1])
