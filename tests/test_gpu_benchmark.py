"""What of ``python -m benchmarks.gpu`` a machine without GPUs can show."""

import os

import pytest
import torch

from benchmarks import gpu


def test_without_a_gpu_it_says_what_it_did_not_run(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main() == 2
    printed = capsys.readouterr().out
    assert "no CUDA device" in printed
    for part in (*gpu.PRECISIONS, "deterministically", "several GPUs", "a GPU for each worker"):
        assert part in printed


def test_weights_are_compared_by_their_largest_relative_difference():
    one = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([1.0])}
    other = {"a": torch.tensor([3.0, 4.5]), "b": torch.tensor([1.05])}
    assert gpu.difference(one, one) == 0
    assert gpu.difference(one, other) == pytest.approx(0.1)


def test_workers_that_share_a_gpu_are_noticed(monkeypatch, capsys):
    for found, own in (([("0", 1), ("1", 1)], True), ([("0", 1), ("0", 1)], False), ([("0", 2), ("1", 2)], False)):
        monkeypatch.setattr(gpu, "pinned", lambda count, found=found: found)
        assert gpu.check_pinning(2) is own
    assert "not pinned" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="workers are spawned as POSIX has it")
def test_each_worker_is_given_a_gpu_by_name_even_where_there_is_none(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert {name for name, _ in gpu.pinned(2)} == {"3", "5"}
