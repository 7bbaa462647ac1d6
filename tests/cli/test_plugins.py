"""``srbench plugins`` and ``srbench check``."""

import json

import pytest

from srbench.catalog.discovery import discover
from srbench.errors import UnavailableError
from srbench.testing import verdict

SOUND = """
import srbench

@srbench.hookimpl
def register_losses():
    print("hello from far away")
    return [srbench.LossSpec(name="{name}", build=lambda: None)]
"""


def test_every_plugin_is_listed_with_its_names(srbench):
    answer = srbench("plugins")
    assert answer.status == 0
    assert "architectures: edsr_baseline, edsr," in answer.out
    assert "metrics: pyiqa:…" in answer.out
    for plugin in discover(environ={"SRBENCH_PLUGINS": "bundled"}):
        assert f"\n{plugin.name.removeprefix('srbench_plugins.')} " in answer.out


def test_the_table_shows_what_a_plugin_printed_and_why_one_is_broken(srbench):
    (srbench.folder / "plugins").mkdir()
    (srbench.folder / "plugins" / "talker.py").write_text(SOUND.format(name="talker"))
    (srbench.folder / "plugins" / "broken.py").write_text("import nothing_of_that_name")
    answer = srbench("plugins")
    assert answer.status == 0
    assert "it said: hello from far away" in answer.out
    assert "Plugin broken failed to load: ModuleNotFoundError" in " ".join(answer.out.split())
    strict = srbench("plugins", "--strict-plugins")
    assert strict.status == 2
    assert "error: Plugin broken failed to load: ModuleNotFoundError" in strict.err


def test_json_is_not_disturbed_by_a_plugin_that_prints(srbench):
    (srbench.folder / "talker.py").write_text(SOUND.format(name="talker"))
    answer = srbench("plugins", "--plugin", "talker.py", "--json")
    (facts,) = [p for p in json.loads(answer.out)["plugins"] if p["name"] == "talker"]
    assert facts["provides"] == {"losses": ["talker"]}
    assert facts["file"] == str(srbench.folder / "talker.py")
    assert facts["notices"] == ["hello from far away"]
    assert facts["error"] is None
    assert facts["seconds"] > 0


def test_two_plugins_with_one_name_are_listed_and_the_clash_is_reported(srbench):
    for name in ("one", "other"):
        (srbench.folder / f"{name}.py").write_text(SOUND.format(name="same_loss"))
    words = ("plugins", "--plugin", "one.py", "--plugin", "other.py")
    answer = srbench(*words)
    assert answer.status == 0
    assert answer.out.count("losses: same_loss") == 2
    assert "warning: Two plugins provide the loss 'same_loss': one (file, " in answer.err
    assert srbench(*words, "--strict-plugins").status == 2
    assert "error: Two plugins provide the loss 'same_loss'" in srbench("list", *words[1:]).err


CROPPED = """
import srbench
from torch import nn


class Cropped(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3), nn.PixelShuffle(scale))

    def forward(self, lr):
        return self.layers(lr)


@srbench.hookimpl
def register_architectures():
    return [srbench.ArchitectureSpec(name="cropped", build=Cropped, scales=frozenset({2}))]
"""


def test_a_sound_plugin_passes_and_what_was_checked_is_listed(srbench):
    answer = srbench("check", "l1")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == "✓ The loss l1 keeps its contract: a finite scalar that falls towards hr.\n"


def test_each_violation_is_a_line_and_the_exit_status_is_1(srbench):
    (srbench.folder / "cropped.py").write_text(CROPPED)
    answer = srbench("check", "cropped", "--plugin", "cropped.py")
    assert answer.status == 1
    *violations, summary = answer.out.splitlines()
    assert violations
    assert all(line.startswith("✗ ") for line in violations)
    assert summary == f"The architecture cropped breaks its contract: {len(violations)} violations."


def test_a_name_of_several_kinds_needs_its_kind(srbench):
    answer = srbench("check", "bicubic")
    assert answer.status == 2
    assert "bicubic names several things; choose one with --kind architecture or --kind degradation." in answer.err
    assert srbench("check", "bicubic", "--kind", "degradation").status == 0


def test_a_wrong_name_is_answered_with_the_nearest_and_with_what_is_broken(srbench):
    (srbench.folder / "broken.py").write_text("1 / 0")
    answer = srbench("check", "croped", "--plugin", "broken.py")
    assert answer.status == 2
    assert "It may be in a plugin that is broken: Plugin broken failed to load: ZeroDivisionError" in answer.err
    assert "Did you mean l1?" in srbench("check", "l1l").err


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)])
def test_what_cannot_be_checked_here_is_reported_and_fails_only_if_strict(srbench, monkeypatch, options, status):
    def unavailable(*_):
        raise UnavailableError("The weights are not here.")

    monkeypatch.setattr(verdict, "violations_of", unavailable)
    answer = srbench("check", "l1", *options)
    assert answer.status == status
    assert answer.out == "? The loss l1 could not be checked here: The weights are not here.\n"
