"""Weights are read without ever running code, and unwrapped by name."""

import hashlib
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from srbench.errors import CheckpointError
from srbench.networks import weights as checkpoints
from srbench.networks.weights import load_state_dict, verified

WEIGHTS = {"a.weight": torch.arange(4.0), "a.bias": torch.ones(1)}


def saved(path, content):
    torch.save(content, path)
    return path


def same(state, expected=WEIGHTS):
    return state.keys() == expected.keys() and all(torch.equal(state[k], expected[k]) for k in expected)


@pytest.mark.parametrize("name", ["w.safetensors", "renamed.pth"])
def test_safetensors_are_known_by_their_content(name, tmp_path):
    save_file(WEIGHTS, tmp_path / name)
    loaded = load_state_dict(tmp_path / name)
    assert same(loaded.state)
    assert loaded.undone == ()


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_torch_are_read(zipped, tmp_path):
    torch.save(WEIGHTS, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert same(load_state_dict(tmp_path / "w.pth").state)


PREFIXED = {f"module.{key}": value for key, value in WEIGHTS.items()}
OTHER = {key: value + 1 for key, value in WEIGHTS.items()}


@pytest.mark.parametrize(
    ("content", "undone"),
    [
        ({"params": WEIGHTS}, ("params",)),
        ({"params": OTHER, "params_ema": WEIGHTS}, ("params_ema",)),
        ({"state_dict": WEIGHTS, "epoch": 3, "optimizer": {"state": {}}}, ("state_dict",)),
        ({"model": {"state_dict": PREFIXED}}, ("model", "state_dict", "module.")),
        (PREFIXED, ("module.",)),
        ({f"_orig_mod.{key}": value for key, value in PREFIXED.items()}, ("_orig_mod.", "module.")),
        (WEIGHTS | {"epoch": 7, "name": "x"}, ("without epoch, name",)),
    ],
)
def test_wrappers_are_undone_and_named(content, undone, tmp_path):
    loaded = load_state_dict(saved(tmp_path / "w.pth", content))
    assert same(loaded.state)
    assert loaded.undone == undone


def test_a_prefix_that_only_some_keys_have_stays(tmp_path):
    content = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert load_state_dict(saved(tmp_path / "w.pth", content)).state.keys() == content.keys()


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path):
    proof = tmp_path / "exploded"
    for name, write in (("zip.pth", torch.save), ("raw.pth", lambda x, p: p.write_bytes(pickle.dumps(x)))):
        write({"params": WEIGHTS, "extra": Bomb(proof)}, tmp_path / name)
        with pytest.raises(CheckpointError, match=r"could run code, so it was not loaded"):
            load_state_dict(tmp_path / name)
    assert not proof.exists()


def test_a_pickled_module_is_refused(tmp_path, shared):
    for path in (saved(tmp_path / "m.pth", nn.Linear(2, 2)), shared("weights/refused/pickled_module.pth")):
        with pytest.raises(CheckpointError, match="pickled Python objects"):
            load_state_dict(path)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda p: None, "There is no checkpoint at"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_bytes(b"hello world" * 99), "is damaged or no checkpoint"),
        (lambda p: p.write_bytes(bytes(range(256)) * 9), "is damaged or no checkpoint"),
        (lambda p: p.write_bytes(saved(p, WEIGHTS).read_bytes()[:-300]), "is damaged or no checkpoint"),
        (lambda p: saved(p, [1, 2]), "holds a list, not a state dict"),
        (lambda p: saved(p, {"epoch": 3}), "holds no tensors"),
        (lambda p: saved(p, torch.optim.Adam([torch.ones(2, requires_grad=True)]).state_dict()), "an optimiser's"),
    ],
)
def test_what_holds_no_weights_is_refused_in_a_sentence(write, text, tmp_path):
    write(tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=text) as caught:
        load_state_dict(tmp_path / "w.pth")
    assert "\n" not in str(caught.value)


def test_a_truncated_safetensors_file_is_refused(tmp_path):
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    for length in (4, 20, len(content) - 1):
        (tmp_path / "w.safetensors").write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            load_state_dict(tmp_path / "w.safetensors")


def test_an_oversized_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "w.pth").open("wb") as file:
        file.truncate(checkpoints.MAX_BYTES + 1)
    with pytest.raises(CheckpointError, match=r"has 4.0 GiB, more than the 4 GiB"):
        load_state_dict(tmp_path / "w.pth")


def test_a_file_is_held_against_its_published_hash(tmp_path):
    path = tmp_path / "w.bin"
    path.write_bytes(b"weights")
    assert verified(path, hashlib.sha256(b"weights").hexdigest()) == path
    with pytest.raises(CheckpointError, match="is not the published file"):
        verified(path, "0" * 64)
