"""Warm start from a wider or deeper teacher, then plain training: the control that every gain is judged against.

Slicing a teacher's weights into the student and training on as usual gave almost the whole gain that CSD reports
(issue 9 of its release: EDSR x4 Urban100 26.30 dB, where CSD has 26.34 and training from scratch 26.07).

What is inherited, walking both networks from their roots:

* Children are paired by name. Where two containers hold different numbers of children (a body of 4 blocks and one of
  16), consecutive children of one type form a run; when both containers have the same types in the same order, each
  of the student's runs takes evenly spaced members of the teacher's, the first and the last always among them.
* Of a paired tensor the student takes the first channels; everything behind the channels (a kernel's sides) must be of
  equal size. Since ``PixelShuffle``
  makes channel c from the s² channels that begin at c·s², the leading channels of the convolution before it are the
  leading channels after it, and groups stay whole.
* What the teacher lacks, has smaller or has of another type stays as it was initialised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

import srbench


class WeightInherit(srbench.Distiller):
    """Copies weights when it is built, and then trains on the recipe's losses.

    Attributes:
        inherited: Share of the student's weights that came from the teacher, in [0, 1].

    Raises:
        TrainingError: The teacher has nothing to pass on, which means another family of networks.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        student, teacher = setup.student, setup.teacher
        total = sum(p.numel() for p in student.module.parameters() if p.requires_grad)
        self.inherited = inherit(student.module, teacher.module) / max(total, 1)
        if not self.inherited:
            raise srbench.TrainingError(
                f"{student.spec.name} can inherit no weights from {teacher.spec.name}, since no layer of the two fits; "
                "choose a wider or deeper teacher of the same family."
            )


def inherit(student: nn.Module, teacher: nn.Module) -> int:
    """Copy what the teacher can pass on; see the module's text.

    Returns:
        How many trainable numbers of the student were set.
    """
    count = 0
    with torch.no_grad():
        for ours, theirs in inheritable(student, teacher):
            ours.copy_(leading(theirs, ours.shape))
            count += ours.numel() if ours.requires_grad else 0
    return count


def inheritable(student: nn.Module, teacher: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """The student's parameters and buffers that the teacher can pass on, each with the teacher's whole one."""
    for ours, theirs in _pairs(student, teacher):
        channels = zip(ours.shape[:2], theirs.shape[:2], strict=False)
        if ours.shape[2:] == theirs.shape[2:] and ours.dim() == theirs.dim() and all(a <= b for a, b in channels):
            yield ours, theirs


def leading(whole: Tensor, shape: Sequence[int]) -> Tensor:
    """The part of a tensor that has the first channels, as a view of the given shape."""
    return whole[tuple(slice(n) for n in shape)]


def _pairs(student: nn.Module, teacher: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    theirs = {**dict(teacher.named_parameters(recurse=False)), **dict(teacher.named_buffers(recurse=False))}
    for name, tensor in (*student.named_parameters(recurse=False), *student.named_buffers(recurse=False)):
        if name in theirs:
            yield tensor, theirs[name]
    for ours, match in _children(student, teacher):
        yield from _pairs(ours, match)


def _children(student: nn.Module, teacher: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    ours, theirs = dict(student.named_children()), dict(teacher.named_children())
    if ours.keys() == theirs.keys() or not isinstance(student, nn.Sequential | nn.ModuleList):
        yield from ((child, theirs[name]) for name, child in ours.items() if name in theirs)
        return
    runs, other_runs = _runs(student), _runs(teacher)
    if [type(run[0]) for run in runs] != [type(run[0]) for run in other_runs]:
        return
    for run, other in zip(runs, other_runs, strict=True):
        count = min(len(run), len(other))
        for i in range(count):
            yield run[i], other[round(i * (len(other) - 1) / max(count - 1, 1))]


def _runs(container: nn.Module) -> list[list[nn.Module]]:
    return [list(run) for _, run in groupby(container.children(), key=type)]


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """A control, not a method of its own."""
    return [
        srbench.DistillerSpec(
            name="weight_inherit",
            label="weight inheritance",
            build=WeightInherit,
            license="Apache-2.0",
            paper=srbench.Paper(
                title="Towards Compact Single Image Super-Resolution via Contrastive Self-distillation",
                venue="IJCAI",
                year=2021,
                url="https://arxiv.org/abs/2105.11683",
            ),
            notes="The control of its issue 9: the teacher's leading channels, trained on without distillation.",
        )
    ]
