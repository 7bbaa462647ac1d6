"""`srbench.run` is `srbench run` from Python: the same cells, files and refusals."""

import pytest

import srbench
from srbench.errors import SrbenchError
from srbench.planning.overrides import RunKeywords, RunOptions
from srbench.running.events import Done, Planned


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """``srbench.run`` on the tiny suite, without profiles."""
    monkeypatch.chdir(tmp_path)

    def running(suite=None, **keywords):
        return srbench.run(suite or tiny.suite(), data=tiny.data, plugin_files=[tiny.plugin], profile=False, **keywords)

    return running


def test_a_run_gives_frames_and_writes_the_files_of_the_command(run, tmp_path):
    heard = []
    made = run(listener=heard.append)
    assert (made.outcome.measured, made.outcome.cached, made.outcome.failed) == (2, 0, ())
    assert [type(event) for event in (heard[0], heard[-1])] == [Planned, Done]
    assert sorted(made.cells.architecture) == ["bicubic", "dot"]
    assert made.images.groupby("architecture")["psnr_y_db"].mean().tolist() == pytest.approx(
        made.cells.sort_values("architecture")["psnr_y_db"].tolist(), abs=1e-9
    )
    for name in ("leaderboard.md", "leaderboard.html", "leaderboard.csv", "per_image.csv", "records.jsonl.xz"):
        assert (tmp_path / "results" / name).is_file()


def test_a_second_run_does_nothing_and_another_question_takes_what_is_cached(run, tiny):
    heard, suite = [], tiny.suite()
    first = run(suite)
    second = run(suite, listener=heard.append)
    assert (second.outcome, heard) == (None, [])
    assert second.cells.equals(first.cells)
    assert run(suite, only="bicubic").outcome.cached == 1


def test_the_command_line_and_python_measure_the_same(run, typed, tiny):
    made = run(scales=[2, 2.3], architectures="bicubic", results="python")
    words = ("--data", tiny.data, "--plugin", tiny.plugin, "--no-profile", "--scale", "2,2.3", "--results", "typed")
    assert typed("run", tiny.suite(), "--architecture", "bicubic", *words) == 0
    typed = srbench.read_results("typed").cells
    kept = [name for name in typed.columns if name != "created"]
    assert typed[kept].equals(made.cells[kept])


def test_a_run_without_a_possible_cell_is_refused(run, tiny):
    (tiny.data / "TinyTest" / "ant.png").write_bytes(b"\x89PNG damaged")
    with pytest.raises(SrbenchError, match=r"ant\.png"):
        run()


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"scale": 2}, r"No option of a run named 'scale'. Did you mean scales\?"),
        ({"scales": "big"}, "big is not a scale; give a number above 1"),
        ({"limit": 0}, "limit is 0; give 1 or more"),
        ({"data": "nowhere"}, "The data folder nowhere is not a folder"),
        ({"device": "gpu"}, "This machine has no device 'gpu'"),
        ({"executor": "her"}, "No executor named 'her'"),
    ],
)
def test_a_wrong_argument_is_one_sentence_and_nothing_is_written(tiny, tmp_path, monkeypatch, keywords, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SrbenchError, match=says):
        srbench.run(tiny.suite(), **{"data": tiny.data, "plugin_files": [tiny.plugin]} | keywords)
    assert not (tmp_path / "results").exists()


def test_a_broken_plugin_is_a_warning(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_this_name")
    with pytest.warns(UserWarning, match="nothing_of_this_name"):
        srbench.run(tiny.suite(), data=tiny.data, plugin_files=[tiny.plugin, broken], profile=False, only="bicubic")


def test_the_folders_of_the_environment_are_used(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRBENCH_DATA", str(tiny.data))
    made = srbench.run(tiny.suite(), plugin_files=[tiny.plugin], profile=False, only="bicubic")
    assert made.cells.status.tolist() == ["ok"]


def test_python_has_every_option_of_a_run():
    assert set(RunKeywords.__annotations__) == set(RunOptions.__dataclass_fields__)
    options = RunOptions.of(scales=["3.7x1.5", 2], weights="a.pth", seeds=4, recipe=None)
    assert RunOptions.of(**options.keywords) == options
    assert (options.seeds, list(map(str, options.scales)), options.weights[0].name) == ((4,), ["3.7x1.5", "2"], "a.pth")
