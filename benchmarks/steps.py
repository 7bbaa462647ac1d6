"""Training steps of whole networks in srbench's loop, against plain steps of the formulations of papers and releases.

A plain step has the same weights, batch and loss in memory, PyTorch's default layout and its default Adam.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import plain_networks
from benchmarks.rows import Row
from benchmarks.training import SCALE, beside, photographs
from srbench.catalog.catalog import load_catalog
from srbench.imaging import read_image, to_tensor
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.freed_memory import freed_memory_kept
from srbench.training.costs import LiveBytes
from srbench.training.devices import lay_out

STEPS = 8
TOLERANCE = 1e-4
"""Of the range."""

Plain = Callable[[Any, Tensor], Tensor]


def rows() -> list[Row]:
    """Every comparison of this file."""
    specs = load_catalog().architectures
    kdsr = specs["kdsr_m"], plain_networks.kdsr
    with tempfile.TemporaryDirectory() as name, freed_memory_kept():
        folder = Path(name)
        return [
            timed(*kdsr, folder, patch=48, batch=4),
            remembered(*kdsr, patch=48, batch=4),
            # a smaller batch would go through other convolutions of 1x1 if torch has a single thread
            timed(specs["emsrdpn_a"], plain_networks.emsrdpn, folder, patch=16, batch=16),
            timed(specs["swinir_light"], plain_networks.swinir, folder, patch=48, batch=4),
            timed(specs["hpinet_m"], plain_networks.hpinet, folder, patch=48, batch=4),
        ]


def timed(spec: ArchitectureSpec, plain: Plain, folder: Path, *, patch: int, batch: int) -> Row:
    """Check that both formulations are equal, then compare steps in turns."""
    files = photographs(folder)
    require_equal(spec, plain, to_tensor(read_image(files["astronaut"][1])[:48, :48])[None])
    ratio = beside(spec, step(spec, plain, patch, batch), folder, files, steps=STEPS, patch=patch, batch=batch)
    return Row(f"training {spec.title}, {batch} of {patch}²", "the plain network", ratio, "≥ 1 (as fast)", ratio >= 1)


def remembered(spec: ArchitectureSpec, plain: Plain, *, patch: int, batch: int) -> Row:
    """Compare the bytes of all tensors alive at the peak of a step."""
    peaks = []
    for forward in (own, plain):
        taken = step(spec, forward, patch, batch)
        taken()  # makes the optimiser's state
        with LiveBytes() as live:
            taken()
        peaks.append(live.peak)
    ratio = peaks[1] / peaks[0]
    return Row(f"memory of training {spec.title}", "the plain network", ratio, "≥ 1 (no more)", ratio >= 1)


def step(spec: ArchitectureSpec, forward: Plain, patch: int, batch: int) -> Callable[[], None]:
    """Make a function that takes a plain step; with srbench's own forward pass, in the layout of its loop."""
    network = spec.network(SCALE).train()
    form = torch.channels_last if forward is own else torch.contiguous_format
    lay_out(network, torch.device("cpu"), form)
    lr, hr = (torch.rand(batch, 3, side, side) * spec.input_range for side in (patch, patch * SCALE))
    lr, hr = lr.contiguous(memory_format=form), hr.contiguous(memory_format=form)
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)

    def take() -> None:
        adam.zero_grad()
        F.l1_loss(forward(network, lr), hr).backward()
        adam.step()

    return take


def own(network: Any, lr: Tensor) -> Tensor:  # noqa: ANN401 - any network
    """Call a network of srbench."""
    sr: Tensor = network(lr)
    return sr


def require_equal(spec: ArchitectureSpec, plain: Plain, lr: Tensor) -> None:
    """Check that a plain formulation gives the network's output."""
    network = Network(spec, spec.network(SCALE).eval())
    with torch.inference_mode():
        expected = plain(network.module, lr * spec.input_range) / spec.input_range
        torch.testing.assert_close(network(lr, SCALE), expected, rtol=0, atol=TOLERANCE)
