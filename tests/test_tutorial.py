"""The tutorial is true: its commands, typed in their order in an empty folder, do what the page says."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python|text)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
"""Commands, the network's file, and what the command before printed. The block that installs has no language."""


def _type(line: str, folder: Path) -> str:
    """Type a command, check the exit status that its comment names (else 0), and return what it printed."""
    expected = int((re.search(r"# exit status (\d)", line) or [0, 0])[1])
    program, *words = shlex.split(line, comments=True)
    ran = subprocess.run(
        [Path(sys.executable).with_name(program), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "100"},
    )
    assert ran.returncode == expected, f"{line}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


def _scores(results: Path) -> dict[str, float]:
    with (results / "leaderboard.csv").open(encoding="utf-8") as file:
        return {row["architecture"]: float(row["psnr_y_db"]) for row in csv.DictReader(file)}


@pytest.mark.timeout(1200)  # two trainings of 700 steps: a minute of CPU, longer where others compute too
@pytest.mark.usefixtures("empty_cache")
def test_the_commands_of_the_tutorial_do_what_the_page_says(tmp_path):
    printed = ""
    for kind, text in BLOCKS:
        if kind == "sh":
            printed = "".join(_type(line, tmp_path) for line in text.splitlines())
        elif kind == "python":
            (tmp_path / "plugins" / "my_net.py").write_text(text, encoding="utf-8")
        else:  # numbers are this machine's; words are everybody's
            words = re.findall(r"[A-Za-z_]{3,}", text)
            assert [word for word in words if word not in printed] == []
    assert "my_net" in (tmp_path / "comment.md").read_text(encoding="utf-8")
    before, after = _scores(tmp_path / "results"), _scores(tmp_path / "with_my_net")
    assert after["my_net"] > after["bicubic"]
    assert {name: after[name] for name in before} == before


def test_the_network_of_the_tutorial_has_eighteen_lines():
    (network,) = (text for kind, text in BLOCKS if kind == "python")
    assert len([line for line in network.splitlines() if line]) == 18
