"""Quantisation-aware training with learnt steps: LSQ (Esser et al., ICLR 2020).

The student computes with 8-bit weights and inputs of its layers, in floating point that is rounded to their grids. Each
output channel of a weight has a step, and so has the input of each convolution and linear layer. Steps are trained with
the weights on the recipe's losses. The gradient passes rounding unchanged; that of a step is scaled by
``1 / sqrt(N · Qp)``, where N is the number of values of the weight's channel, or of the input for one image, and Qp the
largest whole number.

It is meant to start from trained weights: name them in the recipe's ``start_from``. Compare it with the same recipe,
start and steps under ``none``, quantised after training.

What is saved are weights on their grids, under the names of the architecture: they also run in floating point. Their
file keeps the learnt steps and ranges, which `srbench.deploying.quantisation.quantise` takes instead of calibration.
Tensors that are the input of no layer, such as a sum at the end, are calibrated. While training goes on, it is
validated in floating point.

Three choices are ours. Esser et al. begin with the step ``2 · mean|v| / sqrt(Qp)``, for 2 to 4 bits. At 8 bits this
spreads most grids over several times the largest value, and cuts inputs with heavy tails, such as RLFN's global skip,
to a quarter of it, which short trainings do not repair: steps begin with the extremes, of a weight or of the inputs in
some batches, where quantisation after training ends. An input with negative values has a zero point, as in quantised
files, so that a leaky ReLU does not cost half of the levels. And a step is trained through its logarithm: it stays
positive, and an optimiser such as Adam, whose updates do not shrink with the gradient, changes it by a share of itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

import srbench
from srbench.deploying.learnt import LearntLayer, LearntRanges
from srbench.distilling.features import TRIAL_SIDE, evaluating

LARGEST_WEIGHT, LEVELS = 127, 255
"""Weights are whole numbers from -127 to 127, and inputs span 255 steps with 0 in them, as in quantised files."""
FIRST_BATCHES = 16
"""Number of batches whose extremes give the first steps of inputs."""
SHARE = 10.0
"""A step changes by this multiple of what Adam changes a weight by, as a share of itself: as weights of 0.1 do."""
_SMALLEST_STEP = 1e-12
"""For a channel of zeros."""


def fake_quantise(values: Tensor, step: Tensor, low: Tensor, high: Tensor, count: int) -> Tensor:
    """Round to whole multiples of a step, differentiably (Equations 1 to 3 and Section 2.2 of the paper).

    Args:
        values: Any shape.
        step: Positive; broadcasts to ``values``.
        low: The least whole number.
        high: The largest one.
        count: N, the number of values that share a step.
    """
    gradient_scale = 1 / math.sqrt(count * max(float(high), 1))
    step = step.detach() + (step - step.detach()) * gradient_scale
    scaled = (values / step).clamp(low, high)
    whole = scaled.round().detach() + (scaled - scaled.detach())
    return whole * step


class LearntGrid(nn.Module):
    """A grid of whole multiples of a learnt step.

    Args:
        shape: Shape of the step, which broadcasts to the values.

    Attributes:
        log_ratio: The trained logarithm of the step over the first one.
        first: The first step; 0 before it is set.
        low: The least whole number.
        high: The largest one.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.log_ratio = nn.Parameter(torch.zeros(shape))
        self.first: Tensor
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("first", torch.zeros(shape))
        self.register_buffer("low", torch.tensor(0.0))
        self.register_buffer("high", torch.tensor(0.0))

    @property
    def step(self) -> Tensor:
        """The step."""
        return self.first * (SHARE * self.log_ratio).exp()

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest value of a grid with one step."""
        step = self.step.detach()
        return float(self.low * step), float(self.high * step)

    @torch.no_grad()
    def begin_for_weight(self, weight: Tensor) -> None:
        """Set the first step of each output channel of a weight."""
        largest = weight.detach().flatten(1).float().abs().amax(dim=1)
        self._begin(largest / LARGEST_WEIGHT, -LARGEST_WEIGHT, LARGEST_WEIGHT)

    @torch.no_grad()
    def begin_for_input(self, extremes: Tensor) -> None:
        """Set the first step of an input, and which whole numbers it has.

        Args:
            extremes: (N, 2): the least and the largest value, of some batches.
        """
        least, largest = extremes[:, 0].min().clamp(max=0), extremes[:, 1].max().clamp(min=0)
        step = ((largest - least) / LEVELS).clamp_min(_SMALLEST_STEP)
        low = int((least / step).round())
        self._begin(step, low, low + LEVELS)

    def _begin(self, step: Tensor, low: int, high: int) -> None:
        self.first.copy_(step.clamp_min(_SMALLEST_STEP).reshape(self.first.shape))
        self.low.fill_(low)
        self.high.fill_(high)

    def forward(self, values: Tensor, count: int) -> Tensor:
        """Round values to the grid; see `fake_quantise`."""
        return fake_quantise(values.float(), self.step, self.low, self.high, count)


class QuantisationAware(srbench.Distiller):
    """Trains the student as it computes in 8 bits.

    Attributes:
        layers: Paths of the convolutions and linear layers that are trained.
        weights: A `LearntGrid` for the weight of each.
        called: Numbers of those that are called; others merely lend their weight to a function.
        inputs: A `LearntGrid` for the input of each that is called.

    Raises:
        TrainingError: The student has no such layer.
    """

    points = True

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        module = setup.student.module
        trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
        self.layers = [
            path
            for path, part in module.named_modules()
            if isinstance(part, nn.Conv2d | nn.Linear) and f"{path}.weight" in trained
        ]
        if not self.layers:
            raise srbench.TrainingError(
                f"{setup.student.spec.name} has no convolution and no linear layer to train in 8 bits; choose another "
                "distiller, such as none."
            )
        self.weights = nn.ModuleList()
        for weight in self._weights().values():
            grid = LearntGrid((len(weight), *[1] * (weight.dim() - 1)))
            grid.begin_for_weight(weight)
            self.weights.append(grid)
        self.called = self._find_called()
        self.inputs = nn.ModuleList(LearntGrid(()) for _ in self.called)
        self.begun: Tensor
        self.register_buffer("begun", torch.tensor(False))
        self.to(setup.device)

    def _weights(self) -> dict[str, nn.Parameter]:
        return {f"{path}.weight": self.setup.student.module.get_parameter(f"{path}.weight") for path in self.layers}

    def _weight_grids(self) -> list[LearntGrid]:
        return [grid for grid in self.weights if isinstance(grid, LearntGrid)]

    def _input_grids(self) -> dict[int, LearntGrid]:
        pairs = zip(self.called, self.inputs, strict=True)
        return {number: grid for number, grid in pairs if isinstance(grid, LearntGrid)}

    @torch.no_grad()
    def _find_called(self) -> list[int]:
        """Return the numbers of the layers that are called at any scale."""
        student, called = self.setup.student, set[int]()

        def note(number: int, values: Tensor) -> Tensor:
            called.add(number)
            return values

        lr = torch.full((1, student.colours, TRIAL_SIDE, TRIAL_SIDE), 0.5, device=self.setup.device)
        with evaluating(student.module), self._inputs_through(note, range(len(self.layers))):
            for scale in self.setup.scales:
                student(lr, scale)
        return sorted(called)

    @contextmanager
    def _inputs_through(self, change: Callable[[int, Tensor], Tensor], numbers: Iterable[int]) -> Iterator[None]:
        """Pass the inputs of some layers through ``change(number, values)``."""

        def hook(number: int, _layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return change(number, given[0]), *given[1:]

        with ExitStack() as hooks:
            for number in numbers:
                layer = self.setup.student.module.get_submodule(self.layers[number])
                hooks.enter_context(layer.register_forward_pre_hook(partial(hook, number)))
            yield

    def _rounded_weights(self) -> dict[str, Tensor]:
        pairs = zip(self._weights().items(), self._weight_grids(), strict=True)
        return {name: grid(weight, weight[0].numel()) for (name, weight), grid in pairs}

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],
    ) -> Mapping[str, Tensor]:
        """Take a step; before the first one, find the ranges of inputs."""
        if not self.begun:
            self.begin([batch, *(next_batch() for _ in range(FIRST_BATCHES - 1))])
        return super().step(batch, optimisers, next_batch)

    @torch.no_grad()
    def begin(self, batches: Sequence[srbench.Batch]) -> None:
        """Set the first steps of the inputs of layers from what they are in floating point."""
        found: dict[int, list[Tensor]] = {}

        def note(number: int, values: Tensor) -> Tensor:
            found.setdefault(number, []).append(_extremes(values))
            return values

        with evaluating(self.setup.student.module), self._inputs_through(note, self.called):
            for batch in batches:
                self.setup.student(batch.lr, batch.wanted, conditions=batch.conditions)
        grids = self._input_grids()
        for number, extremes in found.items():
            grids[number].begin_for_input(torch.stack(extremes))
        self.begun.fill_(True)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, of what the student computes in 8 bits."""
        grids = self._input_grids()

        def rounded(number: int, values: Tensor) -> Tensor:
            grid = grids[number]
            if not grid.first:  # of a scale that no first batch had
                grid.begin_for_input(_extremes(values)[None])
            on_grid: Tensor = grid(values, values[0].numel())
            return on_grid.to(values.dtype)

        with self._inputs_through(rounded, self.called):
            output = self.setup.student(batch.lr, batch.wanted, self._rounded_weights(), batch.conditions)
        return self.setup.supervised(output, batch.target)

    @torch.no_grad()
    def finish(self) -> None:
        """Put the weights on their grids."""
        weights = self._weights()
        for name, rounded in self._rounded_weights().items():
            weights[name].copy_(rounded)

    @torch.no_grad()
    def weights_note(self) -> str:
        """Return the learnt steps and ranges; see `srbench.deploying.learnt`."""
        inputs = {number: grid for number, grid in self._input_grids().items() if grid.first}
        layers = {}
        for number, (path, grid) in enumerate(zip(self.layers, self._weight_grids(), strict=True)):
            low, high = inputs[number].range if number in inputs else (None, None)
            layers[path] = LearntLayer(weight_steps=tuple(grid.step.flatten().tolist()), low=low, high=high)
        return LearntRanges(layers=layers).text


def _extremes(values: Tensor) -> Tensor:
    """Return (2,): the least and the largest value."""
    return torch.stack(values.detach().float().aminmax())


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide training in 8 bits."""
    return [
        srbench.DistillerSpec(
            name="qat",
            label="quantisation-aware training (LSQ)",
            build=QuantisationAware,
            needs_teacher=False,
            license="Apache-2.0",
            paper=srbench.Paper(
                title="Learned Step Size Quantization",
                venue="ICLR",
                year=2020,
                url="https://arxiv.org/abs/1902.08153",
            ),
            notes="Weights in int8 with a step for each output channel, inputs of layers in 8 bits. Name trained "
            "weights in the recipe's start_from, and compare with none under this recipe, quantised after training.",
        )
    ]
