"""``srbench run``, ``plan``, ``score`` and ``fetch`` as a person types them."""

import csv
import re
import shutil

import pytest

from helpers.sentences import sentence
from srbench.errors import UnavailableError
from srbench.running import session


@pytest.fixture
def typed(srbench, tiny):
    """A command on the tiny datasets."""

    def run(command, *words):
        session._library.cache_clear()
        return srbench(command, *words, "--data", tiny.data, "--plugin", tiny.plugin)

    return run


def rows(folder):
    with (folder / "results" / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_prints_the_leaderboard_and_its_files_and_a_second_one_does_nothing(typed, tiny, tmp_path):
    suite = tiny.suite()
    first = typed("run", suite, "--no-profile")
    assert (first.status, first.err) == (0, "")
    assert "2 cells measured, 0 from the cache, 0 failed." in first.out
    assert "Bicubic" in first.out
    for name in ("leaderboard.md", "leaderboard.csv", "per_image.csv"):
        assert f"results/{name}" in first.out
        assert (tmp_path / "here" / "results" / name).is_file()
    before = {
        f: f.read_bytes() for f in (tmp_path / "here" / "results").rglob("*") if f.is_file() and f.suffix != ".png"
    }
    second = typed("run", suite, "--no-profile")
    assert "Nothing was measured: nothing that these results depend on has changed since." in second.out
    assert "Bicubic" in second.out
    assert {f: f.read_bytes() for f in before} == before


def test_one_network_is_trained_on_points_and_measured_at_every_scale(typed, tiny, tmp_path):
    tiny.recipe(patch=5, scale_range="[1, 3]", points=20)
    scales = 'scales = [2, 2.3, "3.7x1.5"]'
    answer = typed("run", tiny.suite(f'architectures = ["liif_small:edsr_small"]\n{scales}'), "--no-profile")
    assert answer.status == 0, answer.err
    assert answer.out.count("done   training") == 1
    assert [row["scale"] for row in rows(tmp_path / "here")] == ["2", "2.3", "3.7x1.5"]
    refused = typed("run", tiny.suite('architectures = ["dot"]'), "--no-profile")
    assert "the recipe tiny trains on points of patches, and dot computes whole images only;" in sentence(refused)


def test_images_whose_names_are_as_long_as_can_be_are_measured_kept_and_shown(typed, tiny, tmp_path):
    for number, stem in enumerate(("x" * 249 + "1", "x" * 249 + "2")):
        tiny.picture(tiny.data / "TinyTest" / f"{stem}.png", number)
    for name in ("ant", "bee"):
        (tiny.data / "TinyTest" / f"{name}.png").unlink()
    answer = typed("run", tiny.suite(), "--no-profile")
    assert answer.status == 0, answer.err
    assert "2 cells measured, 0 from the cache, 0 failed." in answer.out
    assert len(list((tmp_path / "here" / "results" / "records" / "images").rglob("*_sr.png"))) == 4


def test_a_run_whose_note_is_gone_takes_every_cell_from_the_cache(typed, tiny, tmp_path):
    typed("run", tiny.suite(), "--no-profile")
    (tmp_path / "here" / "results" / "records" / ".finished").unlink()
    second = typed("run", tiny.suite(), "--no-profile")
    assert "0 cells measured, 2 from the cache, 0 failed." in second.out
    assert "done" not in second.out


def test_a_run_into_a_clone_keeps_the_rows_that_it_does_not_measure(typed, tiny, tmp_path):
    typed("run", tiny.suite(), "--no-profile")
    results = tmp_path / "here" / "results"
    before = (results / "leaderboard.csv").read_bytes()
    shutil.rmtree(results / "records")
    assert "1 from the cache" in typed("run", tiny.suite(), "--no-profile", "--only", "bicubic").out
    assert len(list((results / "records").glob("*.json"))) == 1
    assert (results / "leaderboard.csv").read_bytes() == before


def test_a_damaged_packed_file_is_reported_before_anything_is_measured(typed, tiny, tmp_path):
    packed = tmp_path / "here" / "results" / "records.jsonl.xz"
    packed.parent.mkdir()
    packed.write_bytes(b"<<<<<<< HEAD")
    assert "records.jsonl.xz is damaged" in sentence(typed("run", tiny.suite(), "--no-profile"))
    assert not (packed.parent / "records").exists()


def test_a_run_with_profiles_fills_the_columns_of_cost(typed, tiny, tmp_path):
    suite = tiny.suite('architectures = ["dot"]')
    suite.write_text(
        suite.read_text()
        + "[profile]\nlatency_seconds = 0.05\nlatency_height = 16\nlatency_width = 16\nmemory = false\n"
    )
    assert typed("run", suite).status == 0
    (row,) = rows(tmp_path / "here")
    filled = [name for name, value in row.items() if re.match(r"(parameters|macs|activations|latency)", name) and value]
    assert len(filled) >= 6, row


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["--only", "dot"], {("dot", "none", "2", "0")}),
        (["--only", "bicubic,dot", "--scale", "2"], {("bicubic", "", "2", ""), ("dot", "none", "2", "0")}),
        (["--seed", "5", "--only", "dot"], {("dot", "none", "2", "5")}),
        (["--architecture", "wide", "--scale", "3"], {("bicubic", "", "3", ""), ("wide", "none", "3", "0")}),
        (
            ["--distiller", "logits", "--teacher", "wide"],
            {("bicubic", "", "2", ""), ("dot", "logits", "2", "0")},
        ),
    ],
)
def test_options_pick_what_is_run(typed, tiny, tmp_path, words, kept):
    answer = typed("run", tiny.suite(), "--no-profile", *words)
    assert answer.status == 0, answer.err
    found = {
        (r["architecture"], r["distiller"] if r["seed"] else "", r["scale"], r["seed"]) for r in rows(tmp_path / "here")
    }
    assert found == kept


def test_networks_are_applied_as_asked_and_the_protocol_says_so(typed, tiny, tmp_path):
    suite = tiny.suite('architectures = ["bicubic"]')
    for words, how in (
        ([], "whole"), (["--chop"], "chop"), (["--tile", "12"], None), (["--tile", "40"], "tile=40+16"),
        (["--limit", "1"], "whole,first=1"), (["--precision", "bf16", "--self-ensemble"], "whole,x8,eager-bf16"),
    ):  # fmt: skip
        answer = typed("run", suite, "--no-profile", *words)
        if how is None:
            assert "A tile of 12 pixels" in answer.err
        else:
            assert answer.status == 0, answer.err
            assert how in {row["inference"] for row in rows(tmp_path / "here")}
    assert len(rows(tmp_path / "here")) == 5


def test_a_fresh_run_trains_and_measures_again(typed, tiny):
    typed("run", tiny.suite(), "--no-profile")
    assert "2 cells measured, 0 from the cache" in typed("run", tiny.suite(), "--no-profile", "--fresh").out


def test_a_plan_lists_what_is_cached_and_what_is_to_do_and_runs_nothing(typed, tiny, tmp_path):
    before = typed("plan", tiny.suite())
    assert before.status == 0
    assert re.search(r"^suite tiny: 2 cells, \d+ jobs to do, about .+ on this machine\.$", before.out, re.MULTILINE)
    assert "to train" in before.out
    assert not (tmp_path / "here" / "results").exists()
    assert not list((tmp_path / "cache").glob("train/*/*/result.json"))
    typed("run", tiny.suite(), "--no-profile")
    after = typed("plan", tiny.suite())
    assert "to train" not in after.out
    assert "to measure" not in after.out


def test_a_plan_of_what_cannot_be_done_says_why(typed, tiny):
    (tiny.data / "TinyTrain" / "cow.png").unlink()
    answer = typed("plan", tiny.suite())
    assert answer.status == 1
    assert answer.out.count("TinyTrain has 3") == 1
    assert re.search(r"^dot .* 1 impossible \[1\]", answer.out, re.MULTILINE)
    assert re.search(r"^\[1\] .*TinyTrain has 3", answer.out, re.MULTILINE)
    assert "2 cells, 1 of them impossible, " in answer.out


# --- score ------------------------------------------------------------------------------------------------------


def test_a_folder_of_images_is_scored_shown_and_written(typed, tiny, tmp_path):
    for number, name in enumerate(("ant", "bee")):
        tiny.picture(tmp_path / "sr" / f"{name}_x2.png", number + 10)
    words = ("score", tmp_path / "sr", "--dataset", "tiny_test", "--scale", "2", "--csv", tmp_path / "out.csv")
    answer = typed(*words)
    assert (answer.status, answer.err) == (0, "")
    with (tmp_path / "out.csv").open() as file:
        ant, bee, mean = csv.DictReader(file)
    assert (ant["image"], bee["image"], mean["image"]) == ("ant", "bee", "mean")
    for column in ("psnr_y_db", "ssim_y", "psnr_rgb_db", "ssim_rgb"):
        assert float(mean[column]) == pytest.approx((float(ant[column]) + float(bee[column])) / 2)
        assert f"{float(mean[column]):.6f}" in answer.out
    rgb = typed(*words[:-2], "--protocol", "div2k-rgb", "--metric", "psnr_rgb")
    assert "div2k-rgb:sr=u8" in rgb.out
    assert "shave=8" in rgb.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "tiny_tst", "--scale", "2"], "Did you mean tiny_test?"),
        (["--dataset", "tiny_test", "--scale", "two"], "--scale two is not a scale"),
        (["--dataset", "tiny_test", "--scale", "2,3"], "Give one scale"),
        (["--dataset", "tiny_test", "--scale", "2", "--protocol", "clasic-y"], "Did you mean classic-y?"),
        (["--dataset", "tiny_test", "--scale", "2", "--metric", "psnr"], "Did you mean psnr_"),
        (["--dataset", "tiny_test", "--scale", "2"], "nowhere does not exist"),
        (["--scale", "2"], "Missing option '--dataset'"),
    ],
)
def test_scores_of_nothing_are_refused(typed, words, message):
    answer = typed("score", "nowhere", *words)
    assert answer.status == 2
    assert message in answer.err
    assert answer.err.count("\n") == 1


# --- fetch ------------------------------------------------------------------------------------------------------


def test_what_is_fetched_is_named_or_refused(srbench, monkeypatch, tmp_path):
    from srbench.networks import imagenet as perceptual

    asked = []
    monkeypatch.setattr(perceptual, "_fetch", lambda kind, progress: asked.append(kind) or tmp_path / kind)
    assert srbench("fetch", "lpips").out.strip() == f"lpips: {tmp_path / 'alex'}"
    assert srbench("fetch", "lpips-vgg").out.strip() == f"lpips-vgg: {tmp_path / 'vgg'}"
    assert srbench("fetch", "vgg19").out.strip() == f"vgg19: {tmp_path / 'vgg19'}"
    assert asked == ["alex", "vgg", "vgg19"]
    answer = srbench("fetch", "lpip")
    assert (answer.status, answer.err) == (2, "error: No network to fetch named 'lpip'. Did you mean lpips?\n")


def test_what_no_source_has_is_an_error_unless_it_is_optional(srbench, monkeypatch):
    from srbench.networks import imagenet as perceptual

    def none(kind, *, progress):
        raise UnavailableError("No source answered.")

    monkeypatch.setattr(perceptual, "_fetch", none)
    answer = srbench("fetch", "lpips")
    assert (answer.status, answer.err) == (2, "error: No source answered.\n")
    answer = srbench("fetch", "lpips", "--optional")
    assert (answer.status, answer.err) == (0, "warning: No source answered.\n")


def test_mixtures_of_two_trainings_end_in_the_scores_of_either(typed, tiny, tmp_path):
    suite = tiny.suite('architectures = ["dot"]\ndistillers = ["none", "gan"]\nseeds = [4]')
    mixtures = ", ".join(f'"mix:{share}:dot+dot@gan"' for share in ("0", "0.5", "1"))
    grid = f'\n[[grid]]\narchitectures = [{mixtures}]\ndatasets = ["tiny_test"]\nscales = [2]\nseeds = [4]\n'
    suite.write_text(suite.read_text() + grid)
    answer = typed("run", suite, "--no-profile")
    assert answer.status == 0, answer.err
    assert "5 cells measured, 0 from the cache, 0 failed." in answer.out
    assert "0.5 dot + 0.5 dot@gan" in answer.out
    scores = {(row["architecture"], row["distiller"]): row["psnr_y_db"] for row in rows(tmp_path / "here")}
    assert scores["mix:0:dot+dot@gan", "none"] == scores["dot", "none"]
    assert scores["mix:1:dot+dot@gan", "none"] == scores["dot", "gan"]
    assert len(set(scores.values())) == 3


def test_a_missing_tracker_is_said_before_anything_is_trained(run, monkeypatch):
    monkeypatch.setattr("srbench.training.tracking.find_spec", lambda name: None)
    answer = run("--track", "tensorboard,wandb", "--track-dir", "runs")
    assert answer.status == 2
    assert "needs the package" in answer.err
    assert answer.out == ""
    assert "Did you mean trackio?" in run("--track", "trakio").err
