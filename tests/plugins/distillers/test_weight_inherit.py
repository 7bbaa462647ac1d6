"""What a student inherits: leading channels, evenly spaced blocks, whole shuffle groups."""

import pytest
import torch
from srbench_plugins.architectures import espcn
from srbench_plugins.architectures.edsr import EDSR
from srbench_plugins.distillers.weight_inherit import WeightInherit, inherit
from torch import nn

from srbench.distilling.distiller import Setup
from srbench.errors import TrainingError
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe


def setup(student, teacher):
    def wrap(name, module):
        return Network(ArchitectureSpec(name=name, build=lambda scale: module, scales=frozenset({2})), module)

    return Setup(
        student=wrap("student", student),
        teachers=(wrap("teacher", teacher),),
        scales=(2,),
        recipe=Recipe(name="r", datasets=("d",), steps=1),
        losses={"l1": nn.functional.l1_loss},
        device=torch.device("cpu"),
        build=lambda name: wrap(name, student),
    )


def test_a_student_of_the_teachers_size_becomes_the_teacher():
    teacher, student = (EDSR(2, n_resblocks=2, n_feats=8) for _ in range(2))
    distiller = WeightInherit(setup(student, teacher))
    lr = torch.rand(1, 3, 5, 6)
    assert distiller.inherited == 1.0
    assert torch.equal(student(lr), teacher(lr))


def test_a_narrower_student_takes_the_leading_channels():
    teacher, student = EDSR(2, n_resblocks=2, n_feats=12), EDSR(2, n_resblocks=2, n_feats=8)
    assert WeightInherit(setup(student, teacher)).inherited == 1.0
    assert torch.equal(student.body[0].body[0].weight, teacher.body[0].body[0].weight[:8, :8])
    assert torch.equal(student.tail[1].weight, teacher.tail[1].weight[:, :8])
    assert torch.equal(student.head[0].bias, teacher.head[0].bias[:8])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_teacher_that_uses_its_leading_channels_alone_passes_on_its_whole_function(scale):
    """Channels must be cut at the groups of the sub-pixel shuffle."""
    teacher, student = EDSR(scale, n_resblocks=2, n_feats=12), EDSR(scale, n_resblocks=2, n_feats=8)
    with torch.no_grad():
        for name, parameter in teacher.named_parameters():
            if name.startswith("head"):
                parameter[8:] = 0
            elif name.startswith("body"):
                parameter[8:] = 0
                if parameter.dim() > 1:
                    parameter[:, 8:] = 0
            elif name.startswith("tail.0"):
                parameter[8 * (9 if scale == 3 else 4) :] = 0
    inherit(student, teacher)
    lr = torch.rand(1, 3, 5, 6) * 255
    assert torch.allclose(student(lr), teacher(lr), atol=1e-3)


def test_a_shallower_student_takes_evenly_spaced_blocks_and_the_last_convolution():
    teacher, student = EDSR(2, n_resblocks=7, n_feats=8), EDSR(2, n_resblocks=3, n_feats=8)
    assert WeightInherit(setup(student, teacher)).inherited == 1.0
    for own, theirs in enumerate((0, 3, 6)):
        assert torch.equal(student.body[own].body[2].weight, teacher.body[theirs].body[2].weight), own
    assert torch.equal(student.body[3].weight, teacher.body[7].weight)


def test_what_the_teacher_lacks_stays_as_it_was():
    teacher, student = EDSR(2, n_resblocks=2, n_feats=8), EDSR(4, n_resblocks=3, n_feats=8)
    before = {key: value.clone() for key, value in student.state_dict().items()}
    share = WeightInherit(setup(student, teacher)).inherited
    assert 0 < share < 1
    assert torch.equal(student.body[2].body[0].weight, before["body.2.body.0.weight"])
    assert torch.equal(student.tail[0][2].weight, before["tail.0.2.weight"])
    assert torch.equal(student.head[0].weight, teacher.head[0].weight)


def test_a_kernel_of_another_side_is_not_cut():
    student, teacher = nn.Sequential(nn.Conv2d(3, 4, 3)), nn.Sequential(nn.Conv2d(3, 4, 5))
    before = student[0].weight.clone()
    inherit(student, teacher)
    assert torch.equal(student[0].weight, before)


def test_another_family_is_refused_in_a_sentence():
    with pytest.raises(TrainingError, match="student can inherit no weights from teacher"):
        WeightInherit(setup(EDSR(2, n_resblocks=2, n_feats=8), espcn.ESPCN(2)))
