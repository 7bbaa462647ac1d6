"""Warm start from a wider or deeper teacher, then plain training: the control that every gain is measured against.

Copying a slice of the teacher's weights into the student and training as usual gave almost the whole gain that CSD
reports (issue 9 of its release: EDSR x4 Urban100 26.30 dB, where CSD has 26.34 and training from scratch 26.07).

Both networks are walked from their roots to pair their tensors:

* Children are paired by name. If two containers hold different numbers of children (a body of 4 blocks and one of 16),
  consecutive children of one type form a run. If both containers have the same types in the same order, each run of
  the student takes evenly spaced members of the teacher's run, always including the first and the last.
* The student takes the first channels of a paired tensor; all later dimensions (a kernel's sides) must be equal. As
  ``PixelShuffle`` makes channel c from the s² channels that begin at c·s², the leading channels of the convolution
  before it are the leading channels after it, and groups stay whole.
* A tensor that is missing, smaller or of another type in the teacher stays as initialised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

import srbench


class WeightInherit(srbench.Distiller):
    """Copies weights when it is built, then trains on the recipe's losses.

    Attributes:
        inherited: Share of the student's weights that come from the teacher, in [0, 1].

    Raises:
        TrainingError: No weights of the teacher fit, as with another family of networks.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        student, teacher = setup.student, setup.teacher
        total = sum(p.numel() for p in student.module.parameters() if p.requires_grad)
        self.inherited = inherit(student.module, teacher.module) / max(total, 1)
        if not self.inherited:
            raise srbench.TrainingError(
                f"{student.spec.name} can inherit no weights from {teacher.spec.name}, as none of their layers match; "
                "choose a wider or deeper teacher of the same family."
            )


def inherit(student: nn.Module, teacher: nn.Module) -> int:
    """Copy all weights of the teacher that fit; see the module's docstring.

    Returns:
        The number of trainable values of the student that were set.
    """
    count = 0
    with torch.no_grad():
        for part, whole in inheritable(student, teacher):
            part.copy_(leading(whole, part.shape))
            count += part.numel() if part.requires_grad else 0
    return count


def inheritable(student: nn.Module, teacher: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the parameters and buffers of the student that fit, each with the teacher's whole tensor."""
    for part, whole in _pairs(student, teacher):
        channels = zip(part.shape[:2], whole.shape[:2], strict=False)
        if part.shape[2:] == whole.shape[2:] and part.dim() == whole.dim() and all(a <= b for a, b in channels):
            yield part, whole


def leading(whole: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the first channels of a tensor, as a view of the given shape."""
    return whole[tuple(slice(n) for n in shape)]


def _pairs(student: nn.Module, teacher: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    wholes = {**dict(teacher.named_parameters(recurse=False)), **dict(teacher.named_buffers(recurse=False))}
    for name, part in (*student.named_parameters(recurse=False), *student.named_buffers(recurse=False)):
        if name in wholes:
            yield part, wholes[name]
    for student_child, teacher_child in _children(student, teacher):
        yield from _pairs(student_child, teacher_child)


def _children(student: nn.Module, teacher: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    children, teacher_children = dict(student.named_children()), dict(teacher.named_children())
    if children.keys() == teacher_children.keys() or not isinstance(student, nn.Sequential | nn.ModuleList):
        yield from ((child, teacher_children[name]) for name, child in children.items() if name in teacher_children)
        return
    runs, teacher_runs = _runs(student), _runs(teacher)
    if [type(run[0]) for run in runs] != [type(run[0]) for run in teacher_runs]:
        return
    for run, teacher_run in zip(runs, teacher_runs, strict=True):
        count = min(len(run), len(teacher_run))
        for i in range(count):
            yield run[i], teacher_run[round(i * (len(teacher_run) - 1) / max(count - 1, 1))]


def _runs(container: nn.Module) -> list[list[nn.Module]]:
    return [list(run) for _, run in groupby(container.children(), key=type)]


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the control."""
    return [
        srbench.DistillerSpec(
            name="weight_inherit",
            tasks=frozenset({"sr", "recognition"}),
            label="weight inheritance",
            build=WeightInherit,
            license="Apache-2.0",
            paper=srbench.Paper(
                title="Towards Compact Single Image Super-Resolution via Contrastive Self-distillation",
                venue="IJCAI",
                year=2021,
                url="https://arxiv.org/abs/2105.11683",
            ),
            notes="The control from issue 9 of CSD's release: start from the teacher's leading channels, then train "
            "without distillation.",
        )
    ]
