"""Weights and plugins of others that are wrong: reported in one sentence, contained, and never executed unasked."""

import csv
import os
import pickle
import re

import pytest
import torch

from helpers.sentences import sentence

# --- weights ----------------------------------------------------------------------------------------------------


class Evil:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def with_weights(run, path):
    """The reason why the network with these weights failed, while bicubic beside it was measured."""
    answer = run("--architecture", "dot", "--weights", path)
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert re.search(r" (1 cells measured, 0|0 cells measured, 1) from the cache, 1 failed", answer.out)
    return re.search(r"^failed dot .*?: (.*)$", answer.out, re.MULTILINE)[1]


def test_weights_that_are_not_there_are_named(run):
    assert "nowhere.pth cannot be read: No such file" in with_weights(run, "nowhere.pth")


def test_two_files_of_one_name_have_a_row_each(run, tiny, catalog, srbench):
    for folder in ("a", "b"):
        (srbench.folder / folder).mkdir()
        state = catalog.architectures["dot"].network(2).state_dict()
        torch.save(state, srbench.folder / folder / "x.pth")
        assert run("--architecture", "dot", "--weights", f"{folder}/x.pth").status == 0
    with (srbench.folder / "results" / "leaderboard.csv").open() as file:
        rows = {
            row["checkpoint"]: row["weights_sha256"] for row in csv.DictReader(file) if row["architecture"] == "dot"
        }
    assert rows.keys() == {"a/x.pth", "b/x.pth"}
    assert len(set(rows.values())) == 2
    averaged = run("--architecture", "dot", "--weights", "a/x.pth", "--weights", "b/x.pth")
    assert averaged.status == 0
    assert "a/x.pth + b/x.pth" in (srbench.folder / "results" / "leaderboard.csv").read_text()


def test_a_pickle_is_not_executed(run, tmp_path):
    mark = tmp_path / "executed"
    torch.save({"body.0.weight": Evil(mark)}, tmp_path / "evil.pth")
    assert "was not loaded, since it holds pickled Python objects" in with_weights(run, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil(mark)))
    assert "plain.pth" in with_weights(run, tmp_path / "plain.pth")
    assert not mark.exists()
    pickle.loads((tmp_path / "plain.pth").read_bytes())
    assert mark.exists(), "the file would have been executed"


def test_a_pickled_module_is_refused(run, shared):
    path = shared("weights/refused/pickled_module.pth")
    assert "was not loaded, since it holds pickled Python objects" in with_weights(run, path)


def test_corrupt_foreign_and_oversized_weights_have_different_messages(run, tmp_path, monkeypatch):
    (tmp_path / "empty.pth").touch()
    (tmp_path / "noise.pth").write_bytes(os.urandom(5000))
    (tmp_path / "noise.safetensors").write_bytes(os.urandom(5000))
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "foreign.pth")
    shape = {"body.0.weight": torch.zeros(12, 3, 5, 5), "body.0.bias": torch.zeros(12)}
    torch.save({"params": shape}, tmp_path / "wide.pth")
    torch.save({"body.0.weight": torch.full((12, 3, 3, 3), torch.nan), "body.0.bias": torch.zeros(12)},
               tmp_path / "nan.pth")  # fmt: skip
    with (tmp_path / "huge.pth").open("wb") as file:
        file.truncate(5 * 2**30)  # sparse: no block of it is on the disk
    monkeypatch.setattr("srbench.running.keys._file_hash", lambda path, *_: str(path))
    assert "empty.pth is empty" in with_weights(run, tmp_path / "empty.pth")
    assert "noise.pth is damaged or not a checkpoint" in with_weights(run, tmp_path / "noise.pth")
    assert "noise.safetensors is damaged" in with_weights(run, tmp_path / "noise.safetensors")
    message = with_weights(run, tmp_path / "foreign.pth")
    assert "2 keys are missing (first: body.0.weight), 1 key is not in the network (first: layer.weight)" in message
    assert "These weights fit wide at x2; use that." in with_weights(run, tmp_path / "wide.pth")
    assert "holds NaN or infinity in body.0.weight" in with_weights(run, tmp_path / "nan.pth")
    assert "5.0 GiB, more than the 4 GiB" in with_weights(run, tmp_path / "huge.pth")


# --- plugins ----------------------------------------------------------------------------------------------------

LOSS = """
@srbench.hookimpl
def register_losses():
    return [srbench.LossSpec(name="odd", build=lambda: {loss})]
"""


def test_a_loss_that_is_not_a_number_fails_its_cell_with_step_and_advice(run, tiny, plugin):
    file = plugin(LOSS.format(loss="lambda sr, hr: (sr - hr).abs().mean() * float('nan')"))
    tiny.recipe(losses="{ odd = 1.0 }")
    answer = run(plugins=[file])
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert "The loss is not finite at step 1 of 3" in answer.out
    assert "lower the recipe's learning_rate" in answer.out
    assert "1 cells measured, 0 from the cache, 1 failed." in answer.out
    again = run(plugins=[file])
    assert "0 cells measured, 1 from the cache, 1 failed." in again.out


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("lambda sr, hr: 0.5", "The loss term 'odd' is a float; it must be a tensor of one number"),
        ("lambda sr, hr: sr - hr", "The loss term 'odd' has shape (2, 3, 16, 16); it must be a tensor of one number"),
        ("lambda sr, hr: 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_loss_of_the_wrong_kind_fails_its_cell_alone(run, tiny, plugin, loss, message):
    tiny.recipe(losses="{ odd = 1.0 }")
    answer = run(plugins=[plugin(LOSS.format(loss=loss))])
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert message in answer.out


ARCHITECTURE = """
class Odd(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.body = nn.Conv2d(3, 12, 3, padding=1)
        {init}

    def forward(self, lr):
        return {forward}

@srbench.hookimpl
def register_architectures():
    return [srbench.ArchitectureSpec(name="odd", build=Odd, scales=frozenset({{2}}))]
"""


@pytest.mark.parametrize(
    ("init", "forward", "message"),
    [
        ("raise RuntimeError('no weights today')", "lr", "no weights today"),
        ("", "self.body(lr)", "odd returned (2, 12, 8, 8) for lr (2, 3, 8, 8) at x2; it must return (2, 3, 16, 16)"),
        ("", "lr.nothing", "nothing"),
        ("", "[nn.functional.pixel_shuffle(self.body(lr), 2)]", "odd"),
    ],
)
def test_a_network_that_is_wrong_fails_its_cell_alone(run, tiny, plugin, init, forward, message):
    file = plugin(ARCHITECTURE.format(init=init, forward=forward))
    answer = run(plugins=[file], suite=tiny.suite('architectures = ["bicubic", "odd"]'))
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert message in answer.out


def test_a_degradation_that_is_wrong_fails_its_cells_alone(run, tiny, plugin):
    file = plugin("""
        @srbench.hookimpl
        def register_degradations():
            return [srbench.DegradationSpec(name="odd", apply=lambda hr, scale, generator: hr, stochastic=False)]
    """)
    answer = run(plugins=[file], suite=tiny.suite('degradations = ["bicubic", "odd"]\narchitectures = ["bicubic"]'))
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert "odd" in re.search(r"^failed bicubic .*?: (.*)$", answer.out, re.MULTILINE)[1]


METRIC = """
@srbench.hookimpl
def register_metrics():
    return [srbench.MetricSpec(name="odd", label="Odd", load=lambda device: {metric})]
"""


@pytest.mark.parametrize(
    "metric", ["lambda sr, hr: 1 / 0", "lambda sr, hr: 'high'", "1 / 0", "lambda sr, hr: sr * torch.nan"]
)
def test_a_metric_that_is_wrong_is_an_empty_column_with_its_reason(run, tiny, plugin, metric, tmp_path):
    answer = run("--metric", "odd", "--only", "bicubic", plugins=[plugin(METRIC.format(metric=metric))])
    assert answer.status == 0
    assert answer.err == ""
    text = (tmp_path / "here" / "results" / "leaderboard.md").read_text()
    assert re.search(r"Error|NaN", text)


def test_a_plugin_that_raises_is_named_and_the_others_go_on(run, plugin):
    broken = plugin("raise OSError('no')", "broken")
    answer = run("--only", "bicubic", plugins=[broken])
    assert answer.status == 0
    assert answer.err.startswith("warning: Plugin broken failed to load: OSError: no (broken.py, line 4).")
    assert "Plugin broken failed to load" in sentence(run("--strict-plugins", plugins=[broken]))


@pytest.mark.usefixtures("catalog")  # so that the bundled ones, which have no longer, are imported already
def test_a_plugin_that_hangs_on_import_is_given_up(run, plugin, monkeypatch):
    monkeypatch.setenv("SRBENCH_PLUGIN_TIMEOUT", "2")
    answer = run("--only", "bicubic", plugins=[plugin("import time\ntime.sleep(60)", "slow")])
    assert answer.status == 0
    assert "Plugin slow is not usable: it did not finish loading within 2 s" in answer.err


def test_a_plugin_that_returns_a_wrong_type_is_named(run, plugin):
    file = plugin("@srbench.hookimpl\ndef register_losses():\n    return 3\n", "three")
    answer = run("--only", "bicubic", plugins=[file])
    assert answer.status == 0
    assert "Plugin three is not usable: register_losses returned int; return a list of specs." in answer.err
