"""What is wrong with a machine is named, and what to do about it."""

import importlib.metadata
from contextlib import contextmanager
from types import SimpleNamespace

import psutil
import pytest
import torch

from srbench.diagnosing import machine
from srbench.diagnosing.machine import diagnose_machine


def check(name):
    """What is said of one thing."""
    (found,) = [own for own in diagnose_machine().checks if own.name == name]
    return found.state, found.about


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """A machine on which nothing else runs, with a cache of its own."""
    monkeypatch.setattr(machine, "warning_of_load", lambda device: "")
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_sound_machine_is_not_bad_and_the_cache_stays_empty(quiet):
    found = diagnose_machine()
    assert not [
        own for own in found.checks if own.state == "bad" and own.name not in ("threads", "torch", "torchvision")
    ]
    assert not list(quiet.iterdir())
    assert found.machine.endswith("GiB") or "GiB, " in found.machine


def test_more_threads_than_a_container_may_use_are_bad(monkeypatch, tmp_path):
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    state, about = check("threads")
    assert state == "bad"
    assert about.startswith("torch computes with 16 threads on 1")
    assert about.endswith("give --threads 1.")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine._quota(tmp_path / "cpu.max") is None


def test_a_clock_that_changes_is_noted(monkeypatch, tmp_path):
    (tmp_path / "governor").write_text("powersave\n")
    monkeypatch.setattr(machine, "_GOVERNOR", tmp_path / "governor")
    assert check("clock")[0] == "note"
    assert "governor powersave" in check("clock")[1]
    (tmp_path / "governor").write_text("performance\n")
    assert check("clock")[0] == "good"


def test_other_work_is_bad(monkeypatch):
    monkeypatch.setattr(machine, "warning_of_load", lambda device: "This machine is busy.")
    assert check("other work") == ("bad", "This machine is busy.")
    assert diagnose_machine().bad


def test_torchvision_of_another_torch_is_bad(monkeypatch):
    monkeypatch.setattr(machine, "_installed", lambda name: "1.0")
    monkeypatch.setattr(
        importlib.metadata, "requires", lambda name: ["torch (==2.0.1)"] if name == "torchvision" else []
    )
    state, about = check("torchvision")
    assert state == "bad"
    assert about.startswith("torchvision was built for torch==2.0.1 and fails with ")


def test_a_gpu_that_torch_cannot_use_is_bad(monkeypatch):
    monkeypatch.setattr(machine, "_nvidia", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert check("torch") == (
        "bad", "There is an NVIDIA GPU, and this torch was built without CUDA; install the build for your driver.",
    )  # fmt: skip


def test_missing_packages_are_named_with_their_extra(monkeypatch):
    demands = ["numpy>=1.26", "torch>=999", 'no-such-package>=1; extra == "hub"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: demands if name == "srbench" else [])
    found = {own.state: own.about for own in diagnose_machine().checks if own.name == "packages"}
    assert found["bad"].startswith("srbench needs torch>=999; installed: ")
    assert found["note"] == "Not here: no-such-package; `pip install 'srbench[hub]'` for the Hugging Face Hub."
    assert "good" not in found


def test_codecs_and_ffmpeg_that_are_missing_are_named(monkeypatch):
    from PIL import features

    monkeypatch.setattr(features, "check", lambda name: name != "webp")
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert check("codecs") == ("bad", "This Pillow cannot read WebP; install Pillow's own wheel.")
    assert check("videos")[0] == "note"


def test_a_cache_that_cannot_be_written_or_locked_is_bad(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert check("cache")[0] == "bad"
    assert "SRBENCH_CACHE names another folder" in check("cache")[1]

    @contextmanager
    def never(path, timeout=-1):
        yield

    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(machine, "locked", never)
    assert "does not lock files" in check("cache")[1]


def test_little_memory_and_disk_are_noted(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**29))
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**30))
    assert check("memory") == ("note", "0.5 GiB are free.")
    assert check("disk")[0] == "note"
    assert "srbench cache prune" in check("disk")[1]
