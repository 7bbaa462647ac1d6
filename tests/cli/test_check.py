"""``srbench check``."""

import pytest

from srbench import testing
from srbench.errors import UnavailableError

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


def test_a_sound_plugin_passes_and_what_was_checked_is_told(srbench):
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


def test_a_name_of_several_kinds_must_be_told_apart(srbench):
    answer = srbench("check", "bicubic")
    assert answer.status == 2
    assert "bicubic names several things; say which one with --kind architecture or --kind degradation." in answer.err
    assert srbench("check", "bicubic", "--kind", "degradation").status == 0


def test_a_wrong_name_is_answered_with_the_nearest_and_with_what_is_broken(srbench):
    (srbench.folder / "broken.py").write_text("1 / 0")
    answer = srbench("check", "croped", "--plugin", "broken.py")
    assert answer.status == 2
    assert "It may be in a plugin that is broken: Plugin broken failed to load: ZeroDivisionError" in answer.err
    assert "Did you mean l1?" in srbench("check", "l1l").err


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)])
def test_what_cannot_be_checked_here_is_told_and_fails_only_if_strict(srbench, monkeypatch, options, status):
    def unavailable(*_):
        raise UnavailableError("The weights are not here.")

    monkeypatch.setattr(testing, "violations_of", unavailable)
    answer = srbench("check", "l1", *options)
    assert answer.status == status
    assert answer.out == "? The loss l1 could not be checked here: The weights are not here.\n"
