from __future__ import annotations

import pytest
import torch

from srbench.errors import StoreError, TrainingError
from srbench.networks.weights import load_state_dict
from srbench.training.checkpoints import Checkpoints, save_weights

CPU = torch.device("cpu")


def silent(sentence: str) -> None:
    raise AssertionError(f"expected no message, got: {sentence}")


def test_a_state_comes_back_as_it_was(tmp_path):
    state = {
        "w": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "n": {"a": [1, 2.5, "x", None]},
    }
    Checkpoints(tmp_path, "this training").save(7, state)
    back = Checkpoints(tmp_path, "this training").latest(CPU, silent)
    assert torch.equal(back["w"], state["w"])
    assert back["w"].stride() == state["w"].stride()
    assert back["n"] == state["n"]


def test_the_newest_two_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, "this training")
    for step in (9, 10, 100, 1000):
        checkpoints.save(step, {"step": step})
    assert sorted(int(p.name[5:15]) for p in tmp_path.iterdir()) == [100, 1000]
    assert checkpoints.latest(CPU, silent) == {"step": 1000}
    checkpoints.forget()
    assert checkpoints.latest(CPU, silent) is None


def test_a_checkpoint_of_another_training_is_not_used(tmp_path):
    Checkpoints(tmp_path, "another").save(1, {"step": 1})
    notes = []
    assert Checkpoints(tmp_path, "this training").latest(CPU, notes.append) is None
    assert notes == ["The checkpoint found belongs to another recipe, seed, student or distiller; starting again."]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "damage", [lambda data: data[:100], lambda data: b"", lambda data: data[:300] + b"?" + data[301:]]
)
def test_a_damaged_checkpoint_is_passed_over_with_a_sentence(tmp_path, damage):
    checkpoints = Checkpoints(tmp_path, "this training")
    checkpoints.save(1, {"step": 1, "w": torch.ones(50)})
    newest = checkpoints.save(2, {"step": 2, "w": torch.ones(50)})
    newest.write_bytes(damage(newest.read_bytes()))
    messages = []
    assert checkpoints.latest(CPU, messages.append)["step"] == 1
    assert messages == [f"The checkpoint {newest.name} is damaged; going on from the one before it."]


def test_a_half_written_checkpoint_is_not_one(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, "this training")
    checkpoints.save(1, {"step": 1})

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(StoreError, match="The disk is full"):
        checkpoints.save(2, {"step": 2})
    monkeypatch.undo()
    assert [p.name[:15] for p in tmp_path.iterdir()] == ["step-0000000001"]
    assert checkpoints.latest(CPU, silent) == {"step": 1}


class Foreign:
    pass


def test_an_object_that_could_not_be_read_back_is_refused_when_it_is_saved(tmp_path):
    with pytest.raises(TrainingError, match="keep only tensors, numbers"):
        Checkpoints(tmp_path, "this training").save(1, {"distiller": Foreign()})
    assert not list(tmp_path.iterdir())


def test_weights_come_back_equal_with_any_layout_or_sharing(tmp_path):
    tied = torch.randn(3)
    weights = {
        "a": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "b": tied,
        "c": tied,
        "n": torch.tensor(3),
    }
    save_weights(tmp_path / "deep" / "w.safetensors", weights, {"architecture": "small"})
    back = load_state_dict(tmp_path / "deep" / "w.safetensors").state
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[k], weights[k]) for k in weights)


def test_equal_weights_are_equal_files(tmp_path):
    weights = {name: torch.randn(4) for name in "zyx"}
    save_weights(tmp_path / "1", weights)
    save_weights(tmp_path / "2", dict(reversed(weights.items())))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
