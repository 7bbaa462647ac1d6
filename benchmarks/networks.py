"""Every bundled network against its release: what the release computes at x2, operator by operator, on one core.

References are the package spandrel where the network is its own, and otherwise plain transcriptions with the same
weights. Both run in turns; the ratio is that of the shortest times of the processor, which other work on the machine
changes least.
"""

from __future__ import annotations

import fnmatch
import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks import plain_light, plain_networks, plain_points, plain_residual
from benchmarks.rows import Row, compare_shortest
from srbench.catalog.catalog import load_catalog
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.complexity import macs_at

SCALE = 2
SIDES = (64, 48, 32, 24)
"""Sides of the lr to choose from: the largest whose sr does not take more than `MOST_MACS`."""
MOST_MACS = 8e9
TOLERANCE = 1e-4
"""Largest difference, of the largest output."""
AS_FAST = 0.97
"""The least ratio: as fast, but for noise."""

Plain = Callable[[Any, Tensor], Any]

RELEASES: dict[str, Plain] = {
    "a2n*": plain_light.a2n,
    "bsrn": plain_light.bsrn,
    "carn*": plain_residual.carn,
    "comonet*": plain_light.uhdn,
    "dwsr*": plain_light.dwsr,
    "edsr_adadm": plain_residual.adadm,
    "edsr_small_[abgil]*": plain_residual.adadm,
    "edsr*": plain_residual.edsr,
    "emsrdpn_*": plain_networks.emsrdpn,
    "espcn": plain_light.sequence,
    "fsrcnn*": plain_light.sequence,
    "ghostsr_*": plain_residual.ghost,
    "han": plain_residual.han,
    "hpinet_*": plain_networks.hpinet,
    "hsrnet": plain_light.hsrnet,
    "imdn": plain_light.imdn,
    "kdsr_small_*": plain_residual.constant_kdsr,
    "kdsr_*": plain_networks.kdsr,
    "liif:edsr_baseline": plain_points.liif,
    "mdsr*": plain_residual.mdsr,
    "metasr:edsr_baseline": plain_points.metasr,
    "msrresnet*": plain_residual.msrresnet,
    "mwcnn*": plain_light.mwcnn,
    "ncnet": plain_light.ncnet,
    "pan": plain_light.pan,
    "rcan*": plain_residual.edsr,
    "rdn*": plain_residual.rdn,
    "rlfn": plain_light.rlfn,
    "rrdbnet*": plain_residual.rrdbnet,
    "san": plain_residual.san,
    "srcnn*": plain_light.srcnn,
    "srlut_*_net": plain_light.few_pixels,
    "swin*": plain_networks.swinir,
    "udl_*": plain_residual.udl,
    "uhdn*": plain_light.uhdn,
    "vdsr": plain_light.vdsr,
}
"""Transcriptions by patterns of names; the first that fits."""
PACKAGED = ("spandrel_omnisr", "spandrel_span")
"""Networks of the package spandrel of which srbench replaces a part, to be compared with the package itself."""
WITHOUT_A_RELEASE = {
    "spandrel_*": "the package's own module",
    "freqnet*": "no code was released",
    "bicubic*": "a fixed operator",
    "nearest": "a fixed operator",
    "dip*": "fitted to each image: a call is a training of minutes",
    "zssr*": "fitted to each image: a call is a training of minutes",
    "resshift_*": "sampled: a call is many steps",
    "sr3_*": "sampled: a call is up to thousands of steps",
    "srlut_?": "a table; its release reads it in NumPy, one branch for each order of the pixels",
}
"""Reasons why a network has no row, by patterns of names."""


def rows() -> list[Row]:
    """Every comparison of this file."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        specs = load_catalog().architectures
        families = ("liif:edsr_baseline", "metasr:edsr_baseline")
        return [row for name in (*specs, *families) for row in rows_of(specs[name])]
    finally:
        torch.set_num_threads(threads)


def rows_of(spec: ArchitectureSpec) -> list[Row]:
    """Compare one network with its release; an empty list if it has none."""
    if spec.name not in PACKAGED and fitting(spec.name, WITHOUT_A_RELEASE):
        return []
    torch.manual_seed(0)
    network = spec.network(SCALE).eval()
    side = side_for(spec)
    lr = torch.rand(1, spec.colours, side, side) * spec.input_range
    given = spec.arguments(lr, SCALE)
    if spec.name in PACKAGED:
        against, plain = "the package spandrel", packaged(spec, network)
    else:
        against, plain = "its release's operators", fitting(spec.name, RELEASES)
    if plain is None:
        raise KeyError(f"{spec.name} has neither a transcription nor a reason; add it to this file.")
    with torch.inference_mode():
        check_equal(network(*given), plain(network, lr.clone()))
        ratio = compare_shortest(lambda: network(*given), lambda: plain(network, lr))
    what = f"{spec.name}, {side}x{side}"
    return [Row(what, against, ratio, f"≥ {AS_FAST} (as fast, but for noise)", ratio >= AS_FAST)]


def fitting(name: str, table: dict[str, Any]) -> Any:  # noqa: ANN401 - what the table holds
    """Return what the first pattern that fits a name stands for; None if no pattern fits."""
    return next((value for pattern, value in table.items() if fnmatch.fnmatch(name, pattern)), None)


def side_for(spec: ArchitectureSpec) -> int:
    """Choose the side of the lr of a network."""
    fits = [side for side in SIDES if side % spec.size_multiple == 0 and side >= spec.min_size]
    fits = [side for side in fits if not spec.name.startswith("swinfir") or side % 12 == 0]
    return next((side for side in fits if macs_at(spec, SCALE, (side, side)).total <= MOST_MACS), fits[-1])


def packaged(spec: ArchitectureSpec, network: torch.nn.Module) -> Plain:
    """Make the package's own network with the weights of ``network``."""
    facts: Any = spec.build
    made = getattr(
        importlib.import_module(f"spandrel.architectures.{facts.keywords['module']}"), facts.keywords["kind"]
    )
    reference = made(**{facts.keywords["factor"]: SCALE}, **facts.keywords["options"]).eval()
    reference.load_state_dict(network.state_dict())
    return lambda _, lr: reference(lr)


def check_equal(ours: Any, reference: Any) -> None:  # noqa: ANN401 - one map or two
    """Check that both formulations are one network."""
    pairs = [(ours, reference)] if isinstance(ours, Tensor) else zip(ours, reference, strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=0, atol=TOLERANCE * max(1.0, other.abs().max().item()))
