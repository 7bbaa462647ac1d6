"""The networks of a training: the average of the student, and teachers that are found out when they are touched."""

import pytest
import torch

from helpers.training import SMALL, WIDE, make_setup
from srbench.errors import TrainingError
from srbench.networks.network import build_network
from srbench.training.learners import Average, FrozenTeachers


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


def test_the_average_copies_buffers():
    network = build_network(SMALL, 2)
    average = Average(network, 0.999)
    network.module(torch.rand(1, 3, 8, 8))
    average.update(10**6)
    assert torch.equal(average.network.module.norm.running_mean, network.module.norm.running_mean)
    assert average.network.module.norm.num_batches_tracked == 1
