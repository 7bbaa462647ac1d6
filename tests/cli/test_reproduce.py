"""``srbench reproduce RESULTS#ROW``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
import torch

from helpers.records import fail, make_record, write_records
from srbench.cli.json_output import DOCUMENTS
from srbench.report.reading import read_records
from srbench.running import session


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def results(srbench, run, tiny):
    """The results of a fixed operator, a student and its teacher, on the first of two images."""
    grid = 'architectures = ["bicubic", "dot"]\ndistillers = ["none", "logits"]\nteacher = "wide"'
    assert run("--limit", "1", suite=tiny.suite(grid)).status == 0
    return srbench.folder / "results"


def again(srbench, tiny, row, *words):
    session._library.cache_clear()
    return srbench("reproduce", f"results#{row}", "--run", "--data", tiny.data, *words)


@pytest.mark.parametrize("row", ["bicubic", "dot", "dot, logits from wide"])
def test_fixed_trained_and_distilled_rows_are_reproduced_bit_by_bit(srbench, tiny, results, row):
    answer = again(srbench, tiny, row, "--results", "again")
    assert f"results#{row} is reproduced bit by bit." in answer.out
    assert answer.status == 0
    (made,) = read_records(srbench.folder / "again").records
    (before,) = [r for r in read_records(results).records if r.row_id == made.row_id]
    assert made.key == before.key
    assert made.scores == before.scores
    assert len(made.images) == 1
    trained = row != "bicubic"
    assert ("weights: equal, bit by bit" in answer.out) == trained
    assert any((srbench.folder / "again" / "cache").glob("train/*/*/weights.safetensors")) == trained


def test_a_row_that_was_made_again_is_one_document(srbench, tiny, results):
    answer = again(srbench, tiny, "bicubic", "--json")
    document = json.loads(answer.out)
    jsonschema.validate(document, DOCUMENTS["reproduce"].json_schema())
    found = document["comparison"]
    assert (answer.status, found["reproduced"], found["exact"], found["same_weights"]) == (0, True, True, None)
    (score,) = found["scores"]
    assert (score["before"], score["difference"], score["bound"]) == (score["after"], 0, 0)
    assert document["command"][:3] == ["srbench", "run", "row.toml"]
    assert "row.toml" in document["files"]


def test_the_folder_and_the_row_can_be_two_words(srbench, results):
    one, two = srbench("reproduce", "results#dot"), srbench("reproduce", "results", "dot")
    assert (two.status, two.out) == (0, one.out)
    assert "No row of results named 'dit'. Did you mean dot?" in srbench("reproduce", "results", "dit").err


def test_a_row_names_the_curves_of_its_training(srbench, tiny, results):
    (line,) = [line for line in srbench("show", "results#dot").out.splitlines() if line.startswith("  curves: ")]
    assert Path(line.partition(": ")[2]).read_text().startswith("step,loss/l1")
    assert "curves: " not in srbench("show", "results#bicubic").out


def test_a_row_that_says_another_score_is_not_reproduced(srbench, tiny, results):
    (file,) = [f for f in (results / "records").glob("*.json") if '"bicubic"' in f.read_text().split('"label"')[0]]
    value = read_records(results).records[0].scores["psnr_y"].value
    file.write_text(file.read_text().replace(repr(value), repr(value + 0.25)))
    answer = again(srbench, tiny, "bicubic")
    assert answer.status == 1
    assert "results#bicubic is NOT reproduced." in answer.out
    assert "NO" in answer.out


def test_the_script_makes_the_row_again_as_it_is_printed(srbench, tiny, results):
    out = srbench("reproduce", "results#dot", "--data", tiny.data).out
    folder = srbench.folder / "elsewhere"
    folder.mkdir()
    files, command = out.rsplit("\n\n", 1)
    subprocess.run(["sh", "-c", files], cwd=folder, check=True)
    assert sorted(path.name for path in folder.iterdir()) == ["row.toml", "tiny.toml"]
    assert "# by: srbench run" in files
    srbench.monkeypatch.chdir(folder)
    session._library.cache_clear()
    assert srbench(*command.split()[1:], "--no-profile").status == 0
    (made,) = read_records(folder / "reproduced").records
    assert made.key in {record.key for record in read_records(results).records}


def test_old_records_say_what_is_missing_and_failed_ones_cannot_be_made_again(srbench):
    write_records(srbench.folder / "old", [make_record("espcn"), fail(make_record("fsrcnn"), "NaN.")])
    out = srbench("reproduce", "old#espcn").out
    assert "# It does not say what the recipe quick was; that of this srbench is taken." in out
    assert 'architectures = ["espcn"]' in out
    answer = srbench("reproduce", "old#fsrcnn")
    assert (answer.status, answer.out) == (2, "")
    assert "This row was not measured (NaN.)" in answer.err


def test_a_folder_with_something_in_it_is_refused(srbench, results):
    answer = srbench("reproduce", "results#bicubic", "--run", "--results", "results")
    assert answer.status == 2
    assert "give an empty folder" in answer.err
