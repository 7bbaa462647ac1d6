"""pip says where a file is, and every way it cannot is a reason."""

import subprocess
import types

import pytest

from srbench.errors import UnavailableError
from srbench.networks import package_index
from srbench.networks.package_index import fetch_from_index

FOUND = """\
  Found link https://a.test/x/tool-1.0.tar.gz#sha256=00 (from https://a.test/simple/tool/), version: 1.0
  Found link https://b.test/tool-1.0.tar.gz (from https://b.test/simple/tool/), version: 1.0
  Skipping link: No sources permitted for tool: https://a.test/x/tool-1.0.tar.gz (from https://a.test/simple/tool/)
  Found link https://a.test/x/other-tool-1.0.tar.gz.asc (from https://a.test/simple/tool/), version: 1.0
tool (1.0)
"""


def pip_says(monkeypatch, stdout="", stderr=""):
    said = types.SimpleNamespace(stdout=stdout, stderr=stderr)
    monkeypatch.setattr(package_index.subprocess, "run", lambda *_, **__: said)


def test_every_address_that_pip_found_is_tried_once(monkeypatch, tmp_path):
    pip_says(monkeypatch, FOUND)
    tried = []
    monkeypatch.setattr(package_index, "fetch_file", lambda urls, *_, **__: tried.extend(urls))
    fetch_from_index("tool", "tool-1.0.tar.gz", "0" * 64, tmp_path / "x.tar.gz")
    assert tried == ["https://a.test/x/tool-1.0.tar.gz", "https://b.test/tool-1.0.tar.gz"]


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("python: No module named pip\n", "No module named pip"),
        ("WARNING: an old pip\nERROR: No matching distribution found for tool\n", "No matching distribution"),
        ("", "no configured index has it"),
    ],
)
def test_without_an_address_the_last_line_of_pip_is_the_reason(monkeypatch, tmp_path, stderr, reason):
    pip_says(monkeypatch, "tool (2.0)\n", stderr)
    with pytest.raises(UnavailableError, match=reason):
        fetch_from_index("tool", "tool-1.0.tar.gz", "0" * 64, tmp_path / "x.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_pip_that_hangs_is_given_up(monkeypatch, tmp_path):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 120)

    monkeypatch.setattr(package_index.subprocess, "run", hang)
    with pytest.raises(UnavailableError, match="did not find x on the package index in 120 s"):
        fetch_from_index("tool", "x", "0" * 64, tmp_path / "x")
