"""What commands print in any encoding, and with any name."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from helpers.catalogs import share
from helpers.records import make_record, write_records
from srbench.imaging.files import write_png


@pytest.fixture
def printed(srbench, monkeypatch, catalog):
    """Type a command whose output goes to files in an encoding; gives its exit status and both texts."""

    def typing(encoding, *words):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
        with monkeypatch.context() as patched:
            if "--plugin" not in words:
                share(patched, catalog)
            for name, stream in zip(("stdout", "stderr"), streams, strict=True):
                patched.setattr(sys, name, stream)
            status = srbench(*words).status
        out, err = (stream.detach().getvalue().decode(encoding) for stream in streams)
        assert "Traceback" not in err
        return status, out, err

    return typing


@pytest.fixture
def sides(tmp_path):
    """Two leaderboards of which the second is worse, with a name in Chinese."""
    label = {"label": "网络 [red]"}
    records = [make_record("espcn", psnr=psnr) for psnr in (33.0, 32.0)]
    records = [r.model_copy(update={"model": r.model.model_copy(update=label)}) for r in records]
    return [write_records(tmp_path / name, [r]) for name, r in zip(("base", "head"), records, strict=True)]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_character_that_an_encoding_lacks_does_not_change_the_exit_status(printed, sides, encoding):
    rule = ("--fail-on", "psnr_y_db < -0.02")
    status, comment, _ = printed(encoding, "compare", *sides, *rule, "--markdown", "-")
    assert status == 1
    assert comment.startswith("### ❌" if encoding == "utf-8" else "### \\u274c")
    status, table, _ = printed(encoding, "report", sides[0])
    assert status == 0
    assert ("网络 [red]" if encoding == "utf-8" else "\\u7f51\\u7edc [red]") in table
    assert printed(encoding, "list", "suites")[0] == 0
    assert printed(encoding, "--help")[0] == 0
    status, _, error = printed(encoding, "report", "网络")
    assert status == 2
    assert error.count("\n") == 1


def test_all_images_are_degraded_by_a_process_that_cannot_print_an_arrow(tmp_path):
    for name in ("ant", "bee"):
        write_png(tmp_path / "hr" / f"{name}.png", np.full((32, 32, 3), 9, np.uint8))
    words = ("degrade", "hr", "--degradation", "bicubic", "--scale", "2", "--out", "lr")
    environment = os.environ | {"PYTHONIOENCODING": "cp1252", "SRBENCH_PLUGINS": "bundled"}
    command = (sys.executable, "-c", "from srbench.cli import main; main()", *words)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("cp1252").count("\\u2192") == 2
    assert len(list((tmp_path / "lr").glob("*.png"))) == 2


ODD = ["[red]fox", "end[-]", 'it\'s, "quoted"', "=cmd()", "tab\there"]


@pytest.fixture
def odd(srbench, tmp_path, monkeypatch):
    """A dataset whose images have odd names, and a folder of the same images."""
    monkeypatch.setenv("SRBENCH_DATASETS", str(tmp_path / "own.toml"))
    rng = np.random.default_rng(0)
    for name in ODD:
        image = rng.integers(0, 255, (40, 40, 3), np.uint8)
        write_png(srbench.folder / "hr [/x]" / f"{name}.png", image)
        write_png(srbench.folder / "sr [/x]" / f"{name}.png", image // 2 * 2)
    assert srbench("data", "add", "odd", "hr [/x]", "--license", "CC0-1.0").status == 0
    return srbench


def test_names_of_images_and_folders_are_text_wherever_they_are_printed(odd):
    answer = odd("score", "sr [/x]", "--dataset", "odd", "--scale", 2, "--metric", "psnr_y", "--csv", "s.csv")
    assert (answer.status, answer.err) == (0, "")
    assert "sr [/x] on odd x2" in answer.out
    for name in ("[red]fox", "end[-]", 'it\'s, "quoted"', "=cmd()", "tab here"):
        assert name in answer.out
    with (odd.folder / "s.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["image", "psnr_y_db"]
    assert {row[0] for row in rows} == {"[red]fox", "end[-]", 'it\'s, "quoted"', "'=cmd()", "tab here", "mean"}
    assert all(len(row) == 2 for row in rows)


def test_what_a_plugin_says_is_one_line_of_text(srbench):
    text = 'import srbench\nraise ValueError("first\\n  second [red]\\x1b[31m")\n'
    (srbench.folder / "odd.py").write_text(text)
    answer = srbench("list", "losses", "--plugin", "odd.py")
    assert "ValueError: first second [red]\\x1b[31m" in answer.err
    assert answer.err.count("\n") == 1
    found = json.loads(srbench("plugins", "--plugin", "odd.py", "--json").out)["plugins"]
    (facts,) = [plugin for plugin in found if plugin["name"] == "odd"]
    assert "\x1b" in facts["error"]  # JSON spells it itself
    table = srbench("plugins", "--plugin", "odd.py").out
    assert "\\x1b[31m" in table
    assert "\x1b" not in table


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_check_and_an_lr_that_is_made_again_end_the_same_in_any_encoding(printed, srbench, encoding):
    (srbench.folder / "odd.py").write_text(
        'import srbench\n@srbench.hookimpl\ndef register_losses():\n    build = lambda: lambda sr, hr: {}["网络"]\n'
        '    return [srbench.LossSpec(name="odd_loss", label="网络", build=build)]\n',
        encoding="utf-8",
    )
    status, out, _ = printed(encoding, "check", "odd_loss", "--plugin", "odd.py")
    assert status == 1
    assert "\\u2717 Computing the loss odd_loss raised KeyError: '\\u7f51\\u7edc'" in out
    write_png(srbench.folder / "网络 [red].png", np.full((32, 32, 3), 9, np.uint8))
    words = ("degrade", "网络 [red].png", "--degradation", "bicubic", "--scale", 2, "--out", "lr")
    assert printed(encoding, *words)[0] == 0
    status, out, _ = printed(encoding, *words[:2], "--from", "lr/网络 [red]_x2.json")
    assert status == 0
    assert out.startswith("\\u2713 bicubic")
    assert "\\u7f51\\u7edc [red]_x2.png" in out
