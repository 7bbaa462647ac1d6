"""Published scores are beside measured ones of the same test, protocol, method and recipe only."""

from dataclasses import replace

import pytest
from srbench_plugins.recognisers.iresnet import register_recognisers

from srbench.measuring.protocol import Inference
from srbench.networks.spec import Reported
from srbench.planning.cells import Cell, Model
from srbench.recipe import RecognitionRecipe
from srbench.running.cell_records import reported_for
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
