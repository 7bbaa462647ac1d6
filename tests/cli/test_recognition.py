"""``srbench run`` of a suite that recognises: students, their teacher, controls, and what cannot be planned."""

import csv

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from helpers import shades
from srbench.running import session

SUITE = """
name = "shades"
task = "recognition"
metrics = ["top1", "rank1"]
recipe = "shades.toml"

[[grid]]
architectures = ["large"]
datasets = ["shades_test"]
scales = [1]

[[grid]]
architectures = ["small"]
distillers = ["none", "fitnet"]
teacher = "large"
datasets = ["shades_test"]
scales = [2]

[[grid]]
architectures = ["after:lr:large", "after:bicubic:large", "after:dot:large"]
part_recipe = "dots.toml"
datasets = ["shades_test"]
scales = [2]
"""


@pytest.fixture
def typed(srbench, tmp_path, monkeypatch):
    """A command on the drawn shades."""
    session._library.cache_clear()
    files = {
        "shades.toml": shades.RECIPE, "dots.toml": shades.SR_RECIPE, "suite.toml": SUITE,
        "own.py": shades.PLUGIN, "datasets.toml": shades.MANIFEST,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    shades.write_shades(tmp_path / "data")
    monkeypatch.setenv("SRBENCH_DATASETS", str(tmp_path / "datasets.toml"))
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))

    def run(command, *words, suite=SUITE, recipe=shades.RECIPE):
        (tmp_path / "suite.toml").write_text(suite)
        (tmp_path / "shades.toml").write_text(recipe)
        return srbench(
            command, tmp_path / "suite.toml", "--data", tmp_path / "data", "--plugin", tmp_path / "own.py", *words
        )

    return run


def rows(tmp_path):
    with (tmp_path / "here" / "results" / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_suite_has_a_teacher_students_and_controls(typed, tmp_path):
    answer = typed("run", "--no-profile")
    assert (answer.status, answer.err) == (0, "")
    assert "6 cells measured, 0 from the cache, 0 failed." in answer.out
    found = {(row["architecture"], row["distiller"], row["scale"]): row for row in rows(tmp_path)}
    assert set(found) == {
        ("large", "none", "1"), ("small", "none", "2"), ("small", "fitnet", "2"), ("after:lr:large", "none", "2"),
        ("after:bicubic:large", "none", "2"), ("after:dot:large", "none", "2"),
    }  # fmt: skip
    for row in found.values():
        assert 0 <= float(row["top1_percent"]) <= 100
        assert float(row["top1_percent"]) % 12.5 == 0  # eight images
        assert row["top1_protocol"].startswith("top1@recognition:hr=8x8,view=small,lr=")
        assert "question of this set is classification" in row["reasons"]
        assert "psnr_y_db" not in row
    assert found["large", "none", "1"]["top1_protocol"].endswith("lr=hr,whole")
    assert found["small", "fitnet", "2"]["teacher"] == "large"


def test_fronts_are_scored_on_the_images_that_they_feed(typed, tmp_path):
    suite = SUITE.replace('"rank1"', '"front_psnr_y", "front_ssim_rgb"')
    assert typed("run", "--no-profile", suite=suite).status == 0
    found = {(row["architecture"], row["distiller"]): row for row in rows(tmp_path)}
    front = found["after:bicubic:large", "none"]
    assert 10 < float(front["front_psnr_y_db"]) < 40
    assert front["front_psnr_y_protocol"].endswith("view=small,fed:sr=none,y=bt601,shave=0,lr=bicubic-u8,whole")
    assert "front_ssim_rgb: " in front["reasons"]  # images of 8×8 are smaller than its window
    assert found["after:dot:large", "none"]["front_psnr_y_db"] != front["front_psnr_y_db"]
    for fed in ("after:lr:large", "small"):
        assert "is fed images of 4×4 pixels, and hr has 8×8" in found[fed, "none"]["reasons"]
    assert "fed hr itself" in found["large", "none"]["reasons"]


def test_where_recognisers_look_is_drawn_from_what_the_run_kept(typed, tmp_path):
    suite = SUITE.replace('"large"', '"looking"').replace('"small"', '"looking"')
    assert typed("run", "--no-profile", suite=suite).status == 0
    assert (tmp_path / "here" / "results" / "attention_shades_test_x2.png").is_file()
    text = (tmp_path / "here" / "results" / "leaderboard.md").read_text()
    assert "![Where recognisers look, Shades x2](attention_shades_test_x2.png)" in text


def test_the_weights_that_were_chosen_by_test_images_are_said_to_be(typed):
    answer = typed("run", "--no-profile", "--only", "small")
    assert "chosen by their score on held-out test images" in answer.out


def test_a_second_run_takes_everything_from_the_cache(typed, tmp_path):
    typed("run", "--no-profile")
    assert "0 cells measured, 6 from the cache, 0 failed." in typed("run", "--no-profile").out


def test_costs_are_those_of_the_image_that_a_student_sees(typed, tmp_path):
    assert typed("run", "--only", "small").status == 0
    row = rows(tmp_path)[0]
    assert float(row["macs_input_m"]) == pytest.approx(3 * 9 * 4 * 4 * 4 / 1e6)
    assert row["input_bytes"] == str(4 * 4 * 3)
    assert row["latency_input"] == "4x4"
    assert "macs_720p_g" not in row


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('["small"]', '["dot"]', "the architecture dot is for the task sr, and the suite is for recognition"),
        ('"top1", "rank1"', '"psnr_y"', "the metric psnr_y is for the task sr"),
        ('"none", "fitnet"', '"logits"', "the distiller logits is for the task sr"),
        ('task = "recognition"\n', "", "the architecture large is for the task recognition"),
        ('"recognition"', '"sleeping"', "there is no task 'sleeping'; choose one of sr, recognition"),
        ('["shades_test"]', '["photographs"]', "the dataset photographs has no labels"),
        ("scales = [2]\n\n[[grid]]", "scales = [2]\ntile = 64\n\n[[grid]]", "recognisers see whole images once"),
        ('"after:dot:large"', '"after:dot"', "after:dot is incomplete; write after:FRONT:RECOGNISER"),
        ('"after:dot:large"', '"after:dott:large"', "No architecture named 'dott'. Did you mean dot?"),
        ("[[grid]]\n", 'protocol = "classic-y"\n[[grid]]\n', "No protocol named 'classic-y'"),
    ],
)
def test_what_is_for_another_task_is_refused(typed, before, after, says):
    assert before in SUITE
    answer = typed("plan", suite=SUITE.replace(before, after, 1))
    assert answer.status == 2
    assert says in answer.err
    assert answer.err.count("\n") == 1


def test_a_test_set_may_not_choose_the_weights_unless_the_recipe_says_so(typed):
    answer = typed("plan", recipe=shades.RECIPE.replace("official", "best"))
    assert answer.status == 1
    assert "The training image dark/10 is the test image dark/10, pixel by pixel." in answer.out


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("height = 8\n", "", "the key 'height' is missing"),
        ('validate_on = "shades_test"\n', "", "needs a set to choose by; add validate_on"),
        ('"shades_train"', '"photographs_train"', "the dataset photographs_train has no labels"),
        ('augment = "flip"', 'augment = "turn"', "augment = 'turn' does not fit"),
    ],
)
def test_a_recipe_that_cannot_train_is_answered(typed, before, after, says):
    assert before in shades.RECIPE
    answer = typed("plan", recipe=shades.RECIPE.replace(before, after, 1))
    assert says in answer.out + answer.err
    assert answer.status in {1, 2}


def weights_of(tmp_path, architecture):
    """Return the weights that a run trained for the last time."""
    found = [
        path
        for path in (tmp_path / "cache").rglob("weights.safetensors")
        if architecture in safe_open(path, "pt").metadata()["srbench"]
    ]
    return max(found, key=lambda path: path.stat().st_mtime)


def test_weights_from_a_file_classify_if_they_have_as_many_classes(typed, tmp_path):
    suite = SUITE.replace("scales = [1]", "scales = [2]", 1)
    chosen = ("run", "--no-profile", "--architecture", "small")
    typed(*chosen, suite=suite)
    before = rows(tmp_path)[0]
    weights = weights_of(tmp_path, "small")
    answer = typed(*chosen, "--weights", weights, suite=suite)
    assert answer.status == 0
    after = next(row for row in rows(tmp_path) if row["checkpoint"])
    assert after["top1_percent"] == before["top1_percent"]
    assert "they are taken to be its classes in its order" in answer.out

    whole = load_file(weights)
    bare = {key.removeprefix("backbone."): w for key, w in whole.items() if key.startswith("backbone.")}
    save_file(bare, tmp_path / "bare.safetensors")
    assert typed(*chosen, "--weights", tmp_path / "bare.safetensors", suite=suite).status == 0
    row = next(row for row in rows(tmp_path) if row["checkpoint"].endswith("bare.safetensors"))
    assert "has no logits for these" in row["reasons"]

    answer = typed("run", "--no-profile", "--architecture", "large", "--weights", weights, suite=suite)
    assert answer.status == 1
    assert "does not fit large" in answer.out
    assert "Traceback" not in answer.out + answer.err


def test_a_backbone_that_add_plugin_wrote_is_trained_and_measured(srbench, typed, tmp_path):
    assert srbench("add-plugin", "recogniser", "my_backbone").status == 0
    suite = SUITE.replace("scales = [1]", "scales = [2]", 1)
    chosen = ("--architecture", "my_backbone", "--plugin", "plugins/my_backbone.py")
    answer = typed("run", "--no-profile", *chosen, suite=suite)
    assert (answer.status, answer.err) == (0, "")
    (row,) = rows(tmp_path)
    assert row["architecture"] == "my_backbone"
    assert 0 <= float(row["top1_percent"]) <= 100


def test_another_recogniser_takes_the_place_of_the_suites(typed, tmp_path):
    suite = SUITE.replace("scales = [1]", "scales = [2]", 1)
    answer = typed("run", "--no-profile", "--architecture", "small", suite=suite)
    assert (answer.status, answer.err) == (0, "")
    assert [(row["architecture"], row["scale"]) for row in rows(tmp_path)] == [("small", "2")]
