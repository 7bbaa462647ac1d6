"""The networks of a training: teachers that are touched are found out."""

import pytest
import torch

from helpers.training import WIDE, make_setup
from srbench.errors import TrainingError
from srbench.training.learners import FrozenTeachers


def test_frozen_teachers_are_found_out_when_they_are_touched():
    (teacher,) = make_setup(teachers=(WIDE,)).teachers
    weight = next(teacher.module.parameters())
    teacher.module.train()
    frozen = FrozenTeachers((teacher,))
    assert not teacher.module.training
    assert not weight.requires_grad
    frozen.check()
    with torch.no_grad():
        teacher(torch.rand(1, 3, 4, 4), 2)
    frozen.check()

    teacher.module.train()
    with pytest.raises(TrainingError, match=r"The teacher wide was set to training"):
        frozen.check()
    teacher.module.eval()
    weight.requires_grad_(True)
    with pytest.raises(TrainingError, match=r"set to training"):
        frozen.check()
    weight.requires_grad_(False)
    with torch.no_grad():
        weight.add_(1)
    with pytest.raises(TrainingError, match=r"weights were changed"):
        frozen.check()
