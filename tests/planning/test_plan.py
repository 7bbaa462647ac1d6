"""A suite multiplied out: the right cells, every model they need once, teachers before students."""

import itertools
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.errors import ConfigError, UnknownNameError, UsageError
from srbench.planning.cells import Model
from srbench.planning.overrides import Selection
from srbench.planning.plan import make_plan
from srbench.planning.suite import Grid, Suite
from srbench.recipe import Recipe

ARCHITECTURES = {"bicubic": {2, 3, 4, 8}, "dot": {2, 3}, "wide": {2, 3}, "espcn": {2, 3, 4, 8}}
DATASETS = ("tiny_test", "set5", "photographs")


def suite(*grids, **top):
    """A suite of grids; what a grid does not say is bicubic on tiny_test at x2."""
    default = {"architectures": ("bicubic",), "datasets": ("tiny_test",), "scales": (2,)}
    return Suite(name="s", grid=tuple(Grid(**(default | grid)) for grid in grids), origin="s.toml", **top)


def subsets(values):
    return st.lists(st.sampled_from(values), min_size=1, unique=True).map(tuple)


grids = st.fixed_dictionaries(
    {
        "architectures": subsets(sorted(ARCHITECTURES)),
        "datasets": subsets(DATASETS),
        "scales": subsets((2, 3)),
        "degradations": subsets(("bicubic", "blur_down")),
        "distillers": subsets(("none", "logits", "weight_inherit")),
        "seeds": subsets((0, 1, 2)),
        "teacher": st.just("wide"),
    }
)


def expected(grid):
    """Cells of a grid, counted by hand: fixed operators know neither distillers nor seeds."""
    trained = [a for a in grid["architectures"] if a != "bicubic"]
    fixed = len(grid["architectures"]) - len(trained)
    methods = fixed + len(trained) * len(grid["distillers"]) * len(grid["seeds"])
    return methods * len(grid["datasets"]) * len(grid["scales"]) * len(grid["degradations"])


@settings(max_examples=40, deadline=None)
@given(grids)
def test_the_cells_are_the_product_of_the_axes(catalog, grid):
    plan = make_plan(suite(grid), catalog)
    assert len(plan.cells) == len(set(plan.cells)) == expected(grid)


@settings(max_examples=25, deadline=None)
@given(grids, st.randoms())
def test_the_order_of_the_axes_changes_no_cell_and_no_model(catalog, grid, random):
    shuffled = {k: tuple(random.sample(v, len(v))) if isinstance(v, tuple) else v for k, v in grid.items()}
    one, other = (make_plan(suite(g), catalog) for g in (grid, shuffled))
    assert set(one.cells) == set(other.cells)
    assert set(one.models) == set(other.models)


@settings(max_examples=25, deadline=None)
@given(grids, grids)
def test_a_cell_that_two_grids_name_is_measured_once(catalog, one, other):
    cells = [set(make_plan(suite(grid), catalog).cells) for grid in (one, other)]
    both = make_plan(suite(one, other), catalog)
    assert len(both.cells) == len(cells[0] | cells[1])


@settings(max_examples=25, deadline=None)
@given(grids)
def test_teachers_come_before_their_students_and_no_model_is_missing(catalog, grid):
    plan = make_plan(suite(grid), catalog)
    place = {model: number for number, model in enumerate(plan.models)}
    assert len(place) == len(plan.models)
    for model in plan.models:
        assert all(place[parent] < place[model] for parent in model.parents)
    assert {cell.model for cell in plan.cells} <= set(place)


def test_one_model_serves_every_dataset_and_a_students_twin_is_its_teacher(catalog):
    plan = make_plan(
        suite({"architectures": ("dot", "wide"), "datasets": ("tiny_test", "set5"), "distillers": ("none", "logits"),
               "teacher": "wide"}),
        catalog,
    )  # fmt: skip
    assert len(plan.cells) == 8
    # dot and wide from scratch, dot and wide from wide: the teacher is the wide one from scratch.
    assert len(plan.models) == 4


def test_one_training_of_a_multi_scale_network_serves_all_its_scales(catalog):
    plan = make_plan(suite({"architectures": ("both",), "scales": (2, 3)}), catalog)
    (model,) = plan.models
    assert model.scales == (2, 3)
    assert [cell.scale for cell in plan.cells] == [2, 3]
    assert "x2+3" in model.title


def test_an_architecture_sits_out_a_scale_it_does_not_have(catalog):
    plan = make_plan(suite({"architectures": ("bicubic", "dot"), "scales": (2, 4)}), catalog)
    assert [(c.model.architecture, c.scale) for c in plan.cells] == [("bicubic", 2), ("bicubic", 4), ("dot", 2)]


def test_a_scale_that_every_architecture_sits_out_is_refused(catalog):
    with pytest.raises(ConfigError, match=r"s.toml: no architecture .* the scale 7: bicubic has 2, 3, 4, 8; dot has"):
        make_plan(suite({"architectures": ("bicubic", "dot"), "scales": (2, 7)}), catalog)


def test_a_degradation_refuses_a_scale_it_does_not_have(catalog):
    with pytest.raises(ConfigError, match=r"s.toml, \[\[grid\]\] 1: the degradation grainy has no scale 3; it has 2"):
        make_plan(suite({"degradations": ("grainy",), "scales": (3,)}), catalog)


def test_grids_say_what_their_models_are_trained_and_measured_on(catalog):
    grid = {"architectures": ("dot",), "degradations": ("grainy",), "train_degradation": "bicubic", "seeds": (7,)}
    (cell,) = make_plan(suite(grid | {"protocol": "rgb", "metrics": ("ssim_y",), "tile": 64}), catalog).cells
    assert (cell.degradation, cell.model.degradation, cell.model.seed) == ("grainy", "bicubic", 7)
    assert (cell.protocol.name, cell.metrics, cell.inference.tile) == ("rgb", ("ssim_y",), 64)


def test_what_models_are_trained_on_is_an_axis_of_its_own(catalog):
    axes = {"architectures": ("bicubic", "dot"), "degradations": ("bicubic", "grainy", "blur_down")}
    plan = make_plan(suite(axes | {"train_degradations": ("blur_down", "grainy")}), catalog)
    trained = [(cell.model.degradation, cell.degradation) for cell in plan.cells if cell.model.degradation]
    assert sorted(trained) == sorted(itertools.product(("blur_down", "grainy"), ("bicubic", "blur_down", "grainy")))
    assert sum(model.source == "trained" for model in plan.models) == 2
    assert sum(cell.model.source == "fixed" for cell in plan.cells) == 3


def test_a_degradation_to_train_on_must_have_the_scale_too(catalog):
    grid = {"architectures": ("dot",), "scales": (3,), "train_degradations": ("grainy",)}
    with pytest.raises(ConfigError, match=r"\[\[grid\]\] 1: the degradation grainy has no scale 3"):
        make_plan(suite(grid), catalog)


def test_a_network_with_conditions_refuses_a_degradation_that_describes_none(catalog):
    grid = {"architectures": ("kdsr_small_nonblind",), "train_degradations": ("bicubic",), "degradations": ("grainy",)}
    with pytest.raises(
        ConfigError, match=r"\[\[grid\]\] 1: kdsr_small_nonblind takes the degradation .* grainy does not"
    ):
        make_plan(suite(grid), catalog)
    assert make_plan(suite(grid | {"degradations": ("bicubic",)}), catalog).cells


def test_networks_of_larger_scales_start_from_the_recipes_scale(catalog, tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "r"\ndatasets = ["tiny_train"]\nsteps = 1\nstart_from_scale = 2\n')
    plan = make_plan(suite({"architectures": ("dot",), "scales": (3,), "recipe": str(recipe)}), catalog)
    first, second = plan.models
    assert second.initial == first
    assert (first.scales, second.scales) == ((2,), (3,))


def from_another(tmp_path, **more):
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'name = "r"\ndatasets = ["tiny_train"]\nsteps = 1\n' + "".join(f"{k} = {more[k]!r}\n" for k in more)
    )
    return suite({"architectures": ("wide", "dot"), "scales": (2, 3), "recipe": str(recipe)})


def test_a_recipe_may_start_from_another_architecture_which_is_trained_first(catalog, tmp_path):
    plan = make_plan(from_another(tmp_path, start_from="wide"), catalog)
    models = {(model.architecture, model.scales): model for model in plan.models}
    assert len(models) == len(plan.models) == 4
    for scale in (2, 3):
        assert models["dot", (scale,)].initial == models["wide", (scale,)]
        assert models["wide", (scale,)].initial is None


def test_every_scale_starts_from_the_other_architectures_one_where_that_is_named(catalog, tmp_path):
    plan = make_plan(from_another(tmp_path, start_from="wide", start_from_scale=2), catalog)
    models = {(model.architecture, model.scales): model for model in plan.models}
    assert [models[name, (3,)].initial for name in ("wide", "dot")] == [models["wide", (2,)]] * 2
    assert models["dot", (2,)].initial == models["wide", (2,)]


def test_a_training_may_start_from_published_weights(catalog, tmp_path):
    (first, *_) = make_plan(from_another(tmp_path, start_from="imdn.div2k", start_from_scale=2), catalog).models
    found = (first.architecture, first.source, first.checkpoint, first.scales)
    assert found == ("imdn", "checkpoint", "div2k", (2,))


def test_han_starts_every_scale_from_rcans_two_as_its_release_does(catalog):
    plan = make_plan(suite({"architectures": ("han",), "scales": (2, 4)}, recipe="paper"), catalog)
    rcan, two, four = plan.models
    assert (rcan.architecture, rcan.scales, rcan.recipe.name) == ("rcan", (2,), "rcan_paper")
    assert two.initial == four.initial == rcan


@pytest.mark.parametrize(
    ("start", "error", "sentence"),
    [
        ({"start_from": "wides"}, UnknownNameError, "Did you mean wide"),
        ({"start_from": "imdn.div2"}, UnknownNameError, "Did you mean div2k"),
        (
            {"start_from": "wide", "start_from_scale": 4},
            ConfigError,
            r"s.toml: the recipe r of dot starts from wide, which has no scale 4; it has \[2, 3\]",
        ),
    ],
)
def test_a_start_that_is_not_there_is_refused(catalog, tmp_path, start, error, sentence):
    made = from_another(tmp_path, **start)
    grid = made.grid[0].model_copy(update={"architectures": ("dot",)})
    with pytest.raises(error, match=sentence):
        make_plan(made.model_copy(update={"grid": (grid,)}), catalog)


def test_two_recipes_that_start_from_each_other_are_refused(catalog, monkeypatch):
    recipes = {
        name: Recipe(name=f"{name}_paper", datasets=("tiny_train",), steps=1, start_from=other)
        for name, other in (("dot", "wide"), ("wide", "dot"))
    }
    monkeypatch.setattr("srbench.planning.axes.find_recipe", lambda _, spec, __: recipes[spec.name])
    with pytest.raises(ConfigError, match="recipe wide_paper of wide starts from dot, which starts from wide in turn"):
        make_plan(suite({"architectures": ("dot",)}), catalog)


def test_files_of_weights_are_looked_for_beside_the_suite_too(catalog, tmp_path, monkeypatch):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "dot.pth").touch()
    monkeypatch.chdir(tmp_path)
    made = suite({"architectures": ("dot",), "weights": "dot.pth"}).model_copy(update={"origin": "suites/s.toml"})
    (cell,) = make_plan(made, catalog).cells
    assert cell.model.source == "file"
    assert cell.model.files[0].is_file()
    assert cell.model.title == "dot (suites/dot.pth) · x2"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("x.pth", "x.pth"),
        ("a/b/c/x.pth", "a/b/c/x.pth"),
        ("/x.pth", "x.pth"),
        ("/home/me/runs/a/x.pth", "runs/a/x.pth"),
    ],
)
def test_a_file_of_weights_is_called_by_its_path_without_what_names_the_machine(path, title):
    assert Model(architecture="dot", source="file", files=(Path(path),), scales=(2,)).file_title == title


def test_several_files_are_one_model_of_their_mean(catalog):
    (cell,) = make_plan(suite({"architectures": ("dot",), "weights": ("a.pth", "b.pth")}), catalog).cells
    assert cell.model.title == "dot (a.pth + b.pth) · x2"


def test_a_teacher_may_come_from_a_file(catalog):
    grid = {"architectures": ("dot",), "distillers": ("logits",), "teacher": "wide", "teacher_weights": "w.pth"}
    (cell,) = make_plan(suite(grid), catalog).cells
    (teacher,) = cell.model.teachers
    assert (teacher.source, *map(str, teacher.files)) == ("file", "w.pth")


def test_a_distiller_that_takes_several_teachers_gets_all_and_another_the_first(catalog):
    grid = {"architectures": ("dot",), "distillers": ("logits", "mtkd"), "teachers": ("wide", "espcn")}
    plan = make_plan(suite(grid), catalog)
    names = [[teacher.architecture for teacher in cell.model.teachers] for cell in plan.cells]
    assert names == [["wide"], ["wide", "espcn"]]
    assert [cell.model.method for cell in plan.cells] == ["dot, logits from wide", "dot, mtkd from wide & espcn"]


def test_a_part_of_a_composed_network_may_be_trained_by_a_distiller(catalog):
    grid = {"architectures": ("mix:0.5:dot+dot@logits",), "teacher": "wide", "seeds": (3,)}
    plan = make_plan(suite(grid), catalog)
    (cell,) = plan.cells
    first, second = cell.model.parts
    assert [(part.architecture, part.distiller, part.seed) for part in (first, second)] == [
        ("dot", "none", 3),
        ("dot", "logits", 3),
    ]
    assert first.recipe == second.recipe
    assert [teacher.architecture for teacher in second.teachers] == ["wide"]
    assert plan.models[-1] is cell.model
    students = make_plan(suite(grid | {"architectures": ("dot",), "distillers": ("none", "logits")}), catalog)
    assert {first, second} == {cell.model for cell in students.cells}


@pytest.mark.parametrize(
    ("grid", "error", "sentence"),
    [
        ({"architectures": ("dott",)}, UnknownNameError, "No network named 'dott'. Did you mean dot?"),
        ({"architectures": ("dot.x2",)}, UnknownNameError, "No checkpoint of dot named 'x2'"),
        ({"datasets": ("set6",)}, UnknownNameError, "No dataset named 'set6'. Did you mean set5?"),
        ({"degradations": ("bicubc",)}, UnknownNameError, "No degradation named 'bicubc'. Did you mean bicubic?"),
        ({"train_degradation": "blur"}, UnknownNameError, "No degradation named 'blur'. Did you mean blur_down?"),
        ({"distillers": ("logit",)}, UnknownNameError, "No distiller named 'logit'. Did you mean logits?"),
        ({"metrics": ("psnr",)}, UnknownNameError, "No metric named 'psnr'. Did you mean psnr_"),
        ({"protocol": "classic"}, UnknownNameError, "No protocol named 'classic'. Did you mean classic-y?"),
        ({"teacher": "wid"}, UnknownNameError, "No network named 'wid'. Did you mean wide?"),
        ({"recipe": "quik", "architectures": ("dot",)}, UnknownNameError, "No recipe named 'quik'. Did you mean quick"),
        ({"architectures": ("dot",), "distillers": ("logits",)}, ConfigError, "logits needs a teacher; add teacher ="),
        ({"weights": "w", "distillers": ("logits",)}, ConfigError, "logits cannot train"),
        ({"architectures": ("mix:0.5:dot+dot@logits",)}, ConfigError, "logits needs a teacher; add teacher ="),
        ({"architectures": ("mix:0.5:dot+dot@logit",)}, UnknownNameError, "No distiller named 'logit'. Did you mean"),
        ({"architectures": ("mix:0.5:imdn+imdn.div2k@gan",)}, ConfigError, "imdn.div2k is not trained here"),
        ({"architectures": ("mix:0.5:dot+dot@askd",)}, ConfigError, "askd does not train dot, whose task is sr"),
        ({"train_degradations": ("blur",)}, UnknownNameError, "No degradation named 'blur'. Did you mean blur_down?"),
        (
            {"train_degradation": "bicubic", "train_degradations": ("grainy",)},
            ConfigError,
            "train_degradation and train_degradations are both given",
        ),
        ({"teacher": "wide", "teachers": ("dot",)}, ConfigError, "teacher and teachers are both given"),
        (
            {"teachers": ("wide", "dot"), "teacher_weights": ("w",)},
            ConfigError,
            'teacher_weights is for one teacher, and 2 are named; name checkpoints, such as "wide.tag"',
        ),
        ({"tile": 16}, UsageError, "A tile of 16 pixels is too small for an overlap of 16"),
        ({"tile": 64, "chop": True}, UsageError, "exclude each other"),
        (
            {"architectures": ("dot",), "scales": (2, 3), "distillers": ("logits",), "teacher": "edsr_tiny"},
            UnknownNameError,
            "No network named 'edsr_tiny'. Did you mean edsr_",
        ),
    ],
)
def test_what_cannot_be_multiplied_out_is_answered(catalog, grid, error, sentence):
    with pytest.raises(error) as answer:
        make_plan(suite(grid), catalog)
    assert sentence in str(answer.value)


@pytest.mark.parametrize(("key", "name"), [("datasets", "set6"), ("losses", "l3")])
def test_what_a_recipe_names_is_known_before_anything_is_trained(catalog, tmp_path, key, name):
    row = 'datasets = ["set6"]' if key == "datasets" else 'datasets = ["tiny_train"]\nlosses = { l3 = 1.0 }'
    (tmp_path / "r.toml").write_text(f'name = "r"\nsteps = 1\n{row}\n')
    with pytest.raises(UnknownNameError, match=f"named {name!r}. Did you mean"):
        make_plan(suite({"architectures": ("dot",), "recipe": str(tmp_path / "r.toml")}), catalog)


def test_a_teacher_without_the_scale_is_refused(catalog):
    grid = {"architectures": ("espcn",), "scales": (4,), "distillers": ("logits",), "teacher": "wide"}
    with pytest.raises(ConfigError, match=r"the teacher wide has no scale 4; it has \[2, 3\]"):
        make_plan(suite(grid), catalog)


FULL = {
    "architectures": ("bicubic", "dot", "wide"), "datasets": ("tiny_test", "set5"), "scales": (2, 3),
    "degradations": ("bicubic", "blur_down"), "distillers": ("none", "logits"), "teacher": "wide",
}  # fmt: skip


def test_published_weights_run_at_their_scales_only_and_once_for_all_distillers(catalog):
    tagged = [
        (spec.name, c.tag, c.scale) for spec in catalog.architectures.values() for c in spec.checkpoints
        if c.scale is not None
    ]  # fmt: skip
    name, tag, scale = tagged[0]
    scales = tuple(sorted(catalog.architectures[name].scales))
    mine = {s for n, t, s in tagged if (n, t) == (name, tag)}
    grid = {"architectures": (f"{name}.{tag}",), "scales": scales, "distillers": ("none", "logits"), "seeds": (0, 1)}
    cells = make_plan(suite(grid), catalog).cells
    assert {c.scale for c in cells} == mine & set(scales)
    assert len(cells) == len(mine & set(scales))
    assert {c.model.source for c in cells} == {"checkpoint"}
    assert make_plan(suite(grid), catalog, Selection(only=(f"{name}.{tag}",), scales=(scale,))).cells


def test_a_plan_travels_to_other_processes(catalog):
    plan = make_plan(suite(FULL), catalog)
    assert pickle.loads(pickle.dumps(plan.cells)) == plan.cells


def test_no_two_cells_of_a_plan_share_a_title_unless_they_differ_in_how_they_are_measured(catalog):
    titles = [cell.title for cell in make_plan(suite(FULL), catalog).cells]
    assert all(one != other for one, other in itertools.combinations(titles, 2))


POINTS = 'datasets = ["tiny_train"]\nname = "points"\nsteps = 1\npatch = 4\nscale_range = [1, 2]\npoints = 9\n'


def test_one_training_on_points_serves_every_scale_and_what_cannot_train_so_is_refused_by_name(catalog, tmp_path):
    (tmp_path / "points.toml").write_text(POINTS)
    recipe = {"recipe": str(tmp_path / "points.toml")}
    plan = make_plan(suite({"architectures": ("liif:edsr_small",), "scales": (2, 3, 8)}, **recipe), catalog)
    assert len(plan.cells) == 3
    assert len({cell.model for cell in plan.cells}) == 1
    with pytest.raises(ConfigError, match=r"points trains on points of patches, and espcn computes whole images only;"):
        make_plan(suite({"architectures": ("espcn",)}, **recipe), catalog)
    taught = {"architectures": ("liif:edsr_small",), "teacher": "liif:edsr_medium", "distillers": ("logits",)}
    assert make_plan(suite(taught, **recipe), catalog).cells
    with pytest.raises(
        ConfigError, match=r"the distiller fakd compares whole patches, and the recipe points trains on"
    ):
        make_plan(suite(taught | {"distillers": ("fakd",)}, **recipe), catalog)
