"""Two cells of a suite are two rows of the leaderboard, or the suite is refused."""

from pathlib import Path

import pytest

from helpers import ROOT
from srbench.errors import ConfigError
from srbench.planning.plan import make_plan
from srbench.planning.suite import Grid, Suite

LOGITS = {"architectures": ("dot",), "distillers": ("logits",), "teacher": "wide"}


def plan_of(catalog, *grids, **top):
    default = {"architectures": ("dot",), "datasets": ("tiny_test",), "scales": (2,)}
    made = tuple(Grid(**(default | grid)) for grid in grids)
    return make_plan(Suite(name="s", grid=made, origin="s.toml", **top), catalog)


def recipe(folder, name="r", steps=1, **more):
    path = folder / f"{name}-{steps}.toml"
    rows = {"name": name, "steps": steps} | more
    path.write_text('datasets = ["tiny_train"]\n' + "".join(f"{key} = {value!r}\n" for key, value in rows.items()))
    return str(path)


def test_grids_that_repeat_a_cell_have_its_row_once(catalog, tmp_path):
    (cell,) = plan_of(catalog, LOGITS, LOGITS, recipe=recipe(tmp_path)).cells
    assert cell.row_id[:5] == ("dot", "", "logits", "wide", "r")


def test_everything_that_a_row_names_may_differ(catalog, tmp_path):
    grids = (
        LOGITS, LOGITS | {"seeds": (1,)}, LOGITS | {"budget": "time"}, LOGITS | {"teacher": "dot"},
        LOGITS | {"teacher": "imdn.div2k"}, LOGITS | {"distillers": ("none",)}, LOGITS | {"scales": (3,)},
        LOGITS | {"degradations": ("blur_down",)}, LOGITS | {"train_degradation": "blur_down"}, LOGITS | {"tile": 64},
        LOGITS | {"datasets": ("set5",)}, LOGITS | {"protocol": "rgb"}, LOGITS | {"recipe": recipe(tmp_path, "other")},
        {"weights": ("a/x.pth",)}, {"weights": ("b/x.pth",)}, {"architectures": ("bicubic",)},
    )  # fmt: skip
    cells = plan_of(catalog, *grids, recipe=recipe(tmp_path)).cells
    assert len({cell.row_id for cell in cells}) == len(cells) == len(grids)


def test_recipes_of_one_name_are_refused(catalog, tmp_path):
    same = ({"recipe": recipe(tmp_path)}, {"recipe": recipe(tmp_path, steps=2)})
    with pytest.raises(
        ConfigError, match=r"recipes named 'r', .* one row .*; give the recipes different names"
    ) as caught:
        plan_of(catalog, *same)
    assert str(caught.value).startswith(
        "s.toml: dot · x2 · bicubic · seed 0 on tiny_test (x2, bicubic) is planned twice, "
    )
    assert len(plan_of(catalog, same[0], {"recipe": recipe(tmp_path, "s", steps=2)}).cells) == 2


def test_teachers_of_two_recipes_are_refused_until_the_students_recipes_have_two_names(catalog, tmp_path):
    one, other = (LOGITS | {"teacher_recipe": recipe(tmp_path, name)} for name in ("one", "other"))
    with pytest.raises(
        ConfigError, match=r"different trainings of its teacher.*give the student's recipe another name"
    ):
        plan_of(catalog, one, other, recipe=recipe(tmp_path))
    assert len(plan_of(catalog, one, other | {"recipe": recipe(tmp_path, "s")}, recipe=recipe(tmp_path)).cells) == 2


def test_weights_to_start_from_that_no_row_names_are_refused(catalog, tmp_path):
    def starts(number, steps):
        folder = tmp_path / str(number)
        folder.mkdir()
        return recipe(folder, steps=steps, start_from="wide", start_from_scale=2)

    with pytest.raises(ConfigError, match="different recipes named 'r'"):
        plan_of(catalog, {"recipe": starts(1, 1)}, {"recipe": starts(2, 2)})


def test_files_whose_rows_have_the_same_name_are_refused(catalog):
    one, other = ({"weights": (f"/{disk}/a/b/x.pth",)} for disk in ("one", "other"))
    with pytest.raises(ConfigError, match=r"different files of weights.*last three parts"):
        plan_of(catalog, one, other)
    assert Path("/one/a/b/x.pth").parts[-3:] == Path("/other/a/b/x.pth").parts[-3:]


def test_other_metrics_are_refused_and_another_order_of_them_is_not(catalog):
    bicubic = {"architectures": ("bicubic",)}
    one, turned = (bicubic | {"metrics": names} for names in (("psnr_y", "ssim_y"), ("ssim_y", "psnr_y")))
    with pytest.raises(ConfigError, match=r"different metrics.*give both grids the same metrics"):
        plan_of(catalog, one, bicubic | {"metrics": ("psnr_y",)})
    assert len({cell.row_id for cell in plan_of(catalog, one, turned).cells}) == 1


@pytest.mark.parametrize("file", sorted((ROOT / "suites").glob("*.toml")), ids=lambda file: file.stem)
def test_every_cell_of_a_shipped_suite_has_a_row_of_its_own(catalog, file):
    from srbench.planning.suite import load_suite

    cells = make_plan(load_suite(str(file)), catalog).cells
    assert len({cell.row_id for cell in cells}) == len(cells)
