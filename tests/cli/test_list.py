"""``srbench list`` and ``srbench show``."""

import json
import re
import subprocess
import sys

import pytest

from srbench.catalog.kinds import KINDS
from srbench.files import shipped_tables

SPEC = """
import srbench

@srbench.hookimpl
def register_losses():
    return [srbench.LossSpec(name=f"loss_{n}", build=lambda: None) for n in (10, 9, 2)]
"""


def names(answer, kind=None):
    """The names in a printed document, of all kinds or of one."""
    return [thing["name"] for thing in json.loads(answer.out)["things"] if kind in (None, thing["kind"])]


def test_every_kind_is_listed(srbench):
    answer = srbench("list")
    assert answer.status == 0
    assert {line.split()[1] for line in answer.out.splitlines() if line[:1].isdigit()} == {
        kind.plural for kind in KINDS.values()
    }
    for name in ("bicubic", "espcn", "weight_inherit", "blur_down", "psnr_y", "set5", "pyiqa:…", "here"):
        assert name in answer.out


@pytest.mark.parametrize("kind", ["architectures", "architecture"])
def test_one_kind_is_listed_by_either_word(srbench, kind):
    answer = srbench("list", kind)
    assert "edsr_baseline" in answer.out
    assert "psnr_y" not in answer.out


def test_numbers_in_names_are_ordered_as_numbers(srbench):
    (srbench.folder / "many.py").write_text(SPEC)
    answer = srbench("list", "losses", "loss_*", "--plugin", "many.py", "--json")
    assert names(answer) == ["loss_2", "loss_9", "loss_10"]


def test_a_wildcard_alone_searches_every_kind(srbench):
    answer = srbench("list", "bicubic*", "--json")
    assert names(answer, "architecture") == ["bicubic", "bicubic_u8"]
    assert "bicubic" in names(answer, "degradation")
    assert names(answer, "metric") == []


def test_a_wildcard_that_matches_nothing_says_so(srbench):
    answer = srbench("list", "zzz*")
    assert (answer.status, answer.out) == (0, "")
    assert "No name matches 'zzz*'." in answer.err


def test_suites_are_listed_with_what_they_are_about(srbench):
    answer = srbench("list", "suites")
    for name in shipped_tables("suites"):
        assert f"\n{name} " in answer.out
    assert names(srbench("list", "suites", "qu*", "--json"), "suite") == ["quantised", "quick"]


def test_recipes_are_listed_with_their_steps(srbench):
    answer = srbench("list", "recipes")
    for name in shipped_tables("recipes"):
        assert f"\n{name} " in answer.out
    assert "500" in srbench("list", "recipes", "recognition_flowers").out
    assert names(srbench("list", "recipes", "quick*", "--json"), "recipe") == ["quick", "quick_x4"]


def test_a_wrong_kind_is_answered_with_the_nearest(srbench):
    answer = srbench("list", "architecturs")
    assert answer.status == 2
    assert "No kind named 'architecturs'. Did you mean architectures?" in answer.err


def test_a_row_in_a_pipe_is_one_line_that_ends_with_its_last_cell(srbench, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    (srbench.folder / "many.py").write_text(SPEC.replace('name=f"loss_{n}",', 'name=f"loss_{n}", label="long " * 99,'))
    for kind in ("losses", "suites"):
        lines = srbench("list", kind, "--plugin", "many.py").out.splitlines()
        assert [line for line in lines if line != line.rstrip()] == []
    rows = srbench("list", "losses", "loss_*", "--plugin", "many.py").out.splitlines()
    assert [row.split()[0] for row in rows if "long long" in row] == ["loss_2", "loss_9", "loss_10"]


def test_names_are_not_cut_in_a_narrow_terminal(srbench, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert "\nedsr_baseline " in srbench("list", "architectures").out


def test_a_broken_plugin_is_reported_and_the_rest_is_listed(srbench):
    (srbench.folder / "broken.py").write_text("1 / 0")
    answer = srbench("list", "losses", "--plugin", "broken.py")
    assert answer.status == 0
    assert "charbonnier" in answer.out
    assert (
        "warning: Plugin broken failed to load: ZeroDivisionError: division by zero (broken.py, line 1)." in answer.err
    )
    strict = srbench("list", "losses", "--plugin", "broken.py", "--strict-plugins")
    assert (strict.status, strict.out) == (2, "")


def test_a_cached_list_is_printed_the_same_and_imports_no_torch(srbench, tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_PLUGINS", "files")
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    (srbench.folder / "heavy.py").write_text("import torch\n" + SPEC)
    words = ["list", "losses", "--plugin", "heavy.py"]
    first = srbench(*words)
    code = f"""
import contextlib, sys
sys.argv = {["srbench", *words]}
from srbench.cli import main
with contextlib.suppress(SystemExit):
    main()
print(sorted({{"torch", "numpy", "pandas", "scipy"}} & set(sys.modules)))
"""
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=True)
    assert "loss_10" in first.out
    assert again.stdout == first.out + "[]\n"


def test_fresh_asks_the_plugins_again(srbench, tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_PLUGINS", "files")
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    (srbench.folder / "names.txt").write_text("one_loss")
    (srbench.folder / "reading.py").write_text(
        "from pathlib import Path\n"
        + SPEC.replace('f"loss_{n}"', "n").replace("(10, 9, 2)", "Path('names.txt').read_text().split()")
    )
    words = ("list", "losses", "--plugin", "reading.py", "--json")
    assert names(srbench(*words)) == ["one_loss"]
    (srbench.folder / "names.txt").write_text("other_loss")
    assert names(srbench(*words, "--fresh")) == ["other_loss"]


def test_show_lists_paper_licence_scales_scores_recipe_and_parameters(srbench):
    answer = srbench("show", "edsr_baseline")
    assert answer.status == 0
    for fact in (
        "edsr_baseline, architecture, from srbench_plugins.architectures.edsr (bundled, ",
        "https://arxiv.org/abs/1707.02921",
        "license: MIT",
        "scales: x2, x3, x4",
        "    set5      psnr_y   37.99   32.09",
        "losses = l1 1.0",
        "learning_rate = 0.0001",
        "parameters: x2 1,369,859, x3 1,554,499, x4 1,517,571",
        "0…15    16 × ResidualBlock  64×48×48   1,181,696      85.9%",
    ):
        assert fact in answer.out


def test_show_lists_the_modules_of_a_recogniser_which_is_one_network_at_every_ratio(srbench):
    shown = srbench("show", "cbam_small").out
    assert "cbam_small, recogniser, from" in shown
    assert "  scales: x1 to x32\n" in shown
    assert "  parameters: 171,256\n" in shown
    assert "attention: stages.0.0.cbam.channel, stages.0.0.cbam.spatial, " in shown
    assert "modules at x1, where a row counts all its repeats" in shown


def test_show_lists_every_kind_that_has_the_name_or_the_one_asked_for(srbench):
    assert "bicubic, architecture, from" in (both := srbench("show", "bicubic").out)
    assert "bicubic, degradation, from" in both
    assert "architecture, from" not in srbench("show", "bicubic", "--kind", "degradation").out


def test_show_makes_what_a_family_makes(srbench):
    (srbench.folder / "family.py").write_text(
        "import srbench\n@srbench.hookimpl\ndef register_losses():\n"
        "    make = lambda argument, others: srbench.LossSpec(name=f'f:{argument}', build=None, label='made')\n"
        "    return [srbench.Family(name='f', make=make, example='f:a')]\n"
    )
    answer = srbench("show", "f:abc", "--plugin", "family.py")
    assert (answer.status, answer.err) == (0, "")
    assert "f:abc, loss, from family (file, " in answer.out
    assert "label: made" in answer.out


@pytest.mark.parametrize("words", [("espcnn",), ("espcnn", "--kind", "architecture")])
def test_show_answers_a_wrong_name_with_the_nearest(srbench, words):
    answer = srbench("show", *words)
    assert answer.status == 2
    assert "Did you mean espcn?" in answer.err


def test_show_answers_a_wrong_kind_with_the_nearest(srbench):
    assert "No kind named 'network'" in srbench("show", "espcn", "--kind", "network").err


def test_everything_listed_can_be_shown(srbench, catalog, monkeypatch):
    monkeypatch.setattr("srbench.benchmarking.shown.load_catalog", lambda *_, **__: catalog)  # loaded once
    monkeypatch.setattr(
        "srbench.benchmarking.shown.network_facts", lambda _: None
    )  # the large networks take long to build
    for kind in KINDS:
        for name in catalog.shelf(kind):
            answer = srbench("show", name, "--kind", kind)
            assert answer.status == 0, answer.err
            assert not re.search(r"[(\[{]['\"]|\(\d[\d.]*, \d[\d.]*[,)]|,\)|: True|: False|None", answer.out), (
                answer.out
            )


def test_show_describes_the_labels_of_a_dataset(srbench):
    shown = srbench("show", "orl_identify").out
    assert "layout = class-folders" in shown
    assert "gallery = 1, 1" in shown
