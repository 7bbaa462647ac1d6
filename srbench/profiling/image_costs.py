"""What one sr costs where a network is evaluated more than once for it: evaluations, seconds, memory at the peak."""

from __future__ import annotations

import statistics
from dataclasses import replace

import torch

from srbench.errors import reason_of
from srbench.measuring.applying import Effort
from srbench.measuring.inference import enlarge
from srbench.measuring.protocol import Inference
from srbench.networks.network import Network
from srbench.profiling.machine import this_machine
from srbench.records.costs import ImageCosts
from srbench.records.stored import Measured
from srbench.scales import Scale
from srbench.training.costs import MIB, LiveBytes

WEIGHED_STEPS = 3
"""Steps of a fit whose memory is counted: in the second its optimiser has a state, and later ones are the same."""


def image_costs(
    network: Network, scale: Scale, inference: Inference, effort: Effort, device: torch.device, other_work: str
) -> ImageCosts:
    """Return the costs of one sr.

    Memory is counted afterwards, as counting is slow: in a draw of one step, or a fit of ``WEIGHED_STEPS``, for noise
    as large as the largest lr.

    Args:
        network: In eval mode on ``device``.
        scale: The factor.
        inference: How it was applied.
        effort: What that took.
        device: Where it was.
        other_work: What others did on the machine meanwhile; see `srbench.profiling.other_work`.
    """
    machine = this_machine()
    return ImageCosts(
        evaluations=effort.evaluations,
        seconds=Measured(value=statistics.median(effort.seconds)),
        peak_memory_mib=_peak(network, scale, inference, effort.largest, device),
        shortened=effort.shortened,
        threads=machine.threads,
        machine=machine.id,
        other_work=other_work,
    )


def _peak(
    network: Network, scale: Scale, inference: Inference, size: tuple[int, int], device: torch.device
) -> Measured:
    sampling, fitting = inference.sampling, inference.fitting
    short = replace(
        inference,
        sampling=sampling and replace(sampling, steps=1),
        fitting=fitting and replace(fitting, steps=min(fitting.steps, WEIGHED_STEPS)),
    )
    lr = torch.rand(1, network.colours, *size, generator=torch.Generator().manual_seed(0)).to(device)
    module = network.module
    try:
        with LiveBytes([*module.parameters(), *module.buffers()]) as live:
            enlarge(network, lr, scale, short)
    except Exception as error:  # noqa: BLE001 - a module that cannot be watched has scores all the same
        return Measured(reason=reason_of(error))
    return Measured(value=live.peak / MIB)
