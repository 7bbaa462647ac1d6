"""Steps whose batch is divided: among processes, or into parts whose gradients are added in a fixed order.

A batch is a function of (seed, phase, step) alone. Its gradient is the mean of those of its parts, weighted by their
sizes, if every loss term is a mean over patches; `Divider.check` refuses what is not. So the result does not depend on
the number of processes, except for the order in which floating-point numbers are added. With ``deterministic`` in the
recipe a batch has the same parts in every number of processes, and their gradients are added one after another, so that
not even the last bit depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from srbench.distilling.distiller import Batch, Distiller, Optimiser, sum_of
from srbench.errors import TrainingError
from srbench.networks.wanted import Points
from srbench.training.group import Group

PARTS = 8
"""Parts of a batch with ``deterministic``, and so the most processes; smaller batches have a patch in each."""
TOLERANCE = 1e-3
"""Relative difference between a term and the mean of it over parts that rounding may make."""


def part_of(batch: Batch, own: slice) -> Batch:
    """Return some of the patches of a batch, with everything that belongs to them."""
    wanted = batch.wanted
    if isinstance(wanted, Points):
        wanted = Points(wanted.sizes[own], wanted.pixels[own])
    conditions = None if batch.conditions is None else batch.conditions[own]
    labels = None if batch.labels is None else batch.labels[own]
    return replace(
        batch, lr=batch.lr[own], hr=batch.hr[own], wanted=wanted, conditions=conditions, labels=labels
    )  # fmt: skip


def parts_of(count: int) -> list[slice]:
    """Divide ``count`` patches into `PARTS`, in the same way for every number of processes."""
    parts = min(PARTS, count)
    return [slice(n * count // parts, (n + 1) * count // parts) for n in range(parts)]


class Divider:
    """Decides which patches this process sees, and adds up what all have found.

    Attributes:
        group: The processes.
        in_order: Whether gradients are added in a fixed order, as the recipe's ``deterministic`` asks.
        active: Whether batches are divided at all.
    """

    def __init__(self, distiller: Distiller, group: Group) -> None:
        """Refuse what cannot be divided, as far as that is known without a batch.

        Raises:
            TrainingError: The method cannot be trained in parts.
        """
        self.group, self._distiller = group, distiller
        self.in_order = distiller.setup.recipe.deterministic
        self.active = self.in_order or group.size > 1
        self._share = 1.0
        if not self.active:
            return
        kind, student = type(distiller), distiller.setup.student.spec
        if student.samplers:
            raise self._refused(f"trains {student.name} by its objective, which draws random numbers for each patch")
        if distiller.data_parallel is False:
            raise self._refused("does not say that its steps can be divided among processes (Distiller.data_parallel)")
        if self.in_order and kind.step is not Distiller.step:
            steps = "takes its steps by itself, which leaves no fixed order of addition"
            raise TrainingError(f"{kind.__name__} {steps}; take deterministic out of the recipe.")

    def _refused(self, why: str) -> TrainingError:
        without = " and without deterministic" if self.in_order else ""
        return TrainingError(f"{type(self._distiller).__name__} {why}; train it with --devices 1{without}.")

    def check(self, whole: Batch) -> None:
        """Refuse a method that gives a batch other losses than the mean over its parts, before it takes a step.

        Args:
            whole: A batch of the phase that is about to be trained.

        Raises:
            TrainingError: A network normalises by the batch, or a term is not a mean over patches.
        """
        if not self.active:
            return
        student = self._distiller.setup.student
        for module in (*student.module.modules(), *self._distiller.modules()):
            if isinstance(module, _BatchNorm) and module.training:
                raise self._refused(f"with {student.spec.name} trains {type(module).__name__}, a mean over the batch")
        if self._distiller.data_parallel is None:
            for step in dict.fromkeys((0, whole.steps // 2, whole.steps - 1)):
                self._check_terms(replace(whole, step=step))

    def _check_terms(self, whole: Batch) -> None:
        count = len(whole.lr)
        size = self.group.size
        parts = parts_of(count) if self.in_order else [Group(rank, size).share(count) for rank in range(size)]
        terms = self._probe(whole)
        mean = dict.fromkeys(terms, 0.0)
        for part in parts:
            for name, term in self._probe(part_of(whole, part)).items():
                mean[name] = mean.get(name, 0.0) + term * (part.stop - part.start) / count
        for name, value in mean.items():
            if abs(value - terms.get(name, 0.0)) > TOLERANCE * abs(terms.get(name, 0.0)) + 1e-7:
                raise self._refused(f"has a loss term that is not a mean over patches, {name!r}")

    def _probe(self, batch: Batch) -> dict[str, float]:
        """Compute the losses without dropout, and leave networks, buffers and random streams as they were."""
        student = self._distiller.setup.student.module
        modes = [(module, module.training) for module in student.modules()]
        kept = [(buffer, buffer.detach().clone()) for owner in (student, self._distiller) for buffer in owner.buffers()]
        stream = batch.generator.get_state()
        student.eval()
        try:
            with torch.random.fork_rng(devices=[batch.lr.device] if batch.lr.device.type == "cuda" else []):
                terms = self._distiller.losses(batch)
            return {name: float(term.detach()) for name, term in terms.items()}
        finally:
            for module, mode in modes:
                module.training = mode
            batch.generator.set_state(stream)
            with torch.no_grad():
                for buffer, value in kept:
                    buffer.copy_(value)

    def own(self, batch: Batch) -> Batch:
        """Return this process's patches of a batch of all processes."""
        if self.group.size == 1:
            return batch
        own = self.group.share(len(batch.lr))
        self._share = (own.stop - own.start) / len(batch.lr)
        return part_of(batch, own)

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace gradients of this process's patches by those of all patches."""
        if self.group.size == 1 or self.in_order:  # in order they are already
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        total = _flat(gradients) * self._share
        self.group.add(total)
        _spread(total, gradients)

    def add_terms(self, terms: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the terms of all patches, from those of this process's."""
        if self.group.size == 1 or self.in_order or not terms:
            return terms
        total = torch.stack([term.detach().reshape(()).float() for term in terms.values()]) * self._share
        self.group.add(total)
        return dict(zip(terms, total.unbind(), strict=True))

    @staticmethod
    def random_state(device: torch.device) -> object:
        """Return how far torch's global stream is, to compare with later."""
        if device.type == "cuda":
            return torch.cuda.default_generators[device.index or 0].get_offset()
        return torch.default_generator.get_state().numpy().tobytes()

    def require_same_stream(self, before: object, device: torch.device) -> None:
        """Refuse a step that drew from torch's global stream, whose numbers belong to places in a batch.

        Raises:
            TrainingError: It did.
        """
        if self.random_state(device) != before:
            raise TrainingError(
                "A network or loss draws random numbers for each patch, as dropout does, which would depend on the "
                'number of processes; add "deterministic = true" to the recipe, or train with --devices 1.'
            )

    def step_in_order(self, batch: Batch, optimiser: Optimiser, seed: Callable[[int], None]) -> Mapping[str, Tensor]:
        """Take a step with the gradients of all parts of a batch, added one after another.

        Args:
            batch: The patches of all processes.
            optimiser: The only one of the phase.
            seed: Called with the number of each part before it is computed; sets torch's global stream.

        Returns:
            The terms of the whole batch.
        """
        count, parts = len(batch.lr), parts_of(len(batch.lr))
        parameters = [p for group in optimiser.raw.param_groups for p in group["params"]]
        found: dict[int, Tensor] = {}
        names: tuple[str, ...] = ()
        stream = batch.generator.get_state()
        for number in range(len(parts))[self.group.share(len(parts))]:
            seed(number)
            batch.generator.set_state(stream)
            optimiser.zero_grad()
            terms = self._distiller.losses(part_of(batch, parts[number]))
            optimiser.backward(sum_of(terms))
            names = tuple(terms)
            values = [term.detach().reshape(1).float() for term in terms.values()]
            row = _flat([*values, *(p.grad for p in parameters if p.grad is not None)])
            found[number] = row * ((parts[number].stop - parts[number].start) / count)
        rows = row.new_zeros(len(parts), len(row))
        for number, mine in found.items():
            rows[number] += mine  # not copied, since adding turns -0 into 0 in one process as in several
        self.group.add(rows)  # a row is zero in all processes but one, so this rounds nothing
        total = rows[0]
        for row in rows[1:]:
            total = total + row
        _spread(total[len(names) :], [p.grad for p in parameters if p.grad is not None])
        optimiser.step()
        return dict(zip(names, total.unbind(), strict=False))


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([t.reshape(-1) for t in tensors])


def _pieces(flat: Tensor, tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    start = 0
    for tensor in tensors:
        yield flat[start : start + tensor.numel()]
        start += tensor.numel()


def _spread(flat: Tensor, tensors: Sequence[Tensor]) -> None:
    """Copy consecutive pieces of a flat tensor into others."""
    for tensor, piece in zip(tensors, _pieces(flat, tensors), strict=True):
        tensor.copy_(piece.view(tensor.shape))
