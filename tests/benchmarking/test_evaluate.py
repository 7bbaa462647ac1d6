"""`srbench.evaluate` measures a module, or a name, as a suite measures networks."""

import copy

import pytest
import torch
from torch import nn

import srbench
from srbench.errors import SrbenchError


class Repeat(nn.Module):
    """Nearest-neighbour interpolation with one weight."""

    def __init__(self, scale=2, gain=1.0):
        super().__init__()
        self.scale, self.gain = scale, nn.Parameter(torch.tensor(gain))

    def forward(self, lr):
        return nn.functional.interpolate(lr * self.gain, scale_factor=self.scale)


class Several(nn.Module):
    """One module for two scales."""

    def forward(self, lr, scale):
        return nn.functional.interpolate(lr, scale_factor=scale)


@pytest.fixture
def evaluate(tiny, tmp_path, monkeypatch):
    """``srbench.evaluate`` on the tiny suite, without profiles."""
    monkeypatch.chdir(tmp_path)
    suites = {}

    def evaluating(network, grid="", **keywords):
        suite = suites.setdefault(grid, tiny.suite(grid, name=f"tiny_{len(suites)}"))
        places = {"data": tiny.data, "plugin_files": [tiny.plugin], "profile": False}
        return srbench.evaluate(network, suite, **places | keywords)

    return evaluating


def psnr_of(results):
    return results.cells.set_index(["architecture", "scale"])["psnr_y_db"].to_dict()


def test_a_module_scores_as_the_plugin_of_the_same_operator(evaluate, tmp_path):
    made = psnr_of(evaluate(Repeat(), scale=2))
    plugin = psnr_of(evaluate("nearest", scale=2))
    assert made["repeat", 2] == plugin["nearest", 2]
    assert made["bicubic", 2] == plugin["bicubic", 2] > made["repeat", 2]
    assert not (tmp_path / "results").exists()


def test_what_was_measured_is_cached_until_weights_settings_or_code_change(evaluate):
    def measured(module):
        return evaluate(module, scale=2).outcome.measured

    assert measured(Repeat()) == 2
    assert measured(Repeat()) == 0
    assert measured(Repeat(gain=0.9)) == 1
    other = Repeat()
    other.forward = lambda lr: nn.functional.interpolate(lr, scale_factor=2, mode="bilinear")
    assert measured(other) == 1
    assert measured(copy.deepcopy(Repeat(gain=0.9))) == 0


def test_a_module_on_luma_in_a_range_of_its_own_with_a_name(evaluate):
    seen = []

    class Luma(Repeat):
        def forward(self, lr):
            seen.append((lr.shape[1], float(lr.max())))
            assert not lr.shape[2] % 4
            return super().forward(lr)

    made = evaluate(Luma(), scale=2, name="My Net v2", channels="y", input_range=255, size_multiple=4)
    assert made.cells.label.tolist() == ["Bicubic", "My Net v2"]
    assert {channels for channels, _ in seen} == {1}
    assert max(white for _, white in seen) > 2


def test_a_module_for_several_scales_is_measured_at_each(evaluate):
    made = evaluate(Several(), "scales = [2, 3, 4]", scale=[2, 3])
    assert {key: round(value, 9) for key, value in psnr_of(made).items() if key[0] == "several"} == {
        ("several", scale): round(
            psnr_of(evaluate(Repeat(scale), "scales = [2, 3, 4]", scale=scale))["repeat", scale], 9
        )
        for scale in (2, 3)
    }
    assert {scale for _, scale in psnr_of(made)} == {2, 3}


def test_the_module_stays_as_it_is_and_results_are_written_where_asked(evaluate, tmp_path):
    module = Repeat().train()
    made = evaluate(module, scale=2, results="out")
    assert module.training
    assert (tmp_path / "out" / "leaderboard.md").is_file()
    assert srbench.read_results("out").cells.equals(made.cells)


def test_costs_of_a_module_are_measured_and_its_memory_has_a_reason(tiny):
    suite = tiny.suite(top="[profile]\nlatency_seconds = 0.05\nlatency_height = 16\nlatency_width = 16")
    made = srbench.evaluate(Repeat(), suite, scale=2, limit=1, data=tiny.data, plugin_files=[tiny.plugin])
    row = made.cells[made.cells.architecture == "repeat"].iloc[0]
    assert row.parameters == 1
    assert row.latency_ms_p50 > 0
    assert "peak_memory_mib: this measurement was turned off" in row.reasons


def test_a_suite_keeps_its_references_and_measures_the_network_in_every_other_grid():
    from srbench.benchmarking.evaluate import _suite_of
    from srbench.planning.suite import load_suite

    grids = _suite_of(load_suite("classic"), "mine", memory=True).grid
    assert [(grid.architectures, grid.protocol) for grid in grids[:3]] == [
        (("bicubic",), "luma-first"), (("bicubic",), "published-bicubic"), (("bicubic", "mine"), None),
    ]  # fmt: skip
    assert all(grid.distillers == ("none",) for grid in grids)


class Broken(nn.Module):
    """Returns what it was given."""

    def forward(self, lr):
        return lr


def test_a_module_of_another_size_is_a_reason_in_its_cell(evaluate):
    made = evaluate(Broken(), scale=2)
    ((title, reason),) = made.outcome.failed
    assert title.startswith("broken")
    assert "it must return (1, 3," in reason
    assert made.cells.set_index("architecture").status.to_dict() == {"bicubic": "ok", "broken": "failed"}


@pytest.mark.parametrize(
    ("network", "options", "says"),
    [
        (Repeat(), {}, "Repeat does not say by which factor it enlarges; give scale=2"),
        (Repeat(), {"scale": 2, "name": "dot"}, "The name dot is taken by a plugin; give the module another"),
        (Repeat(), {"scale": "two"}, "^two is not a scale"),
        (Repeat(5), {"scale": 5}, "has no scale 5; it has 2"),
        ("dot", {"scale": 2}, "dot has no weights; name published ones, or train it with srbench.run"),
        ("edsr_baselin", {}, "Did you mean edsr_baseline"),
        ("edsr_baseline.diw2k", {}, "No checkpoint of edsr_baseline named .diw2k"),
        (Repeat(), {"scale": 2, "name": "4x"}, "lower_snake_case"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(evaluate, network, options, says):
    with pytest.raises(SrbenchError, match=says):
        evaluate(network, **options)
