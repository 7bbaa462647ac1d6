"""Whatever a person gets wrong: one sentence, an exit status, and nothing lost."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import torch

from srbench.executors import session


@pytest.fixture
def run(srbench, tiny):
    """``srbench run`` on the tiny suite, without profiles."""

    def running(*words, suite=None, plugins=()):
        session._library.cache_clear()  # every command is a process of its own
        files = [part for path in (tiny.plugin, *plugins) for part in ("--plugin", path)]
        return srbench("run", suite or tiny.suite(), "--data", tiny.data, "--no-profile", *files, *words)

    return running


@pytest.fixture
def plugin(tmp_path):
    """Write a plugin with one more thing in it."""

    def write(text, name="mine"):
        path = tmp_path / f"{name}.py"
        path.write_text("import torch\nfrom torch import nn\nimport srbench\n" + textwrap.dedent(text))
        return path

    return write


def sentence(answer, status=2):
    """The one sentence on standard error."""
    assert answer.status == status, answer.err + answer.out
    assert "Traceback" not in answer.err + answer.out
    (line,) = [line for line in answer.err.splitlines() if line.strip()]
    assert line.startswith("error: ")
    assert "did not foresee" not in line
    return line.removeprefix("error: ")


# --- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--only", "dott"], "No architecture or distiller named 'dott'. Did you mean dot?"),
        (["--only", "espcn"], "Suite tiny has no 'espcn'; it has bicubic, dot, none."),
        (["--architecture", "espn"], "No architecture named 'espn'. Did you mean espcn?"),
        (["--architecture", "dot.div2k"], "No checkpoint of dot named 'div2k'."),
        (["--distiller", "logit"], "No distiller named 'logit'. Did you mean logits?"),
        (["--distiller", "logits"], "the distiller logits needs a teacher"),
        (["--distiller", "logits", "--teacher", "wid"], "No architecture named 'wid'. Did you mean wide?"),
        (["--teacher", "wide"], "--teacher is for --distiller"),
        (["--dataset", "tiny_tst"], "Did you mean tiny_test?"),
        (["--degradation", "blur"], "No degradation named 'blur'. Did you mean blur_down?"),
        (["--metric", "psnr"], "No metric named 'psnr'. Did you mean psnr_"),
        (["--recipe", "quik"], "No recipe named 'quik'. Did you mean quick?"),
        (["--recipe", "paper"], "Architecture dot declares no recipe of its paper"),
        (["--executor", "proceses"], "No executor named 'proceses'. Did you mean processes?"),
        (["--scale", "0"], "--scale 0 is not a scale; give a whole number from 2"),
        (["--scale", "-1"], "--scale -1 is not a scale"),
        (["--scale", "1"], "--scale 1 is not a scale"),
        (["--scale", "two"], "--scale two is not a scale"),
        (["--scale", "2.5"], "--scale 2.5 is not a scale"),
        (["--scale", "7"], "Suite tiny has no scale 7; it has 2."),
        (
            ["--scale", "7", "--architecture", "dot"],
            "no architecture of the suite has the scale 7: bicubic has 2, 3, 4",
        ),
        (["--limit", "0"], "--limit"),
        (["--limit", "some"], "--limit"),
        (["--workers", "0"], "--workers"),
        (["--seed", "one"], "--seed"),
        (["--device", "gpu"], "This machine has no device 'gpu'; it has cpu"),
        (["--device", "cuda:99"], "This machine has no device 'cuda:99'"),
        (["--tile", "8"], "A tile of 8 pixels with an overlap of 16 leaves nothing"),
        (["--tile", "64", "--chop"], "exclude each other"),
        (["--precision", "int8"], "--precision int8"),
        (["--weights", "w.pth"], "say which with --architecture"),
        (["--plugin", "nowhere.py"], "nowhere.py does not exist; give --plugin the path"),
        (["--scal", "2"], "No such option: --scal"),
    ],
)
def test_a_wrong_word_is_answered_and_nothing_is_written(run, tmp_path, words, expected):
    assert expected in sentence(run(*words))
    assert not (tmp_path / "here" / "results").exists()


def test_a_wrong_command_and_a_wrong_suite_are_answered(srbench, tiny):
    assert sentence(srbench("rnu")).startswith("No such command 'rnu'. Did you mean 'run'?")
    assert sentence(srbench("run", "quik")).startswith("No suite named 'quik'. Did you mean quick?")
    assert sentence(srbench("run", "nowhere.toml")).startswith("No suite file named 'nowhere.toml'.")


def test_a_fault_of_a_suite_is_told_with_file_line_and_table(run, tiny):
    expected = [
        ("seed = [0]", "tiny.toml, line 9, [[grid]] 1: unknown key 'seed'; did you mean 'seeds'?"),
        ('scales = ["two"]', "tiny.toml, line 8, [[grid]] 1: scales = 'two' does not fit: Input should be a valid"),
        ("scales = [0]", "tiny.toml, line 8, [[grid]] 1: scales = 0 does not fit: Input should be greater"),
        ("scales = [7]", "tiny.toml: no architecture of the suite has the scale 7"),
        ("scales = [2", "tiny.toml is not valid TOML: "),
    ]
    for row, told in expected:
        assert told in sentence(run(suite=tiny.suite(row)))


# --- data -------------------------------------------------------------------------------------------------------


def test_a_data_root_that_is_not_there_is_named(srbench, tiny):
    words = ("run", tiny.suite(), "--plugin", tiny.plugin)
    told = sentence(srbench(*words, "--data", "nowhere"))
    assert told.startswith("The data folder nowhere is no folder; give --data")
    session._library.cache_clear()
    assert "The dataset tiny_test is not here: no data root is given" in sentence(srbench(*words))


def empty(data, picture):
    for file in (data / "TinyTest").iterdir():
        file.unlink()


def absent(data, picture):
    shutil.rmtree(data / "TinyTest")


def incomplete(data, picture):
    (data / "TinyTest" / "ant.png").unlink()


def extra(data, picture):
    picture(data / "TinyTest" / "fox.png", 9)


def truncated(data, picture):
    file = data / "TinyTest" / "ant.png"
    file.write_bytes(file.read_bytes()[:200])


def no_image(data, picture):
    (data / "TinyTest" / "ant.png").write_text("hello")


def alien_lr(data, picture):
    (data / "TinyTest" / "HR").mkdir()
    for file in (data / "TinyTest").glob("*.png"):
        file.rename(data / "TinyTest" / "HR" / file.name)
        picture(data / "TinyTest" / "LR_bicubic" / "X2" / f"{file.stem}x2.png", 1, 11, 11)


def leaking(data, picture):
    picture(data / "TinyTrain" / "cow.png", 0)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (empty, "holds no images of TinyTest"),
        (absent, "The dataset tiny_test is not below"),
        (incomplete, "1 images; TinyTest has 2"),
        (extra, "3 images; TinyTest has 2"),
        (truncated, "ant.png"),
        (no_image, "ant.png"),
        (alien_lr, "antx2.png is 11×11 pixels; ant is 40×36"),
    ],
)
def test_a_faulty_dataset_is_told_and_nothing_is_measured(run, tiny, tmp_path, spoil, told):
    spoil(tiny.data, tiny.picture)
    assert told in sentence(run())
    assert not (tmp_path / "here" / "results").exists()


def test_training_images_among_the_test_images_stop_the_trained_cell_alone(run, tiny, tmp_path):
    leaking(tiny.data, tiny.picture)
    answer = run()
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert "The training image cow is the test image ant" in answer.out
    assert "1 cells measured" in answer.out


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
    assert re.search(r"^(1 cells measured, 0|0 cells measured, 1) from the cache, 1 failed", answer.out, re.MULTILINE)
    return re.search(r"^failed dot .*?: (.*)$", answer.out, re.MULTILINE)[1]


def test_weights_that_are_not_there_are_named(run):
    assert "nowhere.pth cannot be read: No such file" in with_weights(run, "nowhere.pth")


def test_a_pickle_is_not_executed(run, tmp_path):
    mark = tmp_path / "executed"
    torch.save({"body.0.weight": Evil(mark)}, tmp_path / "evil.pth")
    assert "could run code, so it was not loaded" in with_weights(run, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil(mark)))
    assert "plain.pth" in with_weights(run, tmp_path / "plain.pth")
    assert not mark.exists()
    pickle.loads((tmp_path / "plain.pth").read_bytes())
    assert mark.exists(), "the file would have told"


def test_a_pickled_module_is_refused(run, shared):
    assert "could run code, so it was not loaded" in with_weights(run, shared("weights/refused/pickled_module.pth"))


def test_corrupt_foreign_and_oversized_weights_are_told_apart(run, tmp_path, monkeypatch):
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
    monkeypatch.setattr("srbench.executors.keys._file_hash", lambda path, *_: str(path))
    assert "empty.pth is empty" in with_weights(run, tmp_path / "empty.pth")
    assert "noise.pth is damaged or no checkpoint" in with_weights(run, tmp_path / "noise.pth")
    assert "noise.safetensors is damaged" in with_weights(run, tmp_path / "noise.safetensors")
    told = with_weights(run, tmp_path / "foreign.pth")
    assert "2 missing (first: body.0.weight), 1 unexpected (first: layer.weight)" in told
    assert "It fits wide at x2 exactly" in with_weights(run, tmp_path / "wide.pth")
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
    ("loss", "told"),
    [
        ("lambda sr, hr: 0.5", "The loss term 'odd' is a float; it must be a tensor of one number"),
        ("lambda sr, hr: sr - hr", "The loss term 'odd' has shape (2, 3, 16, 16); it must be a tensor of one number"),
        ("lambda sr, hr: 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_loss_of_the_wrong_kind_fails_its_cell_alone(run, tiny, plugin, loss, told):
    tiny.recipe(losses="{ odd = 1.0 }")
    answer = run(plugins=[plugin(LOSS.format(loss=loss))])
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert told in answer.out


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
    ("init", "forward", "told"),
    [
        ("raise RuntimeError('no weights today')", "lr", "no weights today"),
        ("", "self.body(lr)", "odd returned (2, 12, 8, 8) for lr (2, 3, 8, 8) at x2; it must return (2, 3, 16, 16)"),
        ("", "lr.nothing", "nothing"),
        ("", "[nn.functional.pixel_shuffle(self.body(lr), 2)]", "odd"),
    ],
)
def test_a_network_that_is_wrong_fails_its_cell_alone(run, tiny, plugin, init, forward, told):
    file = plugin(ARCHITECTURE.format(init=init, forward=forward))
    answer = run(plugins=[file], suite=tiny.suite('architectures = ["bicubic", "odd"]'))
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert told in answer.out


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


def test_a_plugin_that_hangs_on_import_is_given_up(run, plugin, monkeypatch):
    monkeypatch.setenv("SRBENCH_PLUGIN_TIMEOUT", "0.5")
    answer = run("--only", "bicubic", plugins=[plugin("import time\ntime.sleep(60)", "slow")])
    assert answer.status == 0
    assert "Plugin slow is not usable: it did not finish loading within 0.5 s" in answer.err


def test_a_plugin_that_returns_a_wrong_type_is_named(run, plugin):
    file = plugin("@srbench.hookimpl\ndef register_losses():\n    return 3\n", "three")
    answer = run("--only", "bicubic", plugins=[file])
    assert answer.status == 0
    assert "Plugin three is not usable: register_losses returned int; return a list of specs." in answer.err


# --- disks and folders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/results"])
def test_a_results_folder_that_cannot_be_written_is_named(run, tmp_path, place):
    (tmp_path / "here" / "file").touch()
    told = sentence(run("--results", place))
    assert told.startswith(place.partition("/below")[0])
    assert "could not be written" in told


def test_a_full_disk_keeps_what_was_measured(run, tmp_path, monkeypatch):
    from srbench import store

    assert run("--only", "bicubic").status == 0
    before = {p: p.read_bytes() for p in (tmp_path / "here" / "results").rglob("*.json")}
    assert before

    def full(_):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(store.os, "fsync", full)
        assert sentence(run()).startswith("The disk is full: ")
    assert {p: p.read_bytes() for p in before} == before
    assert "1 cells measured, 1 from the cache, 0 failed." in run().out


def test_a_cache_that_cannot_be_written_is_named(run, tmp_path, monkeypatch):
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "file").touch()
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert "could not be written" in sentence(run())


# --- stopping ---------------------------------------------------------------------------------------------------


def checkpoints(folder):
    """Steps of the training checkpoints below a folder."""
    return [int(p.stem.split("-")[1]) for p in folder.glob("cache/train/*/*/work/checkpoints/step-*.pt")]


def stopped_at(text):
    """The step that the sentence of a stopped training names."""
    (line,) = [line for line in text.splitlines() if line.strip()]
    told = r"Training of Dot stopped after step (\d+) of 100000 and was saved; the same command goes on from there\."
    return int(re.fullmatch(told, line)[1])


def stop_after(step, folder, pid):
    """Send SIGINT once a checkpoint lies beyond ``step``."""
    deadline = time.monotonic() + 120
    while max(checkpoints(folder), default=0) <= step and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(pid, signal.SIGINT)


def test_control_c_saves_the_training_and_the_same_command_goes_on(run, tiny, tmp_path):
    tiny.recipe(steps=100_000, checkpoint_every=20)
    suite, results = tiny.suite('architectures = ["dot"]'), tmp_path / "results"
    options = ["--data", tiny.data, "--no-profile", "--plugin", tiny.plugin, "--results", results]
    process = subprocess.Popen(
        [sys.executable, "-c", "from srbench.cli import main; main()", *map(str, ("run", suite, *options))],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        while not checkpoints(tmp_path):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        refusal = sentence(run("--results", results, suite=suite))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (
        refusal == f"Another srbench run is writing to {results}; wait for it to end, or give this one a folder of "
        "its own with --results."
    )
    assert process.returncode == 130
    first = stopped_at(err)
    assert "Traceback" not in out + err
    assert max(checkpoints(tmp_path)) == first

    thread = threading.Thread(target=stop_after, args=(first, tmp_path, os.getpid()))
    thread.start()
    again = run("--results", results, suite=suite)
    thread.join()
    assert again.status == 130
    assert stopped_at(again.err) == max(checkpoints(tmp_path)) > first
