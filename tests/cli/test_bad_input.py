"""Every mistake of a user gives one sentence and an exit status, and loses nothing."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from helpers.sentences import sentence
from srbench.running import session

# --- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--only", "dott"], "No architecture or distiller named 'dott'. Did you mean dot?"),
        (["--only", "espcn"], "Suite tiny has no 'espcn'; it has bicubic, dot, none."),
        (["--architecture", "espn"], "No network named 'espn'. Did you mean espcn?"),
        (["--architecture", "dot.div2k"], "No checkpoint of dot named 'div2k'."),
        (["--distiller", "logit"], "No distiller named 'logit'. Did you mean logits?"),
        (["--distiller", "logits"], "the distiller logits needs a teacher"),
        (["--distiller", "logits", "--teacher", "wid"], "No network named 'wid'. Did you mean wide?"),
        (["--teacher", "wide"], "--teacher is for --distiller"),
        (["--dataset", "tiny_tst"], "Did you mean tiny_test?"),
        (["--degradation", "blur"], "No degradation named 'blur'. Did you mean blur_down?"),
        (["--metric", "psnr"], "No metric named 'psnr'. Did you mean psnr_"),
        (["--recipe", "quik"], "No recipe named 'quik'. Did you mean quick?"),
        (["--recipe", "paper"], "Architecture dot declares no recipe of its paper"),
        (["--executor", "proceses"], "No executor named 'proceses'. Did you mean processes?"),
        (["--scale", "0"], "--scale 0 is not a scale; give a number above 1"),
        (["--scale", "-1"], "--scale -1 is not a scale"),
        (["--scale", "1"], "--scale 1 is not a scale"),
        (["--scale", "two"], "--scale two is not a scale"),
        (["--scale", "2x"], "--scale 2x is not a scale"),
        (["--scale", "nan"], "--scale nan is not a scale"),
        (["--scale", "1e9"], "--scale 1e9 is not a scale"),
        (["--scale", "0.5"], "--scale 0.5 is not a scale"),
        (["--scale", "2.5"], "Suite tiny has no scale 2.5; it has 2."),
        (["--scale", "2.5", "--architecture", "dot"], "[[grid]] 2: dot has no scale 2.5; it has 2"),
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
        (["--tile", "8"], "A tile of 8 pixels is too small for an overlap of 16"),
        (["--tile", "64", "--chop"], "exclude each other"),
        (["--precision", "int8"], "--precision int8"),
        (["--weights", "w.pth"], "name it with --architecture"),
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


def test_a_fault_of_a_suite_is_reported_with_file_line_and_table(run, tiny):
    expected = [
        ("seed = [0]", "tiny.toml, line 9, [[grid]] 1: unknown key 'seed'; did you mean 'seeds'?"),
        ('scales = ["two"]', "tiny.toml, line 8, [[grid]] 1: scales = 'two' does not fit: expected a number from"),
        ("scales = [0]", "tiny.toml, line 8, [[grid]] 1: scales = 0 does not fit: expected a number from 1"),
        ("scales = [7]", "tiny.toml: no architecture of the suite has the scale 7"),
        ("scales = [2", "tiny.toml is not valid TOML: "),
    ]
    for row, message in expected:
        assert message in sentence(run(suite=tiny.suite(row)))


# --- data -------------------------------------------------------------------------------------------------------


def test_a_data_root_that_is_not_there_is_named(srbench, tiny):
    words = ("run", tiny.suite(), "--plugin", tiny.plugin)
    message = sentence(srbench(*words, "--data", "nowhere"))
    assert message.startswith("The data folder nowhere is not a folder; give --data")
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
    ("spoil", "message"),
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
def test_a_faulty_dataset_is_reported_and_nothing_is_measured(run, tiny, tmp_path, spoil, message):
    spoil(tiny.data, tiny.picture)
    assert message in sentence(run())
    assert not (tmp_path / "here" / "results").exists()


def test_training_images_among_the_test_images_stop_the_trained_cell_alone(run, tiny, tmp_path):
    leaking(tiny.data, tiny.picture)
    answer = run()
    assert sentence(answer, 1).startswith("1 of 2 cells failed")
    assert "The training image cow is the test image ant" in answer.out
    assert "1 cells measured" in answer.out


# --- disks and folders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/results"])
def test_a_results_folder_that_cannot_be_written_is_named(run, tmp_path, place):
    (tmp_path / "here" / "file").touch()
    message = sentence(run("--results", place))
    assert message.startswith(place.partition("/below")[0])
    assert "could not be written" in message


def test_a_full_disk_keeps_what_was_measured(run, tmp_path, monkeypatch):
    from srbench import files

    assert run("--only", "bicubic").status == 0
    before = {p: p.read_bytes() for p in (tmp_path / "here" / "results").rglob("*.json")}
    assert before

    def full(_):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
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
    return [int(p.stem.split("-")[1]) for p in folder.glob("cache/train/**/checkpoints/step-*.pt")]


def stopped_at(text):
    """The step that the sentence of a stopped training names."""
    (line,) = [line for line in text.splitlines() if line.strip()]
    message = r"Training of Dot stopped after step (\d+) of 100000 and was saved; the same command goes on from there\."
    return int(re.fullmatch(message, line)[1])


def stop_after(step, folder, pid):
    """Send SIGINT once there is a checkpoint after ``step``."""
    deadline = time.monotonic() + 120
    while max(checkpoints(folder), default=0) <= step and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(pid, signal.SIGINT)


def test_sigterm_or_control_c_saves_the_training_and_the_same_command_goes_on(run, tiny, tmp_path):
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
        process.terminate()
        out, err = process.communicate(timeout=200)
    finally:
        process.kill()
    assert (
        refusal == f"Another srbench run is writing to {results}; wait until it ends, or choose another folder with "
        "--results."
    )
    assert process.returncode == 143
    first = stopped_at(err)
    assert "Traceback" not in out + err
    assert max(checkpoints(tmp_path)) == first

    thread = threading.Thread(target=stop_after, args=(first, tmp_path, os.getpid()))
    thread.start()
    again = run("--results", results, suite=suite)
    thread.join()
    assert again.status == 130
    assert stopped_at(again.err) == max(checkpoints(tmp_path)) > first
