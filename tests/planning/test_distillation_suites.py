"""The shipped suites that ask whether distillation helps compare every method with its controls, on equal terms."""

import pytest

from srbench.errors import UnknownNameError
from srbench.planning.plan import make_plan
from srbench.planning.suite import load_suite

CONTROLS = {"none", "none_ema", "weight_inherit", "logits"}
BASELINES = {"fitnet", "at", "fakd", "pisr", "csd"}
MISSION = {"lsfd", "facd", "mkdsr"}
SINCE = {"dukd", "dckd", "mipkd", "mtkd", "spn"}


@pytest.fixture(scope="module", params=["distillation", "distillation-quick"])
def plan(request, catalog):
    return make_plan(load_suite(request.param), catalog)


def students(plan, scale=2, budget="steps"):
    return [
        model
        for model in dict.fromkeys(cell.model for cell in plan.cells)
        if model.architecture == "edsr_small" and model.scales == (scale,) and model.budget == budget
    ]


def test_every_method_has_its_controls_at_every_scale(plan):
    for scale in {cell.scale for cell in plan.cells}:
        assert {m.distiller for m in students(plan, scale)} >= CONTROLS | BASELINES | MISSION | SINCE


def test_all_methods_of_a_scale_share_recipe_seeds_and_test_images(plan):
    for scale in {cell.scale for cell in plan.cells}:
        own = students(plan, scale)
        assert len({m.recipe for m in own}) == 1
        cells = {}
        for cell in plan.cells:
            if cell.model in own:
                teachers = tuple(t.architecture for t in cell.model.teachers)
                cells.setdefault((cell.model.distiller, teachers), set()).add((cell.model.seed, cell.dataset))
        assert len(set(map(frozenset, cells.values()))) == 1
        assert len({seed for seed, _ in cells["none", ()]}) >= 2


def test_teachers_are_trained_longer_and_measured_too(plan):
    measured = {cell.model for cell in plan.cells}
    for model in measured:
        for teacher in model.teachers:
            assert teacher.recipe.steps > model.recipe.steps
            assert teacher in measured


def test_equal_time_is_asked_for_where_there_is_time_for_it(catalog):
    plan = make_plan(load_suite("distillation"), catalog)
    assert {m.distiller for m in students(plan, budget="time")} >= MISSION | SINCE | {"logits", "fakd"}
    families = {(c.model.architecture, t.architecture) for c in plan.cells for t in c.model.teachers}
    assert families >= {
        ("rcan_small", "rcan_medium"), ("swinir_small", "swinir_medium"), ("edsr_small", "rcan_medium"),
    }  # fmt: skip


def test_a_control_that_nobody_knows_is_answered_with_the_nearest(catalog):
    suite = load_suite("distillation").model_copy(update={"controls": ("nona",)})
    with pytest.raises(UnknownNameError, match=r"No distiller named 'nona'\. Did you mean none"):
        make_plan(suite, catalog)
