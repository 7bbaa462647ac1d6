"""``srbench add-plugin``."""

import re
import subprocess
import sys

import pytest

from helpers import ROOT, TESTS
from srbench.catalog import installing

SAMPLE = TESTS / "fixtures" / "srbench-sample"
LOSS = """
import srbench

@srbench.hookimpl
def register_losses():
    return [srbench.LossSpec(name="{name}", build=lambda: lambda sr, hr: {value})]
"""


def test_a_new_plugin_is_written_and_the_second_command_printed_accepts_it(srbench):
    answer = srbench("add-plugin", "metric", "my_metric", "--paper", "https://arxiv.org/abs/1609.05158")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == (
        "wrote plugins/my_metric.py\nwrote tests/test_my_metric.py\n\nIt works as it is. Next:\n\n"
        "  python -m pytest tests/test_my_metric.py\n"
        "  srbench check my_metric --plugin plugins/my_metric.py\n"
        "  srbench run --architecture edsr_small --metric my_metric --scale 2 --plugin plugins/my_metric.py\n"
    )
    assert srbench("check", "my_metric", "--plugin", "plugins/my_metric.py").status == 0
    again = srbench("add-plugin", "metric", "my_metric")
    assert again.status == 2
    assert "The metric 'my_metric' exists already, in plugin my_metric (file, " in again.err


def test_a_recogniser_is_written_checked_and_shown(srbench):
    answer = srbench("add-plugin", "recogniser", "my_backbone", "--paper", "https://arxiv.org/abs/2209.14498")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.endswith(
        "  python -m pytest tests/test_my_backbone.py\n"
        "  srbench check my_backbone --plugin plugins/my_backbone.py\n"
        "  srbench run recognition-quick --architecture my_backbone --plugin plugins/my_backbone.py\n"
    )
    checked = srbench("check", "my_backbone", "--plugin", "plugins/my_backbone.py")
    assert (checked.status, checked.err) == (0, "")
    assert "The recogniser my_backbone keeps its contract: embeddings of one length" in checked.out
    assert "parameters: 34,336\n" in srbench("show", "my_backbone", "--plugin", "plugins/my_backbone.py").out


def test_a_recogniser_cannot_have_the_name_of_an_architecture(srbench):
    answer = srbench("add-plugin", "recogniser", "edsr_small")
    assert answer.status == 2
    assert "The architecture 'edsr_small' exists already, in plugin srbench_plugins.architectures.edsr" in answer.err
    assert list(srbench.folder.rglob("*.py")) == []


@pytest.mark.parametrize("kind", ["architecture", "distiller", "degradation", "metric"])
def test_the_third_command_plans_a_training_and_a_measurement_of_it(srbench, kind):
    written = srbench("add-plugin", kind, "my_own")
    words = written.out.splitlines()[-1].split()
    assert words[:2] == ["srbench", "run"]
    plan = srbench("plan", *words[2:])
    assert (plan.status, plan.err) == (0, "")
    assert "to train" in plan.out
    if kind != "metric":
        assert "my_own" in plan.out


def test_an_architecture_is_one_file_of_25_lines_at_most(srbench):
    page = (ROOT / "docs" / "plugins" / "architecture.md").read_text(encoding="utf-8")
    text = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert len(text.splitlines()) <= 25
    (srbench.folder / "tiny.py").write_text(text)
    taken = srbench("add-plugin", "tiny.py")
    assert (taken.status, taken.err) == (0, "")
    assert "checked architecture tiny" in taken.out
    plan = srbench("plan", "quick", "--architecture", "tiny", "--scale", "2")
    assert (plan.status, plan.err) == (0, "")
    assert re.search(r"^tiny .* to train", plan.out, re.MULTILINE)


def test_a_package_is_written(srbench):
    answer = srbench("add-plugin", "losses", "my_loss", "--package")
    assert answer.status == 2
    assert "No kind of plugin named 'losses'. Did you mean loss?" in answer.err
    answer = srbench("add-plugin", "degradation", "my_blur", "--package", "--license", "BSD-3-Clause", "--into", "new")
    assert answer.status == 0
    assert "python -m pip install -e new/srbench-my-blur && python -m pytest new/srbench-my-blur" in answer.out
    assert "BSD 3-Clause" in (srbench.folder / "new/srbench-my-blur/LICENSE").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["metric"], "Give the new metric a name: srbench add-plugin metric my_metric."),
        (["metric", "MyMetric"], "The name 'MyMetric' is not lower_snake_case"),
        (["metric", "psnr_y"], "The metric 'psnr_y' exists already, in plugin srbench_plugins.metrics"),
        (["metrik", "my_metric"], "Did you mean metric?"),
        (["metric", "my_metric", "--package", "--license", "mine"], "No licence named 'mine'."),
        (
            ["nowhere.py"],
            "'nowhere.py' is neither a file, nor a folder with a pyproject.toml, nor an installed package",
        ),
        (["."], "pyproject.toml cannot be read (No such file or directory)"),
    ],
)
def test_wrong_words_are_answered_in_a_sentence_and_nothing_is_written(srbench, words, sentence):
    answer = srbench("add-plugin", *words)
    assert answer.status == 2
    assert sentence in answer.err
    assert list(srbench.folder.iterdir()) == []


def test_a_folder_whose_project_has_no_name_is_refused(srbench):
    (srbench.folder / "pyproject.toml").write_text("[project]\n")
    answer = srbench("add-plugin", ".")
    assert (answer.status, answer.out) == (2, "")
    assert "pyproject.toml has no name in a table [project]; add it" in answer.err


def test_a_sound_file_is_taken_into_the_users_folder_once(srbench, monkeypatch):
    (srbench.folder / "mine.py").write_text(LOSS.format(name="my_loss", value="(sr - hr).abs().mean()"))
    answer = srbench("add-plugin", "mine.py")
    assert (answer.status, answer.err) == (0, "")
    assert "checked loss my_loss" in answer.out
    assert "where srbench finds it from every folder" in answer.out
    (srbench.folder / "mine.py").unlink()
    assert "my_loss" in srbench("list", "losses").out
    (srbench.folder / "mine.py").write_text(LOSS.format(name="my_other_loss", value="(sr - hr).abs().mean()"))
    again = srbench("add-plugin", "mine.py")
    assert again.status == 2
    assert "mine.py exists already and is left as it is" in again.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (LOSS.format(name="my_loss", value="sr - hr"), "Not adopted, since it breaks its contract. loss my_loss: "),
        (LOSS.format(name="l1", value="(sr - hr).abs().mean()"), "Two plugins provide the loss 'l1': "),
        ("1 / 0", "Plugin mine failed to load: ZeroDivisionError"),
        ("x = 1", "it defines no hook"),
    ],
)
def test_a_faulty_file_is_not_taken_in(srbench, text, sentence):
    (srbench.folder / "mine.py").write_text(text)
    answer = srbench("add-plugin", "mine.py")
    assert answer.status == 2
    assert sentence in answer.err
    assert not list((srbench.folder.parent / "config").rglob("*.py"))


def test_an_installed_package_is_checked(srbench, monkeypatch, tmp_path):
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = tmp_path / "copy"  # building leaves files beside the source
    subprocess.run(["cp", "-r", str(SAMPLE), str(copy)], check=True)
    subprocess.run([*command, "--no-index", "--target", str(site), str(copy)], check=True, timeout=100)
    monkeypatch.syspath_prepend(str(site))
    answer = srbench("add-plugin", "srbench-sample")
    assert (answer.status, answer.err) == (0, "")
    assert "checked loss sample_huber" in answer.out
    assert "srbench-sample:sample" in srbench("plugins").out
    refused = srbench("add-plugin", copy)
    assert refused.status == 2
    assert "srbench-sample 1.2.3 is installed already and is left as it is" in refused.err


def test_a_package_without_entry_point_is_not_taken_in(srbench):
    answer = srbench("add-plugin", "pluggy")
    assert answer.status == 2
    assert "pluggy has no entry point of group srbench" in answer.err


@pytest.fixture
def pip(monkeypatch):
    """What pip is asked to do, instead of doing it."""
    asked = []
    monkeypatch.setattr(installing, "run_pip", lambda *arguments: asked.append(arguments))
    return asked


def test_a_folder_is_installed_and_removed_again_if_it_is_no_plugin(srbench, pip):
    (srbench.folder / "pyproject.toml").write_text('[project]\nname = "srbench-nothing"\n')
    answer = srbench("add-plugin", ".")
    assert answer.status == 2
    assert "srbench-nothing has no entry point of group srbench" in answer.err
    assert pip == [("install", "."), ("uninstall", "--yes", "srbench-nothing")]


def test_why_pip_failed_is_passed_on(srbench, monkeypatch):
    (srbench.folder / "pyproject.toml").write_text('[project]\nname = "srbench-nothing"\n')
    failed = subprocess.CompletedProcess([], 1, "", "much\n  ERROR: no such backend\nhint: see above\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    answer = srbench("add-plugin", ".")
    assert answer.status == 2
    assert "pip install . failed (ERROR: no such backend); run it by hand" in answer.err
