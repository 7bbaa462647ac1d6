"""A name, a file or a row of results is loaded with the weights that it means."""

import pytest
import torch
from safetensors.torch import save_file

from helpers.records import make_record, write_records
from srbench.errors import CheckpointError, UnknownNameError, UsageError
from srbench.files import cache_root, sha256_of
from srbench.networks.network import build_network
from srbench.running.stages import TRAIN, WEIGHTS, JobName
from srbench.running.store import Store
from srbench.upscaling.loading import load_upscaler


@pytest.fixture
def trained(tmp_path, monkeypatch, catalog):
    """Return a function that stores a training and gives its record."""
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))

    def train(number, **of):
        torch.manual_seed(number)
        module = build_network(catalog.architectures["espcn"], of.get("scale", 2)).module
        record = make_record("espcn", **of)
        path = Store(cache_root()).folder(JobName(TRAIN, record.model.key)) / WEIGHTS
        path.parent.mkdir(parents=True)
        save_file(module.state_dict(), path)
        facts = record.model.model_copy(update={"weights_sha256": sha256_of(path)})
        return record.model_copy(update={"model": facts}), module.state_dict()

    return train


def same(upscaler, state):
    return all(torch.equal(tensor, state[key]) for key, tensor in upscaler.network.module.state_dict().items())


def test_a_row_has_the_weights_that_it_measured(tmp_path, catalog, trained):
    records, states = zip(*(trained(seed, seed=seed) for seed in range(2)), strict=True)
    results = write_records(tmp_path / "results", list(records))
    assert same(load_upscaler(f"{results}#espcn", catalog), states[0])
    assert same(load_upscaler(f"{results}#{records[1].key[:10]}", catalog), states[1])


def test_a_row_of_several_scales_and_degradations_is_asked_for(tmp_path, catalog, trained):
    two, of_two = trained(0, scale=2)
    four, of_four = trained(1, scale=4)
    blurred, _ = trained(2, scale=4, degradation="blur_down")
    results = write_records(tmp_path / "results", [two, four, blurred])
    with pytest.raises(UsageError, match="enlarges by x2, x4; choose one"):
        load_upscaler(f"{results}#espcn", catalog)
    assert same(load_upscaler(f"{results}#espcn", catalog, 4), of_four)
    assert same(load_upscaler(f"{results}#espcn", catalog, 2), of_two)
    odd, _ = trained(3, scale=4, degradation="down_noise")
    only_odd = write_records(tmp_path / "odd", [blurred, odd])
    with pytest.raises(UsageError, match="was trained on blur_down, down_noise"):
        load_upscaler(f"{only_odd}#espcn", catalog)


def test_weights_that_are_gone_or_have_changed_are_refused(tmp_path, catalog, trained):
    record, _ = trained(0)
    results = write_records(tmp_path / "results", [record])
    path = Store(cache_root()).folder(JobName(TRAIN, record.model.key)) / WEIGHTS
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(CheckpointError, match=r"is not what .* measured"):
        load_upscaler(f"{results}#espcn", catalog)
    path.unlink()
    with pytest.raises(CheckpointError, match="not in the cache of this machine"):
        load_upscaler(f"{results}#espcn", catalog)
    with pytest.raises(UnknownNameError, match="espcnn"):
        load_upscaler(f"{results}#espcnn", catalog)


def test_a_fixed_operator_of_a_row_is_loaded_too(tmp_path, catalog):
    results = write_records(tmp_path / "results", [make_record("bicubic", scale=3)])
    assert load_upscaler(f"{results}#bicubic", catalog).scale == 3
