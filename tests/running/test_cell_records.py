"""Published scores are beside measured ones of the same test, protocol, method and recipe only."""

from dataclasses import replace

import pytest
from srbench_plugins.recognisers.iresnet import register_recognisers

from helpers.records import make_profile
from srbench.measuring.protocol import Inference
from srbench.networks.applied import Sampler, Sampling
from srbench.networks.spec import Reported
from srbench.planning.cells import Cell, Model
from srbench.recipe import RecognitionRecipe
from srbench.running.cell_records import of_sampler, reported_for
from srbench.tasks.recognition.protocol import RecognitionProtocol

PAPER = RecognitionRecipe(name="askd_paper", datasets=("casia_webface",), steps=9, height=112, width=112, view="askd")
MODEL = Model(
    architecture="iresnet50_cbam", source="trained", scales=(4,), recipe=PAPER, degradation="nearest_upper_left",
    distiller="askd",
)  # fmt: skip
CELL = Cell(
    model=MODEL, dataset="agedb_30", scale=4, degradation="nearest_upper_left", inference=Inference(),
    protocol=RecognitionProtocol(height=112, width=112, cover=1, view="askd"), metrics=("verification_accuracy",),
)  # fmt: skip


def beside(cell):
    """Return the values that iResNet-50's spec reports for a cell."""
    (spec,) = [spec for spec in register_recognisers() if spec.name == "iresnet50_cbam"]
    return [reported.value for reported in spec.reported if reported_for(reported, cell)]


def test_a_distilled_student_is_beside_its_own_distillers_score():
    assert beside(CELL) == [88.58]
    assert beside(replace(CELL, model=replace(MODEL, distiller="none"))) == [87.74]
    assert beside(replace(CELL, model=replace(MODEL, distiller="kd"))) == []
    assert beside(replace(CELL, scale=8)) == [79.0]


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "lfw_aligned"}, {"scale": 3}, {"degradation": "bicubic"},
        {"protocol": replace(CELL.protocol, view="small")}, {"protocol": replace(CELL.protocol, height=96)},
        {"model": replace(MODEL, recipe=PAPER.model_copy(update={"name": "quick"}))},
    ],
)  # fmt: skip
def test_any_other_test_protocol_or_recipe_has_none(change):
    assert beside(replace(CELL, **change)) == []


def test_a_preset_alone_is_enough_where_it_says_all():
    own = Reported(
        dataset="agedb_30", scale=4, metric="x", value=1, source="s", degradation="nearest_upper_left",
        protocol="recognition", distiller="askd",
    )  # fmt: skip
    assert reported_for(own, CELL)


def test_a_row_of_another_sampler_has_the_macs_of_its_own_evaluations_and_no_time_of_the_first():
    samplers = (Sampler(name="ddim", steps=(20, 4), most=99), Sampler(name="heun", steps=(5,), most=9, evaluations=2))
    profile = make_profile("espcn")
    assert of_sampler(profile, samplers, Sampling(sampler="ddim", steps=20, samples=4)) == profile
    for sampling, ratio in ((Sampling(sampler="ddim", steps=4), 0.2), (Sampling(sampler="heun", steps=5), 0.5)):
        own = of_sampler(profile, samplers, sampling)
        assert own.macs_720p_g.value == pytest.approx(ratio * profile.macs_720p_g.value)
        assert own.activations_m.value == pytest.approx(ratio * profile.activations_m.value)
        assert (own.latency_ms_p50.value, own.latency_low_ms) == (None, None)
        assert "only ddim-20 was timed" in own.latency_ms_p50.reason
        assert own.parameters == profile.parameters
