"""What training has learnt travels in the header of the weights' file."""

import pytest
import torch

from srbench.deploying.learnt import LearntLayer, LearntRanges, read_learnt
from srbench.errors import CheckpointError
from srbench.training.checkpoints import save_weights

LEARNT = LearntRanges(layers={"body.0": LearntLayer(weight_steps=(0.1, 1e-12), low=-0.25, high=0.3)})


@pytest.fixture
def saved(tmp_path):
    def save(note):
        path = tmp_path / "weights.safetensors"
        save_weights(path, {"body.0.weight": torch.ones(2, 1, 1, 1)}, {"srbench": note})
        return path

    return save


def test_a_file_gives_back_what_was_learnt(saved):
    assert read_learnt(saved(f"espcn 0123\n{LEARNT.text}")) == LEARNT


def test_other_files_have_nothing(saved, tmp_path):
    assert read_learnt(saved("espcn 0123")) is None
    assert read_learnt(saved('{"architecture": "espcn"}')) is None
    assert read_learnt(tmp_path / "weights.pth") is None


def test_a_note_that_cannot_be_read_is_refused_in_one_sentence(saved):
    with pytest.raises(CheckpointError, match="does not say what its quantisation-aware training learnt"):
        read_learnt(saved('espcn 0123\n{"layers": {"body.0": {}}}'))
